package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
)

// corrected reports whether the p values of the result may carry a mark: they
// are corrected, or there is only one.
func corrected(r *experiment.Result) bool {
	return r.Test == "tukey" || (r.Correction != "none" && r.Correction != "") || len(r.Comparisons) < 2
}

func comparisonOf(r *experiment.Result, system, measure string) *comparison {
	i := slices.IndexFunc(r.Comparisons, func(c experiment.Comparison) bool { return c.System == system && c.Measure == measure })
	if i < 0 {
		return nil
	}
	c := r.Comparisons[i]
	return &comparison{
		Mean: number(c.Summary.Mean), Low: number(c.Interval.Low), High: number(c.Interval.High), Effect: number(c.Summary.Effect),
		Wins: c.Summary.Wins, Ties: c.Summary.Ties, Losses: c.Summary.Losses, P: number(c.P), Corrected: number(c.Corrected),
		// The result may come from a file, so its word is not enough.
		Mark: c.Significant && c.Corrected < .05 && c.Corrected >= c.P && corrected(r), Remark: c.Remark,
	}
}

// testing says in words what a mark means.
func testing(r *experiment.Result) string {
	n := len(r.Comparisons)
	if r.Tests > 0 {
		n = r.Tests
	}
	text := markText(r, n)
	if same := len(r.Comparisons) - n; same > 0 {
		text += fmt.Sprintf(" %d more cannot differ and %s in no correction.", same, wording.Verb(same, "counts", "count"))
	}
	if len(r.Comparisons) > 1 {
		text += " Intervals are those of single differences and not corrected: one that excludes 0 is no mark."
	}
	return text
}

func markText(r *experiment.Result, n int) string {
	switch {
	case n == 0:
		return "Nothing was compared."
	case !corrected(r):
		return fmt.Sprintf("%s test, %s without correction: nothing is marked, because some would be by chance.", r.Test, wording.Count(n, "comparison"))
	case n == 1:
		return fmt.Sprintf("%s test, a single comparison. The mark stands for p below 0.05.", r.Test)
	case r.Test == "tukey":
		return fmt.Sprintf("Tukey's HSD over all systems, Bonferroni over measures, %d comparisons. The mark stands for a corrected p below 0.05.", n)
	}
	return fmt.Sprintf("%s test, %s correction over all %d comparisons of this collection, whatever a filter shows. The mark stands for a corrected p below 0.05.", r.Test, r.Correction, n)
}

func tuningText(t *experiment.Tuning) string {
	if t == nil {
		return ""
	}
	count := map[string]int{}
	var order []string
	for _, f := range t.Folds {
		if count[f.Chosen]++; count[f.Chosen] == 1 {
			order = append(order, f.Chosen)
		}
	}
	for i, chosen := range order {
		order[i] = fmt.Sprintf("%s (%d)", chosen, count[chosen])
	}
	text := fmt.Sprintf("tuned for %s, measured on held-out topics of %s, which chose: %s; default %s", t.Measure, wording.Count(len(t.Folds), "fold"), strings.Join(order, ", "), t.Default)
	if t.Verdict != "" {
		text += "; verdict: " + t.Verdict
	}
	return text
}
