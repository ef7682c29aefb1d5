// Package overlap compares runs without judgements: how much two systems agree on
// the same topics, such as queries from production.
//
//	topics, err := overlap.Compare(old, fresh, overlap.Options{K: 10})
//	all := overlap.Mean(topics)
//	fmt.Println(all.RBO, all.Jaccard, all.SameFirst)
//
// It says how different two systems are, never which is better.
package overlap

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Options say what is looked at. The zero value looks at the first 10 documents.
type Options struct {
	// K is the depth of Jaccard and of the moves; 0 means 10.
	K int
	// P is the persistence of RBO, above 0 and below 1; 0 means 0.9.
	P float64
	// Order decides between documents of equal score.
	Order trec.Order
}

// Topic is what two runs have in common on a topic.
type Topic struct {
	ID string
	// RBO is the rank-biased overlap, Jaccard the documents of both first K over
	// those of either, 1 where both are empty.
	RBO, Jaccard float64
	// SameFirst is 1 if both begin with the same document, 0 else.
	SameFirst float64
	// Entered and Left count the documents that only the second, and only the first
	// run has among its first K. Moved is the mean change of rank of those that both
	// have, 0 without any.
	Entered, Left int
	Moved         float64
}

// Compare compares two runs on all topics of either, in ascending order of their
// ids; a topic that one of them lacks is an empty ranking.
func Compare(a, b *trec.Run, o Options) ([]Topic, error) {
	if o.K == 0 {
		o.K = 10
	}
	if o.P == 0 {
		o.P = .9
	}
	if o.K < 0 {
		return nil, fmt.Errorf("overlap: a depth of %d", o.K)
	}
	var ids []string
	for _, r := range []*trec.Run{a, b} {
		for _, t := range r.Topics {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil, errors.New("overlap: the runs have no topics")
	}
	var out []Topic
	for _, id := range ids {
		x, y := ranking(a, id, o), ranking(b, id, o)
		t, err := topicOf(x, y, o)
		if err != nil {
			return nil, fmt.Errorf("overlap: %w", err)
		}
		t.ID = id
		out = append(out, t)
	}
	return out, nil
}

func ranking(r *trec.Run, id string, o Options) []string {
	entries, _ := r.Topic(id)
	var out []string
	for _, i := range o.Order.Ranking(entries, nil) {
		out = append(out, entries[i].Document)
	}
	return out
}

func topicOf(a, b []string, o Options) (t Topic, err error) {
	if t.RBO, err = stats.RBO(a, b, o.P); err != nil {
		return t, err
	}
	if len(a) == 0 && len(b) == 0 {
		t.RBO = 1
	}
	if len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		t.SameFirst = 1
	}
	a, b = a[:min(o.K, len(a))], b[:min(o.K, len(b))]
	common := 0
	for i, id := range a {
		j := slices.Index(b, id)
		if j < 0 {
			t.Left++
			continue
		}
		common++
		t.Moved += float64(max(i-j, j-i))
	}
	t.Entered = len(b) - common
	t.Jaccard = 1
	if either := common + t.Left + t.Entered; either > 0 {
		t.Jaccard = float64(common) / float64(either)
	}
	if common > 0 {
		t.Moved /= float64(common)
	}
	return t, nil
}

// Mean averages the topics; Entered and Left are sums.
func Mean(topics []Topic) Topic {
	var m Topic
	n := float64(len(topics))
	for _, t := range topics {
		m.RBO += t.RBO / n
		m.Jaccard += t.Jaccard / n
		m.SameFirst += t.SameFirst / n
		m.Moved += t.Moved / n
		m.Entered += t.Entered
		m.Left += t.Left
	}
	return m
}
