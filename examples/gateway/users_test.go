package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// caller is one of many who ask at once. Its documents name it.
type caller struct{ user, tier, project string }

func callerOf(n int) caller {
	return caller{[]string{"ann", "bob"}[n&1], []string{"flex", "over-limit"}[n>>1&1], []string{"p1", "p2"}[n>>2&1]}
}

// People with users, tiers and projects of their own ask one gateway at once, which
// splits, repeats and hedges: each request upstream says what its own caller asked for.
func TestEveryUpstreamCallIsOfOneCaller(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var wrong []string
	heard := map[int]bool{}
	record := func(c rerankertest.Call) rerankertest.Reply {
		var in struct {
			User string
			Tier string `json:"service_tier"`
		}
		_ = json.Unmarshal(c.Body, &in)
		got := caller{in.User, in.Tier, c.URL.Query().Get("ai_project_id")}
		mu.Lock()
		defer mu.Unlock()
		for _, d := range c.Documents {
			var n, i int
			if _, err := fmt.Sscanf(d, "caller %d, document %d", &n, &i); err != nil || got != callerOf(n) {
				wrong = append(wrong, fmt.Sprintf("%q with %+v", d, got))
			}
			heard[n] = true
		}
		if c.N%7 == 0 {
			return rerankertest.JSON(503, `{"detail":"come again"}`)
		}
		return rerankertest.Judge(c, rerankertest.Hash).Nebius()
	}
	a, b := rerankertest.NewServer(t, record), rerankertest.NewServer(t, record)
	url, _ := start(t, "-upstream", a.URL+","+b.URL, "-shard-docs", "4", "-concurrency", "32")
	var wg sync.WaitGroup
	const callers = 48
	for n := range callers {
		wg.Go(func() {
			documents := make([]string, 10)
			for i := range documents {
				documents[i] = fmt.Sprintf("caller %d, document %d", n, i)
			}
			c := callerOf(n)
			body, err := json.Marshal(map[string]any{"model": "m", "query": "one question for all", "documents": documents, "user": c.user, "service_tier": c.tier})
			if !assert.NoError(t, err) {
				return
			}
			status, _, answer := post(t, url, "/v1/rerank?ai_project_id="+c.project, string(body))
			assert.Equal(t, 200, status, answer)
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	assert.Empty(t, wrong)
	assert.Len(t, heard, callers)
}
