package measure

// The experimental measures of trec_eval, by Buckley 2008.

// binaryG is the mean over all relevant documents of 1/log2(2 + n), n being the
// documents above it that are not relevant; 0 for those not retrieved.
func binaryG(m Measure, t *topic) float64 {
	level := m.level(t)
	sum, found := 0.0, 0
	for i, g := range t.grades {
		if g >= level {
			found++
			sum += 1 / log2(3+i-found)
		}
	}
	return share(sum, t.relevant(level))
}

// gainG divides each gain by log2(2 + what the ideal ranking gained up to here,
// at least 1 for each rank, less what the ranking gained), and their sum by the
// sum of all gains.
func gainG(_ Measure, t *topic) float64 {
	sum, cost, gained, all := 0.0, 0, 0, 0
	for _, g := range t.ideal {
		all += int(g)
	}
	for i, g := range t.grades {
		ideal := 1
		if i < len(t.ideal) {
			ideal = int(t.ideal[i])
		}
		cost += ideal
		if g > 0 {
			gained += int(g)
			sum += float64(g) / log2(2+cost-gained)
		}
	}
	return share(sum, all)
}

// gradeNDCG is the mean of nDCG at the ranks where the ideal ranking goes over
// to a lower grade, and at the end if the ranking is longer than the ideal one.
// A topic without a document of the relevance level has 0.
func gradeNDCG(m Measure, t *topic) float64 {
	if t.relevant(m.level(t)) == 0 {
		return 0
	}
	sum, points, dcg, ideal := 0.0, 0, 0.0, 0.0
	for i := range max(len(t.ideal), len(t.grades)) {
		if i < len(t.ideal) && i > 0 && t.ideal[i] != t.ideal[i-1] || i == len(t.ideal) {
			sum += dcg / ideal
			points++
		}
		if i < len(t.grades) && t.grades[i] > 0 {
			dcg += float64(t.grades[i]) / log2(i+2)
		}
		if i < len(t.ideal) {
			ideal += float64(t.ideal[i]) / log2(i+2)
		}
	}
	if len(t.grades) > len(t.ideal)+1 || len(t.grades) <= len(t.ideal) {
		sum += dcg / ideal
		points++
	}
	return share(sum, points)
}

// relevantNDCG is the mean over all documents with a positive grade of nDCG at
// their ranks, at the end of the ranking for those not retrieved.
func relevantNDCG(_ Measure, t *topic) float64 {
	sum, found, dcg, ideal := 0.0, 0, 0.0, 0.0
	for i := range max(len(t.ideal), len(t.grades)) {
		if i < len(t.ideal) {
			ideal += float64(t.ideal[i]) / log2(i+2)
		}
		if i < len(t.grades) && t.grades[i] > 0 {
			dcg += float64(t.grades[i]) / log2(i+2)
			sum += dcg / ideal
			found++
		}
	}
	if len(t.ideal) == 0 {
		return 0
	}
	sum += float64(len(t.ideal)-found) * dcg / ideal
	return sum / float64(len(t.ideal))
}
