package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// warnTopics says which topics the figures are not of, and which are no
// independent evidence.
func (r *Result) warnTopics(p Plan, unjudged []string) {
	if n := len(unjudged); n > 0 {
		r.addWarning("%d topics are not judged and left out: %s", n, some(unjudged))
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
	texts := map[string][]string{}
	var repeated []string
	for _, t := range r.Topics {
		key := strings.Join(strings.Fields(strings.ToLower(t.Text)), " ")
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

func (r *Result) addWarning(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// warn adds what a reader must know before believing the table.
func (r *Result) warn(p Plan) {
	if p.Concurrency > 1 {
		r.addWarning("%d topics ran at once: the times are those of a loaded system", p.Concurrency)
	}
	r.warnUnjudged()
	for i, s := range r.Systems {
		r.warnSystem(s)
		if n := len(s.Failures) + len(s.Degraded); n > 0 && i == 0 && len(r.Systems) > 1 {
			r.addWarning("the baseline %s did not do its whole work on %d topics: what looks like a gain over it may be that, and none is marked", s.Name, topicsOf(s.Failures, s.Degraded))
		}
		if base := r.Systems[0]; i > 0 && s.Tree == base.Tree && !reflect.DeepEqual(s.Values, base.Values) {
			r.addWarning("%s describes itself exactly as the baseline and gave other figures: a repeat of one system shows its noise and proves nothing (see Plan.Repeats), and no difference of it is marked; if they do differ, give their parts a description that says so", s.Name)
		}
		if leak := s.Tuning.leak(r.Topics); leak != "" {
			r.addWarning("%s: %s: its figures are too high to be believed, and no gain of it is marked", s.Name, leak)
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

func (r *Result) warnSystem(s System) {
	if n := topicsOf(s.Failures); n > 0 {
		r.addWarning("%s failed on %d of %d topics, which count 0: %s", s.Name, n, len(r.Topics), s.Failures[0].Error)
	}
	if n := topicsOf(s.Degraded); n > 0 {
		r.addWarning("%s gave degraded rankings on %d of %d topics, and its figures are of those: %s", s.Name, n, len(r.Topics), s.Degraded[0].Error)
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

// warnUnjudged says where a low figure may come from missing judgements.
func (r *Result) warnUnjudged() {
	for m, name := range r.Measures {
		low, high := 1.0, 0.0
		for _, s := range r.Systems {
			low, high = min(low, s.Unjudged[m]), max(high, s.Unjudged[m])
		}
		if high <= .2 {
			continue
		}
		share := fmt.Sprintf("%.0f %%", 100*high)
		if fmt.Sprintf("%.0f %%", 100*low) != share {
			share = fmt.Sprintf("%.0f to %s, depending on the system,", 100*low, share)
		}
		r.addWarning("%s of the documents that %s looks at are not judged and count as not relevant", share, name)
	}
}
