package lexical

// query is an analysed query: the distinct terms and the sequence in which they
// stand, as positions in the list of distinct terms.
type query struct {
	terms    []string
	ids      map[string]int
	sequence []int
}

func analyse(a Analysis, text string) query {
	q := query{ids: map[string]int{}}
	a.each(text, func(term string) {
		id, known := q.ids[term]
		if !known {
			id = len(q.terms)
			q.ids[term] = id
			q.terms = append(q.terms, term)
		}
		q.sequence = append(q.sequence, id)
	})
	return q
}

// document is what a query needs to know of a text: how many terms it has and
// where the query's terms stand, ascending, by term.
type document struct {
	length    int
	positions [][]int
}

func (q query) read(a Analysis, text string) document {
	d := document{positions: make([][]int, len(q.terms))}
	a.each(text, func(term string) {
		if id, wanted := q.ids[term]; wanted {
			d.positions[id] = append(d.positions[id], d.length)
		}
		d.length++
	})
	return d
}

// count makes statistics of the query's terms in the documents.
func (q query) count(documents []document) *Statistics {
	s := &Statistics{counts: map[string]int{}, documents: len(documents)}
	for _, d := range documents {
		s.terms += d.length
		for id, at := range d.positions {
			s.counts[q.terms[id]] += len(at)
		}
	}
	return s
}

// ordered counts how often a term at one of the positions a is followed at once
// by one of b.
func ordered(a, b []int) int {
	count, j := 0, 0
	for _, p := range a {
		for j < len(b) && b[j] <= p {
			j++
		}
		if j < len(b) && b[j] == p+1 {
			count++
		}
	}
	return count
}

// unordered counts pairs of one position of a and one of b, in either order, of
// which both lie in a window of the given width. Pairs are taken from left to
// right and no position serves twice.
func unordered(a, b []int, width int) int {
	count, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch distance := a[i] - b[j]; {
		case distance == 0: // the same occurrence of a term that the query repeats
			j++
		case distance >= width:
			j++
		case -distance >= width:
			i++
		default:
			count++
			i++
			j++
		}
	}
	return count
}
