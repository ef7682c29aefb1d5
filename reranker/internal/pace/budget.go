package pace

// extraBudget bounds retries and hedges together: every first call earns share,
// every extra call costs one, and what is saved up never exceeds burst. So over
// any stretch the extra calls are at most share of the first calls plus burst,
// which is what keeps a failing server from being buried under repetitions.
type extraBudget struct {
	share, burst, level float64
}

func newExtraBudget(share float64, burst int) extraBudget {
	return extraBudget{share: share, burst: float64(burst), level: float64(burst)}
}

// earn accounts for a first call.
func (b *extraBudget) earn() { b.level = min(b.burst, b.level+b.share) }

// spend takes n extra calls out of the budget, all or none.
func (b *extraBudget) spend(n int) bool {
	if b.level < float64(n) {
		return false
	}
	b.level -= float64(n)
	return true
}

// refund gives back extra calls that were not made after all.
func (b *extraBudget) refund(n int) { b.level = min(b.burst, b.level+float64(n)) }
