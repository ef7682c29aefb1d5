package measure

import (
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/nearest"
)

// QuerySet says which topics are measured and enter the mean.
type QuerySet uint8

// The query sets.
const (
	// Judged takes every judged topic; one that the run lacks counts as an empty
	// ranking. It is trec_eval's -c, and the default because a mean over the
	// returned topics only hides failures.
	Judged QuerySet = iota
	// Both takes the topics that are judged and in the run: trec_eval without -c.
	Both
	// Union takes every topic of either; one without judgements has no relevant
	// document.
	Union
)

// String says which topics the set holds.
func (q QuerySet) String() string {
	return [...]string{"all judged topics", "topics judged and returned", "topics judged or returned"}[q]
}

// Options decide what the figures mean. The zero value is trec_eval 10 with -c.
type Options struct {
	// Order decides between tied documents.
	Order trec.Order
	// Queries is the set of topics.
	Queries QuerySet
	// Level is the lowest relevant grade for measures that name none; 0 stands
	// for 1.
	Level int
	// OldRecallCuts rounds the cut-offs of IPrec as trec_eval up to 9 did.
	OldRecallCuts bool
	// PairwiseMeans adds up over topics as numpy does, instead of left to right.
	PairwiseMeans bool
	// DropSelf takes the document whose id is the topic's out of its ranking, for
	// collections whose queries are documents.
	DropSelf bool
	// Workers bounds how many topics are measured at once; 0 means one for each
	// processor. It never changes a figure.
	Workers int
}

// Compat returns the options under which figures equal those of another tool:
// "trec10", "trec9" or "ranx". The query set is left at its default.
func Compat(tool string) (Options, error) {
	switch strings.ToLower(tool) {
	case "", "trec10":
		return Options{}, nil
	case "trec9":
		return Options{Order: trec.Order{Float32: true}, OldRecallCuts: true}, nil
	case "ranx":
		return Options{Order: trec.Order{Ties: trec.InputOrder}, OldRecallCuts: true, PairwiseMeans: true}, nil
	}
	return Options{}, fmt.Errorf("measure: no compatibility with %q, only trec9, trec10, ranx%s", tool, nearest.Hint(tool, []string{"trec9", "trec10", "ranx"}))
}

// Conventions says in one line how ties, topics and grades are treated.
func (o Options) Conventions() string {
	width := "64-bit scores"
	if o.Order.Float32 {
		width = "32-bit scores"
	}
	text := fmt.Sprintf("ties: %s; %s; mean over %s; relevant from grade %d", o.Order.Ties, width, o.Queries, o.level())
	if o.OldRecallCuts {
		text += "; recall cut-offs of trec_eval 9"
	}
	if o.PairwiseMeans {
		text += "; pairwise means"
	}
	if o.DropSelf {
		text += "; a topic's own document dropped"
	}
	return text
}

func (o Options) level() int {
	if o.Level == 0 {
		return 1
	}
	return o.Level
}
