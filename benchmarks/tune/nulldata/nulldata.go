// Package nulldata makes tuning problems in which there is nothing to gain.
//
//	for _, shape := range nulldata.Shapes() {
//		report, err := tune.Tune(shape.Make(seed), tune.Constants())
//		// report.Verdict says tune.Adopt by chance only
//	}
//
// What claims a gain is tested on them: a method that adopts more often than its
// nominal rate claims what is not there. `quality null` counts.
package nulldata

import (
	"fmt"
	"math/rand/v2"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
)

// Shape is a kind of data.
type Shape struct {
	Name string
	// Summary says why there is nothing to gain.
	Summary string
	// WeightsOnly says that this holds for weights around equal ones and not for
	// other methods.
	WeightsOnly bool
	// Make returns the problem of a seed; the same for the same seed.
	Make func(seed uint64) tune.Problem
}

// Shapes lists the shapes. In all but the last, which documents are relevant has
// nothing to do with any run, so that no setting is better than another; in the
// last both runs are equally good, so that no setting is better than equal weights.
func Shapes() []Shape {
	return []Shape{
		shape("shuffled", "judgements of other topics", sketch{topics: 60, relevant: 6}),
		shape("one relevant", "known items: one relevant document, values far apart", sketch{topics: 100, relevant: 1, measure: "RR@10"}),
		shape("sparse", "most topics have no relevant document in reach", sketch{topics: 80, relevant: 1, unreached: .7}),
		shape("graded", "grades from 1 to 3", sketch{topics: 60, relevant: 8, grades: 3}),
		shape("few topics", "25 topics", sketch{topics: 25, relevant: 5}),
		shape("near copies", "the second run is the first with a few changes", sketch{topics: 60, relevant: 5, copy: true}),
		shape("ties", "scores have three values", sketch{topics: 60, relevant: 5, levels: 3}),
		shape("paraphrases", "topics in groups of three that ask the same", sketch{topics: 90, relevant: 5, group: 3}),
		shape("equal partners", "both runs are equally good, by independent evidence", sketch{topics: 60, relevant: 5, signal: 1}),
	}
}

// sketch says what a shape's data are like.
type sketch struct {
	topics, relevant, grades, levels, group int
	measure                                 string
	unreached, signal                       float64
	copy                                    bool
}

// depth is the length of the lists, pool the number of documents of a topic.
const (
	depth = 30
	pool  = 45
)

func shape(name, summary string, s sketch) Shape {
	if s.measure == "" {
		s.measure = "nDCG@10"
	}
	return Shape{Name: name, Summary: summary, WeightsOnly: s.signal > 0, Make: s.problem}
}

func (s sketch) problem(seed uint64) tune.Problem {
	r := rand.New(rand.NewPCG(seed, 0x6e756c6c))
	var first, second []trec.Topic
	var judged []trec.Judgements
	groups := map[string]string{}
	for t := range s.topics {
		id := fmt.Sprintf("t%03d", t)
		if s.group > 1 {
			groups[id] = fmt.Sprintf("g%03d", t/s.group)
			if t%s.group > 0 { // as the one before it, under another id
				first = append(first, trec.Topic{ID: id, Entries: first[t-1].Entries})
				second = append(second, trec.Topic{ID: id, Entries: second[t-1].Entries})
				judged = append(judged, trec.Judgements{ID: id, Judged: judged[t-1].Judged})
				continue
			}
		}
		j, good := s.judgements(r)
		a := s.list(r, good, nil)
		b := s.list(r, good, a)
		first, second = append(first, trec.Topic{ID: id, Entries: a}), append(second, trec.Topic{ID: id, Entries: b})
		judged = append(judged, trec.Judgements{ID: id, Judged: j})
	}
	return tune.Problem{
		Runs:  []*trec.Run{trec.NewRun("first", first), trec.NewRun("second", second)},
		Qrels: trec.NewQrels(judged), Measure: measure.MustParse(s.measure)[0], Groups: groups,
		Sampling: stats.Sampling{Samples: 2000, Seed: seed}, Depth: depth,
	}
}

func name(i int) string { return fmt.Sprintf("d%02d", i) }

// judgements draws the relevant documents of a topic.
func (s sketch) judgements(r *rand.Rand) (judged []trec.Judgement, good map[int]bool) {
	good = map[int]bool{}
	from := 0
	if r.Float64() < s.unreached {
		from = pool // ids that no list has
	}
	for i, d := range r.Perm(pool) {
		grade := 0
		if i < s.relevant {
			grade = 1
			if s.grades > 1 {
				grade += r.IntN(s.grades)
			}
			good[from+d] = true
		}
		judged = append(judged, trec.Judgement{Document: name(from + d), Grade: grade})
	}
	return judged, good
}

// list draws a ranking. like is the ranking that a copy changes.
func (s sketch) list(r *rand.Rand, good map[int]bool, like []trec.Entry) []trec.Entry {
	var entries []trec.Entry
	if s.copy && like != nil {
		for _, e := range like {
			e.Score += .1 * r.Float64()
			entries = append(entries, e)
		}
		return entries
	}
	for _, d := range r.Perm(pool)[:depth] {
		score := r.NormFloat64()
		if good[d] {
			score += s.signal
		}
		if s.levels > 0 {
			score = float64(r.IntN(s.levels))
		}
		entries = append(entries, trec.Entry{Document: name(d), Score: score})
	}
	return entries
}
