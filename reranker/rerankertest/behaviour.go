package rerankertest

import "slices"

// Honest answers every call properly, in the words of the hosted service.
func Honest(score ScoreFunc) Script {
	return func(c Call) Reply { return Judge(c, score).Nebius() }
}

// Altered answers properly except for what alter does to the answer.
func Altered(score ScoreFunc, alter func(*Answer)) Script {
	return func(c Call) Reply {
		a := Judge(c, score)
		alter(&a)
		return a.Nebius()
	}
}

// Reversed puts the worst document first.
func Reversed(score ScoreFunc) Script {
	return Altered(score, func(a *Answer) { slices.Reverse(a.Results) })
}

// InInputOrder puts the documents in the order in which they were sent.
func InInputOrder(score ScoreFunc) Script {
	return Altered(score, func(a *Answer) {
		slices.SortFunc(a.Results, func(x, y Result) int { return x.Index - y.Index })
	})
}

// Partial leaves out the documents for which drop is true.
func Partial(score ScoreFunc, drop func(index int) bool) Script {
	return Altered(score, func(a *Answer) {
		a.Results = slices.DeleteFunc(a.Results, func(r Result) bool { return drop(r.Index) })
	})
}

// Duplicated names the best document twice.
func Duplicated(score ScoreFunc) Script {
	return Altered(score, func(a *Answer) {
		if len(a.Results) > 0 {
			a.Results = append(a.Results, a.Results[0])
		}
	})
}

// Listwise is a model whose scores depend on what else is in the call: each
// score is divided by the sum of the call's scores.
func Listwise(score ScoreFunc) Script {
	return Altered(score, func(a *Answer) {
		var sum float64
		for _, r := range a.Results {
			sum += r.Score
		}
		for i := range a.Results {
			a.Results[i].Score /= sum
		}
	})
}

// Misindexed shifts every index by the offset.
func Misindexed(score ScoreFunc, offset int) Script {
	return Altered(score, func(a *Answer) {
		for i := range a.Results {
			a.Results[i].Index += offset
		}
	})
}
