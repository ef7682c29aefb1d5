package bleve

import "container/heap"

// candidate is a document, by its number in one reader, and its score.
type candidate struct {
	number uint32
	score  float64
}

// accumulator adds scores up by document number. It is reused between queries:
// reset clears what was touched and nothing else. Scores are positive, so 0
// means untouched.
type accumulator struct {
	scores  []float64
	touched []uint32
}

func (a *accumulator) add(number uint64, score float64) {
	if number >= uint64(len(a.scores)) {
		grown := make([]float64, max(number+1, uint64(len(a.scores))*2, 1024))
		copy(grown, a.scores)
		a.scores = grown
	}
	if a.scores[number] == 0 {
		a.touched = append(a.touched, uint32(number))
	}
	a.scores[number] += score
}

func (a *accumulator) reset() {
	for _, n := range a.touched {
		a.scores[n] = 0
	}
	a.touched = a.touched[:0]
}

// top returns the limit highest candidates that keep allows (nil allows all),
// and with them every one that equals the lowest, in no order: who of the equals
// stays is decided by ID, which the accumulator does not know.
func (a *accumulator) top(limit int, keep map[uint64]struct{}) []candidate {
	var allowed []uint32
	if keep == nil {
		allowed = a.touched
	} else {
		for _, n := range a.touched {
			if _, ok := keep[uint64(n)]; ok {
				allowed = append(allowed, n)
			}
		}
	}
	lowest := a.threshold(limit, allowed)
	var found []candidate
	for _, n := range allowed {
		if s := a.scores[n]; s >= lowest {
			found = append(found, candidate{n, s})
		}
	}
	return found
}

// threshold returns the limit-th highest score, 0 if there are fewer.
func (a *accumulator) threshold(limit int, allowed []uint32) float64 {
	if len(allowed) <= limit {
		return 0
	}
	highest := make(lowestFirst, limit)
	for i, n := range allowed[:limit] {
		highest[i] = a.scores[n]
	}
	heap.Init(&highest)
	for _, n := range allowed[limit:] {
		if s := a.scores[n]; s > highest[0] {
			highest[0] = s
			heap.Fix(&highest, 0)
		}
	}
	return highest[0]
}

// lowestFirst is a heap of scores with the lowest on top.
type lowestFirst []float64

// Len implements heap.Interface.
func (h lowestFirst) Len() int { return len(h) }

// Less implements heap.Interface.
func (h lowestFirst) Less(i, j int) bool { return h[i] < h[j] }

// Swap implements heap.Interface.
func (h lowestFirst) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *lowestFirst) Push(any) {}

// Pop implements heap.Interface.
func (h *lowestFirst) Pop() any { return nil }
