package lexical

import "iter"

// Statistics are the term counts of a collection, against which the scorer
// measures how telling a term is. With statistics a document's score depends on
// the query and that document alone, so that calls can be split and cached;
// without, it depends on the other documents of the call too.
//
// A value made by Collect is read-only and safe for concurrent use.
type Statistics struct {
	analysis  Analysis
	counts    map[string]int
	terms     int
	documents int
}

// Collect counts the terms of texts. A scorer that is given the statistics
// analyses queries and documents in the same way.
func Collect(analysis Analysis, texts iter.Seq[string]) *Statistics {
	s := &Statistics{analysis: analysis, counts: map[string]int{}}
	for text := range texts {
		s.documents++
		analysis.each(text, func(term string) {
			s.counts[term]++
			s.terms++
		})
	}
	return s
}

// Documents returns the number of texts that were counted.
func (s *Statistics) Documents() int { return s.documents }

// Terms returns the number of terms in all texts, repetitions included.
func (s *Statistics) Terms() int { return s.terms }

// Count returns how often an analysed term occurs in all texts.
func (s *Statistics) Count(term string) int { return s.counts[term] }

// model returns the collection's language model for the terms of a query: the
// probability that a random term of the collection is term i. Half a count is
// added so that a term which the collection does not hold is rare and not
// impossible.
func (s *Statistics) model(terms []string) []float64 {
	p := make([]float64, len(terms))
	for i, t := range terms {
		p[i] = (float64(s.counts[t]) + 0.5) / (float64(s.terms) + 1)
	}
	return p
}
