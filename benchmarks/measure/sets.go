package measure

func setPrecision(m Measure, t *topic) float64 {
	return ratio(t.retrieved(0, m.level(t)), len(t.grades))
}

func setRecall(m Measure, t *topic) float64 {
	return ratio(t.retrieved(0, m.level(t)), t.relevant(m.level(t)))
}

func setF(m Measure, t *topic) float64 {
	p, r := setPrecision(m, t), setRecall(m, t)
	if p == 0 || r == 0 {
		return 0
	}
	return (m.Beta + 1) * p * r / (r + float64(m.Beta*p))
}

func setAP(m Measure, t *topic) float64 {
	found := t.retrieved(0, m.level(t))
	return ratio(found*found, len(t.grades)*t.relevant(m.level(t)))
}

func setRelativeP(m Measure, t *topic) float64 {
	return ratio(t.retrieved(0, m.level(t)), min(len(t.grades), t.relevant(m.level(t))))
}

func utility(m Measure, t *topic) float64 {
	found := t.retrieved(0, m.level(t))
	return float64(found - (len(t.grades) - found))
}

func numRet(_ Measure, t *topic) float64 { return float64(len(t.grades)) }

func numRel(m Measure, t *topic) float64 { return float64(t.relevant(m.level(t))) }

func numRelRet(m Measure, t *topic) float64 { return float64(t.retrieved(0, m.level(t))) }

func numNonrelRet(m Measure, t *topic) float64 {
	return float64(len(t.grades) - t.unjudged(0) - t.retrieved(0, m.level(t)))
}
