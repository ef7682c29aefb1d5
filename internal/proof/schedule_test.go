package proof_test

import (
	"fmt"
	"time"

	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// base is how long a call takes where latencies have to be known.
const base = 50 * time.Millisecond

// shuffledDelay is a delay of up to 300 ms that depends on the call and the seed.
func shuffledDelay(c rerankertest.Call, seed int) time.Duration {
	return time.Duration(rerankertest.Hash(c.Documents[0], fmt.Sprint(seed)) * float64(300*time.Millisecond))
}
