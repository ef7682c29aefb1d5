package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// warnTopics says which topics the figures are not of, and which are no
// independent evidence.
func warnTopics(r *Result, p Plan, unjudged []string) {
	if p.Judgements.Synthetic {
		r.addWarning("the judgements are synthetic: no human gave them")
	}
	if n := len(unjudged); n > 0 {
		r.addWarning("%s %s not judged and left out: %s", wording.Count(n, "topic"), wording.Are(n), wording.Some(unjudged))
	}
	asked := map[string]bool{}
	for _, q := range p.Topics {
		asked[q.ID] = true
	}
	var left []string
	for _, t := range p.Judgements.Topics {
		if !asked[t.ID] {
			left = append(left, t.ID)
		}
	}
	if n := len(left); n > 0 {
		r.addWarning("%d of %d judged topics are not in the plan, and nothing here is about them: %s", n, len(p.Judgements.Topics), some(left))
	}
	warnRepeatedTexts(r)
}

// warnRepeatedTexts names topics that ask the same.
func warnRepeatedTexts(r *Result) {
	texts := map[string][]string{}
	var repeated []string
	for _, t := range r.Topics {
		key := strings.Join(strings.Fields(strings.ToLower(t.Text)), " ")
		if key == "" {
			continue
		}
		if texts[key] = append(texts[key], t.ID); len(texts[key]) == 2 {
			repeated = append(repeated, key)
		}
	}
	for _, key := range repeated {
		r.addWarning("topics %s have one and the same text: they are no independent evidence, and every p is too low for it", some(texts[key]))
	}
}

// some prints the first names of a list.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", ..."
}

// inspect asks the gate about a result. files has what only the systems' run files
// show, nil for systems that ran here.
func inspect(r *Result, measures []measure.Measure, qrels *trec.Qrels, o measure.Options, files []gate.System) *gate.Findings {
	t := gate.Table{
		Topics: len(r.Topics), Shown: files != nil, Compared: len(r.Systems) > 1, OnlyRelevant: onlyRelevant(qrels, o.Level),
		Ordered: o.Order.Ties == trec.Expected || o.Order.Ties == trec.InputOrder,
	}
	for _, m := range measures {
		t.Measures = append(t.Measures, gate.Measure{Name: m.String(), K: m.K})
	}
	for i, s := range r.Systems {
		g := gate.System{}
		if files != nil {
			g = files[i]
		}
		g.Name, g.Unjudged, g.Values = s.Name, s.Unjudged, s.Values
		g.Failed, g.Degraded = topicsOf(s.Failures), topicsOf(s.Degraded)
		g.Repeat = i > 0 && files == nil && s.Tree == r.Systems[0].Tree
		if leak := s.Tuning.leak(r.Topics); leak != "" {
			g.Learned = leak
		}
		t.Systems = append(t.Systems, g)
	}
	return gate.Inspect(t)
}

// onlyRelevant reports whether no document was judged as not relevant.
func onlyRelevant(qrels *trec.Qrels, level int) bool {
	for _, t := range qrels.Topics {
		if slices.ContainsFunc(t.Judged, func(j trec.Judgement) bool { return j.Grade < max(1, level) }) {
			return false
		}
	}
	return true
}

// warnSystems adds what a reader must know of the systems before believing the
// table.
func warnSystems(r *Result, p Plan) {
	if p.Concurrency > 1 {
		r.addWarning("%d topics ran at once: the times are those of a loaded system", p.Concurrency)
	}
	for i, s := range r.Systems {
		warnSystem(r, s)
		if n := len(s.Failures) + len(s.Degraded); n > 0 && i == 0 && len(r.Systems) > 1 {
			r.addWarning("the baseline %s did not do its whole work on %s: what looks like a gain over it may be that, and none is marked", s.Name, wording.Count(topicsOf(s.Failures, s.Degraded), "topic"))
		}
		if base := r.Systems[0]; i > 0 && s.Tree == base.Tree && !reflect.DeepEqual(s.Values, base.Values) {
			r.addWarning("%s describes itself exactly as the baseline and gave other figures: a repeat of one system shows its noise and proves nothing (see Plan.Repeats), and no difference of it is marked; if they do differ, give their parts a description that says so", s.Name)
		}
	}
}

// topicsOf counts distinct topics.
func topicsOf(lists ...[]Failure) int {
	seen := map[string]bool{}
	for _, f := range slices.Concat(lists...) {
		seen[f.Topic] = true
	}
	return len(seen)
}

func warnSystem(r *Result, s System) {
	if n := topicsOf(s.Failures); n > 0 {
		r.addWarning("%s failed on %s, which %s 0: %s", s.Name, wording.Of(n, len(r.Topics), "topic"), wording.Verb(n, "counts", "count"), s.Failures[0].Error)
	}
	if n := topicsOf(s.Degraded); n > 0 {
		r.addWarning("%s gave degraded rankings on %s, and its figures are of those: %s", s.Name, wording.Of(n, len(r.Topics), "topic"), s.Degraded[0].Error)
	}
	var below []string
	for m, input := range s.BelowInput {
		if input != "" {
			below = append(below, fmt.Sprintf("%s %.4f < %s", r.Measures[m], s.Means[m], input))
		}
	}
	if len(below) > 0 {
		r.addWarning("%s is below one of its own inputs: %s", s.Name, strings.Join(below, "; "))
	}
}
