package measure

import (
	"slices"
)

func precision(m Measure, t *topic) float64 {
	return float64(t.retrieved(m.K, m.level(t))) / float64(m.K)
}

func recall(m Measure, t *topic) float64 {
	return ratio(t.retrieved(m.K, m.level(t)), t.relevant(m.level(t)))
}

func cappedRecall(m Measure, t *topic) float64 {
	return ratio(t.retrieved(m.K, m.level(t)), min(m.K, t.relevant(m.level(t))))
}

// fAt is the harmonic mean of precision and recall at k, weighed by beta.
func fAt(m Measure, t *topic) float64 {
	p, r := precision(m, t), recall(m, t)
	if p == 0 || r == 0 {
		return 0
	}
	return (m.Beta + 1) * (p * r / (r + float64(m.Beta*p)))
}

// ratio is a/b, and 0 where b is 0, as trec_eval has it for topics without
// relevant documents.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func averagePrecision(m Measure, t *topic) float64 {
	level := m.level(t)
	sum, found := 0.0, 0
	for i, g := range t.top(m.K) {
		if g >= level {
			found++
			sum += float64(found) / float64(i+1)
		}
	}
	if all := t.relevant(level); all > 0 {
		return sum / float64(all)
	}
	return 0
}

func reciprocalRank(m Measure, t *topic) float64 {
	level := m.level(t)
	for i, g := range t.top(m.K) {
		if g >= level {
			return 1 / float64(i+1)
		}
	}
	return 0
}

func success(m Measure, t *topic) float64 {
	if t.retrieved(m.K, m.level(t)) > 0 {
		return 1
	}
	return 0
}

func rPrecision(m Measure, t *topic) float64 {
	return precisionAt(t, t.relevant(m.level(t)), m.level(t))
}

// precisionAt is precision at a rank that may be 0, where it is 0.
func precisionAt(t *topic, k int, level int32) float64 {
	if k == 0 {
		return 0
	}
	return float64(t.retrieved(k, level)) / float64(k)
}

func rPrecisionMultiple(m Measure, t *topic) float64 {
	level := m.level(t)
	return precisionAt(t, int(m.Factor*float64(t.relevant(level))+.9), level)
}

func interpolated(m Measure, t *topic) float64 {
	if i := slices.Index(elevenRecalls(), m.Recall); i >= 0 {
		return t.elevenPoints(m.level(t))[i]
	}
	return interpolate(t, m.level(t), []float64{m.Recall})[0]
}

func elevenRecalls() []float64 { return []float64{0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1} }

func elevenPoint(m Measure, t *topic) float64 {
	values := t.elevenPoints(m.level(t))
	sum := 0.0
	for i := len(values) - 1; i >= 0; i-- { // trec_eval's order
		sum += values[i]
	}
	return sum / 11
}

// interpolate returns, for each recall in ascending order, the highest precision
// at any rank where at least that recall is reached; 0 where none does.
func interpolate(t *topic, level int32, recalls []float64) []float64 {
	all, left := t.relevant(level), t.retrieved(0, level)
	values := make([]float64, len(recalls))
	at := len(recalls) - 1
	for at >= 0 && t.recallCut(recalls[at], all) > left {
		at--
	}
	if left == 0 {
		return values
	}
	best := float64(left) / float64(len(t.grades))
	for i := len(t.grades); i > 0 && left > 0; i-- {
		best = max(best, float64(left)/float64(i))
		if t.grades[i-1] < level {
			continue
		}
		for ; at >= 0 && left == t.recallCut(recalls[at], all); at-- {
			values[at] = best
		}
		left--
	}
	for ; at >= 0; at-- {
		values[at] = best
	}
	return values
}
