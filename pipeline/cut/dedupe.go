package cut

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// Sameness says when two documents are duplicates of each other.
type Sameness uint8

// The kinds of sameness.
const (
	// SameID means equal keys, see Dedupe.Key.
	SameID Sameness = iota
	// SameText means equal texts, up to white space.
	SameText
	// SimilarText means texts whose sets of shingles overlap, see
	// Dedupe.Threshold.
	SimilarText
)

// String returns "id", "text" or "similar text".
func (s Sameness) String() string {
	switch s {
	case SameID:
		return "id"
	case SameText:
		return "text"
	case SimilarText:
		return "similar text"
	}
	return "invalid sameness"
}

// Defaults of Dedupe for similar texts.
const (
	DefaultShingle   = 3
	DefaultThreshold = 0.9
)

// Dedupe leaves out every hit that is a duplicate of a better one that was kept.
// Documents without words are never duplicates by their text.
//
// Rankings inside a pipeline have unique IDs already, so the zero value mends
// the raw rankings of a source that repeats documents, and SameID with a Key
// serves documents that have an identity of their own beside the ID.
type Dedupe struct {
	// By says what makes a duplicate; the zero value is SameID.
	By Sameness
	// Key returns the identity under SameID; nil stands for Document.ID, and an
	// empty key is nobody's duplicate. It must be safe for concurrent use.
	Key func(pipeline.Document) string
	// Threshold is the least Jaccard overlap of the shingles that makes texts
	// similar, in (0, 1]; zero stands for DefaultThreshold.
	Threshold float64
	// Shingle is the number of words of a shingle; zero stands for
	// DefaultShingle. A text of fewer words is one shingle.
	Shingle int
}

func (s Dedupe) threshold() float64 {
	if s.Threshold == 0 {
		return DefaultThreshold
	}
	return s.Threshold
}

func (s Dedupe) check() error {
	switch {
	case s.By > SimilarText:
		return fmt.Errorf("cut: dedupe: %d is no kind of sameness", s.By)
	case !(s.Threshold >= 0 && s.Threshold <= 1):
		return fmt.Errorf("cut: dedupe: threshold %v is no overlap: give one above 0, up to 1", s.Threshold)
	case s.Shingle < 0:
		return fmt.Errorf("cut: dedupe: shingles of %d words: give 1 or more, or 0 for %d", s.Shingle, DefaultShingle)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s Dedupe) Describe() pipeline.Node {
	n := pipeline.Node{
		Name: "dedupe", Settings: []pipeline.Setting{{Name: "by", Value: s.By.String()}},
		Facts: pipeline.Facts{Role: pipeline.RoleCut}, Err: s.check(),
	}
	if s.By == SimilarText {
		n.Settings = append(n.Settings,
			pipeline.Setting{Name: "threshold", Value: strconv.FormatFloat(s.threshold(), 'g', -1, 64)},
			pipeline.Setting{Name: "shingle", Value: strconv.Itoa(orDefault(s.Shingle, DefaultShingle))})
	}
	return n
}

// Apply implements pipeline.Stage.
func (s Dedupe) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	duplicate := s.duplicates()
	kept := make([]pipeline.Hit, 0, len(in.Hits))
	for _, h := range in.Hits {
		if !duplicate(h.Document) {
			kept = append(kept, h)
		}
	}
	return in.Derive(kept), nil
}

// duplicates returns a function that reports whether a document repeats one that
// it was asked about before, and remembers it if not.
func (s Dedupe) duplicates() func(pipeline.Document) bool {
	switch s.By {
	case SameText:
		return repeats(func(d pipeline.Document) string { return strings.Join(strings.Fields(d.Text), " ") })
	case SimilarText:
		return s.similar()
	}
	if s.Key != nil {
		return repeats(s.Key)
	}
	return repeats(func(d pipeline.Document) string { return d.ID })
}

func repeats(key func(pipeline.Document) string) func(pipeline.Document) bool {
	seen := map[string]struct{}{}
	return func(d pipeline.Document) bool {
		k := key(d)
		if k == "" {
			return false
		}
		if _, ok := seen[k]; ok {
			return true
		}
		seen[k] = struct{}{}
		return false
	}
}

// similar counts common shingles through an index of the kept documents, so the
// cost grows with the overlaps that there are and not with the pairs.
func (s Dedupe) similar() func(pipeline.Document) bool {
	var sizes []int
	index := map[uint64][]int{}
	return func(d pipeline.Document) bool {
		set := shingles(d.Text, orDefault(s.Shingle, DefaultShingle))
		if len(set) == 0 {
			return false
		}
		common := map[int]int{}
		for shingle := range set {
			for _, at := range index[shingle] {
				common[at]++
			}
		}
		for at, n := range common {
			if float64(n) >= s.threshold()*float64(sizes[at]+len(set)-n) {
				return true
			}
		}
		for shingle := range set {
			index[shingle] = append(index[shingle], len(sizes))
		}
		sizes = append(sizes, len(set))
		return false
	}
}
