package measure

func bpref(m Measure, t *topic) float64 {
	level := m.level(t)
	all, others := t.relevant(level), t.nonrelevant(level)
	sum, above := 0.0, 0
	for _, g := range t.grades {
		switch {
		case g < 0:
		case g < level:
			above++
		case above > 0:
			sum += 1 - float64(min(above, all))/float64(min(others, all))
		default:
			sum++
		}
	}
	if all == 0 {
		return 0
	}
	return sum / float64(all)
}

// inferredAP follows trec_eval: documents outside the pool are passed over,
// documents in the pool without a judgement count for the depth only.
func inferredAP(m Measure, t *topic) float64 {
	const epsilon = 0.00001
	level := m.level(t)
	sum := 0.0
	relevant, nonrelevant, unjudged := 0, 0, 0
	for i, g := range t.grades {
		switch {
		case g == notPooled:
		case g == notJudged:
			unjudged++
		case g < level:
			nonrelevant++
		default:
			relevant++
			if i == 0 {
				sum++
				continue
			}
			before := float64(i)
			pooled := float64(relevant-1+nonrelevant+unjudged) / before
			share := (float64(relevant-1) + epsilon) / (float64(relevant-1+nonrelevant) + 2*epsilon)
			sum += 1/(before+1) + float64(before/(before+1)*pooled*share)
		}
	}
	if all := t.relevant(level); all > 0 {
		return sum / float64(all)
	}
	return 0
}

func unjudged(m Measure, t *topic) float64 {
	k := m.K
	if k == 0 {
		k = len(t.grades)
	}
	return ratio(t.unjudged(m.K), k)
}

func judged(m Measure, t *topic) float64 {
	seen := len(t.top(m.K))
	return ratio(seen-t.unjudged(m.K), seen)
}

// holes counts the documents in the top k that nobody judged for any topic.
func holes(m Measure, t *topic) float64 {
	n := 0
	for i, g := range t.top(m.K) {
		if g != notPooled {
			continue
		}
		if _, known := t.annotated[t.document(i)]; !known {
			n++
		}
	}
	return ratio(n, m.K)
}
