package trec

import "strings"

// Run is what one system returned for a set of topics.
type Run struct {
	// Name is the run's tag, or the file's name where the format has no tag.
	Name string
	// Topics stand in the order of the file.
	Topics []Topic
	// Problems lists what the reader found: warnings always, errors only in
	// lenient mode.
	Problems []Problem

	index map[string]int
}

// Topic is one topic's part of a run.
type Topic struct {
	ID string
	// Entries stand in the order of the file; see Sort.
	Entries []Entry
}

// Entry is a returned document.
type Entry struct {
	Document string
	Score    float64
	// Rank is what the file says, which evaluation ignores; 0 where the format
	// has no rank.
	Rank int
}

// Topic returns the entries of a topic, and whether the run has it.
func (r *Run) Topic(id string) ([]Entry, bool) {
	if r.index == nil {
		for _, t := range r.Topics {
			if t.ID == id {
				return t.Entries, true
			}
		}
		return nil, false
	}
	i, ok := r.index[id]
	if !ok {
		return nil, false
	}
	return r.Topics[i].Entries, true
}

// InSample ends the tag of a run that was learned on topics that it ranks.
const InSample = "+in-sample"

// InSample reports whether the run's tag says that it was learned on topics that
// it ranks, so that a figure of it is too high.
func (r *Run) InSample() bool { return strings.HasSuffix(r.Name, InSample) }

// NewRun returns a run of the given topics. It takes ownership of the slice.
func NewRun(name string, topics []Topic) *Run {
	r := &Run{Name: name, Topics: topics}
	r.buildIndex()
	return r
}

func (r *Run) buildIndex() {
	r.index = make(map[string]int, len(r.Topics))
	for i, t := range r.Topics {
		r.index[t.ID] = i
	}
}
