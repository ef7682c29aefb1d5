package reranker

import "time"

// tierDelay puts the first tier ahead in the server's queue: it only has to
// exceed the jitter of the network.
const tierDelay = 50 * time.Millisecond

// topTier returns how many of n documents belong to the first tier: twice what
// the caller keeps or a quarter, whichever is more.
func topTier(n, keep int) int {
	if keep < 0 {
		return n
	}
	if keep == 0 {
		keep = 10
	}
	return min(n, max(2*keep, (n+3)/4))
}
