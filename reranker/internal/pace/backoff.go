package pace

import (
	"math/rand/v2"
	"time"
)

const (
	retryBase     = 50 * time.Millisecond
	throttledBase = time.Second
	retryLongest  = 20 * time.Second
)

// backoff returns the wait before repetition n, from 1: full jitter under an
// exponential ceiling, which starts at a second after a refusal.
func backoff(n int, throttled bool, rng *rand.Rand) time.Duration {
	ceiling := retryBase
	if throttled {
		ceiling = throttledBase
	}
	for i := 1; i < n && ceiling < retryLongest; i++ {
		ceiling *= 2
	}
	return time.Duration(rng.Float64() * float64(min(ceiling, retryLongest)))
}
