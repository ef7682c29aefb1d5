package trec

import (
	"strconv"
	"strings"

	"github.com/sourcegraph/conc/pool"
)

// fields are the first seven fields of a line, each by where it begins and ends
// in the text: numbers, because the collector watches every string that is
// stored.
type fields [14]int

// of returns field i of the text that was cut.
func (f *fields) of(text string, i int) string { return text[f[2*i]:f[2*i+1]] }

// looksLikeRun reports whether the fourth and fifth of at least six fields are
// numbers, as rank and score are, and the sixth is none: where it is, a space in
// a document's id may have moved the columns.
func (f *fields) looksLikeRun(text string) bool {
	_, rank := strconv.ParseFloat(f.of(text, 3), 64)
	_, score := strconv.ParseFloat(f.of(text, 4), 64)
	_, tag := strconv.ParseFloat(f.of(text, 5), 64)
	return rank == nil && score == nil && tag != nil
}

// cut finds the fields of the line that begins at text[i], between runs of
// spaces and tabs, and returns how many it has and where the next line begins. A
// carriage return before the line's end belongs to the end.
func (f *fields) cut(text string, i int) (n, next int) {
	for {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		if i == len(text) {
			return n, i
		}
		if text[i] < ' ' {
			if end := lineEnd(text, i); end > 0 {
				return n, i + end
			}
		}
		start := i
		for i < len(text) && (text[i] > ' ' || !separates(text, i)) {
			i++
		}
		if n < len(f)/2 {
			f[2*n], f[2*n+1] = start, i
		}
		n++
	}
}

// lineEnd is the length of the line end at text[i], 0 if none is there.
func lineEnd(text string, i int) int {
	switch {
	case i >= len(text):
		return 0
	case text[i] == '\n':
		return 1
	case text[i] != '\r':
		return 0
	case i+1 == len(text):
		return 1
	case text[i+1] == '\n':
		return 2
	}
	return 0
}

func separates(text string, i int) bool {
	return text[i] == ' ' || text[i] == '\t' || lineEnd(text, i) > 0
}

// pieces cuts a text at line ends into at most n parts of about the same size,
// fewer if they would be small.
func pieces(text string, n int) []string {
	const least = 1 << 20
	n = max(1, min(n, len(text)/least))
	var out []string
	for ; n > 1; n-- {
		at := len(text) / n
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		out, text = append(out, text[:at+end+1]), text[at+end+1:]
	}
	if text != "" || len(out) == 0 {
		out = append(out, text)
	}
	return out
}

// inParallel calls work for 0 ... n-1 on at most so many goroutines.
func inParallel(workers, n int, work func(i int)) {
	if n == 1 {
		work(0)
		return
	}
	p := pool.New().WithMaxGoroutines(max(1, workers))
	for i := range n {
		p.Go(func() { work(i) })
	}
	p.Wait()
}
