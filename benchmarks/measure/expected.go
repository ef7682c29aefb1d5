package measure

// Expected values over all orders of tied documents, after McSherry and Najork,
// "Computing information retrieval performance measures efficiently in the
// presence of tied scores" (2008). A group is a run of equal scores; within it
// every order is as likely.

func share(a float64, b int) float64 {
	if b == 0 {
		return 0
	}
	return a / float64(b)
}

func expectedPrecision(m Measure, t *topic) float64 {
	return share(t.expectedFound(m.K, m.level(t)), m.K)
}

func expectedRecall(m Measure, t *topic) float64 {
	return share(t.expectedFound(m.K, m.level(t)), t.relevant(m.level(t)))
}

func expectedCappedRecall(m Measure, t *topic) float64 {
	return share(t.expectedFound(m.K, m.level(t)), min(m.K, t.relevant(m.level(t))))
}

func expectedHits(m Measure, t *topic) float64 { return t.expectedFound(m.K, m.level(t)) }

func expectedRPrecision(m Measure, t *topic) float64 {
	r := t.relevant(m.level(t))
	if r == 0 {
		return 0
	}
	return t.expectedFound(r, m.level(t)) / float64(r)
}

// expectedSuccess is one less the chance that the part of a group that is within
// the cut-off has no relevant document.
func expectedSuccess(m Measure, t *topic) float64 {
	k, none := t.depth(m.K), 1.0
	t.groups(m.level(t), func(start, size, relevant int) bool {
		if start >= k {
			return false
		}
		for i := range min(size, k-start) {
			none *= float64(max(size-relevant-i, 0)) / float64(size-i)
		}
		return none > 0
	})
	return 1 - none
}

// expectedFirstRank takes the first group with a relevant document: the
// chance that the first of them stands j-th, times one over its rank.
func expectedFirstRank(m Measure, t *topic) float64 {
	k, sum := t.depth(m.K), 0.0
	t.groups(m.level(t), func(start, size, relevant int) bool {
		if relevant == 0 {
			return true
		}
		chance := float64(relevant) / float64(size)
		for j := 1; j <= size-relevant+1 && start+j <= k; j++ {
			sum += chance / float64(start+j)
			chance *= float64(size-j-relevant+1) / float64(size-j)
		}
		return false
	})
	return sum
}

// expectedAveragePrecision: a document at the j-th place of a group of n with r
// relevant ones is relevant with chance r/n, and then (j-1)(r-1)/(n-1) relevant
// ones are expected before it in the group.
func expectedAveragePrecision(m Measure, t *topic) float64 {
	k, sum, above := t.depth(m.K), 0.0, 0
	t.groups(m.level(t), func(start, size, relevant int) bool {
		chance := float64(relevant) / float64(size)
		for j := 1; j <= size && start+j <= k && relevant > 0; j++ {
			before := float64(above)
			if size > 1 {
				before += float64(float64((j-1)*(relevant-1)) / float64(size-1))
			}
			sum += chance * (before + 1) / float64(start+j)
		}
		above += relevant
		return start+size < k
	})
	return share(sum, t.relevant(m.level(t)))
}

func expectedDCG(m Measure, t *topic) float64 {
	gain := gainOf(m)
	positive := func(g int32) float64 {
		if g <= 0 {
			return 0
		}
		return gain(g)
	}
	return t.expectedSum(m.K, positive, func(rank int) float64 { return 1 / discountOf(m, rank) })
}

func expectedNDCG(m Measure, t *topic) float64 {
	ideal := idealDCG(m, t)
	if ideal == 0 {
		return 0
	}
	return expectedDCG(m, t) / ideal
}

func expectedRankBiased(m Measure, t *topic) float64 {
	powers := t.powersOf(m.P, len(t.grades))
	return (1 - m.P) * t.expectedSum(m.K, rankBiasedGain(m, t), func(rank int) float64 { return powers[rank-1] })
}

func expectedUnjudged(m Measure, t *topic) float64 {
	k := m.K
	if k == 0 {
		k = len(t.grades)
	}
	return share(t.unjudgedIn(m.K), k)
}

func expectedJudged(m Measure, t *topic) float64 {
	seen := t.depth(m.K)
	return share(float64(seen)-t.unjudgedIn(m.K), seen)
}
