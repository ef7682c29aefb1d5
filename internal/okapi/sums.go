package okapi

import "container/heap"

// Candidate is a document, by its number in an index, and its score.
type Candidate struct {
	Number uint32
	Score  float64
}

// Sums adds scores up by document number. It is reused between queries: Reset
// clears what was touched and nothing else. Scores are positive, so 0 means
// untouched. The zero value is empty. It is for one goroutine at a time.
type Sums struct {
	scores  []float64
	touched []uint32
}

// Add adds to the score of a document.
func (s *Sums) Add(number uint64, score float64) {
	if number >= uint64(len(s.scores)) {
		grown := make([]float64, max(number+1, uint64(len(s.scores))*2, 1024))
		copy(grown, s.scores)
		s.scores = grown
	}
	if s.scores[number] == 0 {
		s.touched = append(s.touched, uint32(number))
	}
	s.scores[number] += score
}

// Reset makes the sums empty.
func (s *Sums) Reset() {
	for _, n := range s.touched {
		s.scores[n] = 0
	}
	s.touched = s.touched[:0]
}

// Touched are the numbers of the documents that have a score, in the order in
// which they got it. The slice belongs to the sums.
func (s *Sums) Touched() []uint32 { return s.touched }

// Top returns the limit highest of the allowed documents, which have scores, and
// with them every one that equals the lowest, in no order: who of the equals stays
// is decided by ID, which the sums do not know.
func (s *Sums) Top(limit int, allowed []uint32) []Candidate {
	lowest := s.threshold(limit, allowed)
	var found []Candidate
	for _, n := range allowed {
		if score := s.scores[n]; score >= lowest {
			found = append(found, Candidate{n, score})
		}
	}
	return found
}

// threshold returns the limit-th highest score, 0 if there are fewer.
func (s *Sums) threshold(limit int, allowed []uint32) float64 {
	if len(allowed) <= limit {
		return 0
	}
	highest := make(lowestFirst, limit)
	for i, n := range allowed[:limit] {
		highest[i] = s.scores[n]
	}
	heap.Init(&highest)
	for _, n := range allowed[limit:] {
		if score := s.scores[n]; score > highest[0] {
			highest[0] = score
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
