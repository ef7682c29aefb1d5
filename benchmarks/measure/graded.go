package measure

import "math"

// gainOf returns the function that turns grades into gains.
func gainOf(m Measure) func(int32) float64 {
	switch m.Gain {
	case "":
		return func(g int32) float64 { return float64(g) }
	case "exp":
		return func(g int32) float64 { return math.Exp2(float64(g)) - 1 }
	}
	gains, err := parseGains(m.Gain)
	if err != nil {
		return func(int32) float64 { return math.NaN() }
	}
	return func(g int32) float64 {
		if v, ok := gains[g]; ok {
			return v
		}
		return float64(g)
	}
}

// discounted adds up gains of positive grades, each divided by the discount of
// its rank, in ranking order.
func discounted(m Measure, grades []int32, gain func(int32) float64) float64 {
	sum := 0.0
	for i, g := range grades {
		if g <= 0 {
			continue
		}
		if v := gain(g); v != 0 {
			sum += v / discountOf(m, i+1)
		}
	}
	return sum
}

func discountOf(m Measure, rank int) float64 {
	if m.Discount == "" {
		return log2(rank + 1)
	}
	if rank <= 2 {
		return 1
	}
	return log2(rank)
}

func dcg(m Measure, t *topic) float64 { return discounted(m, t.top(m.K), gainOf(m)) }

func idealDCG(m Measure, t *topic) float64 {
	gain := gainOf(m)
	ideal := t.ideal
	if m.Gain != "" && m.Gain != "exp" {
		ideal = byGain(ideal, gain)
	}
	if m.K > 0 && m.K < len(ideal) {
		ideal = ideal[:m.K]
	}
	return discounted(m, ideal, gain)
}

// byGain orders grades by what they are worth, for gains that do not rise with
// the grade.
func byGain(grades []int32, gain func(int32) float64) []int32 {
	sorted := make([]int32, 0, len(grades))
	for _, g := range grades { // insertion keeps equal gains in order
		i := len(sorted)
		for i > 0 && gain(sorted[i-1]) < gain(g) {
			i--
		}
		sorted = append(sorted, 0)
		copy(sorted[i+1:], sorted[i:])
		sorted[i] = g
	}
	return sorted
}

func ndcg(m Measure, t *topic) float64 {
	ideal := idealDCG(m, t)
	if ideal == 0 {
		return 0
	}
	return dcg(m, t) / ideal
}

func expectedReciprocalRank(m Measure, t *topic) float64 {
	highest := m.Max
	if highest == 0 {
		highest = 4
	}
	sum, reach := 0.0, 1.0
	for i, g := range t.top(m.K) {
		if g <= 0 {
			continue
		}
		stop := (math.Exp2(float64(g)) - 1) / math.Exp2(float64(highest))
		sum += stop * reach / float64(i+1)
		reach *= 1 - stop
	}
	return sum
}

func rankBiased(m Measure, t *topic) float64 {
	grades := t.top(m.K)
	powers := t.powersOf(m.P, len(grades))
	gain := rankBiasedGain(m, t)
	sum := 0.0
	for i, g := range grades {
		if g > 0 {
			sum += float64(gain(g) * powers[i])
		}
	}
	return (1 - m.P) * sum
}

// rankBiasedGain returns RBP's gain of a grade: 1 from the relevance level on,
// or the part of the highest grade that was given.
func rankBiasedGain(m Measure, t *topic) func(int32) float64 {
	level, highest := m.level(t), 1.0
	if len(t.ideal) > 0 {
		highest = float64(t.ideal[0])
	}
	return func(g int32) float64 {
		switch {
		case m.Gain == "graded" && g > 0:
			return float64(g) / highest
		case m.Gain == "" && g >= level:
			return 1
		}
		return 0
	}
}

func rankBiasedResidual(m Measure, t *topic) float64 {
	powers := t.powersOf(m.P, len(t.grades)+1)
	sum := 0.0
	for i, g := range t.grades {
		if g < 0 {
			sum += powers[i]
		}
	}
	return powers[len(t.grades)] + float64((1-m.P)*sum)
}

// compatibility is the rank-biased overlap with the ideal ranking that is
// nearest to the ranking, divided by the ideal's overlap with itself. The
// order of operations is that of ir_measures.
func compatibility(m Measure, t *topic) float64 {
	ranking, ideal := t.ids(), t.idealIDs()
	depth := max(len(ranking), len(ideal))
	best := overlap(ideal, ideal, m.P, depth)
	if !(best > 0) {
		return 0
	}
	return overlap(ranking, ideal, m.P, depth) / best
}

func overlap(a, b []string, p float64, depth int) float64 {
	const inA, inB = 1, 2
	seen := make(map[string]uint8, depth)
	score, norm, weight, common := 0.0, 0.0, 1.0, 0
	enter := func(list []string, i int, mark uint8) {
		if i < len(list) && seen[list[i]]&mark == 0 {
			seen[list[i]] |= mark
			if seen[list[i]] == inA|inB {
				common++
			}
		}
	}
	for i := range depth {
		enter(a, i, inA)
		enter(b, i, inB)
		score += float64(weight*float64(common)) / float64(i+1)
		norm += weight
		weight *= p
	}
	if norm == 0 {
		return 0
	}
	return score / norm
}
