package main

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestHedgingIsForSeveralUpstreams(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want bool
	}{
		"one":            {[]string{"-upstream", "http://127.0.0.1:1"}, false},
		"two":            {[]string{"-upstream", "http://127.0.0.1:1,http://127.0.0.1:2"}, true},
		"one, on":        {[]string{"-upstream", "http://127.0.0.1:1", "-hedge", "on"}, true},
		"two, off":       {[]string{"-upstream", "http://127.0.0.1:1,http://127.0.0.1:2", "-hedge", "off"}, false},
		"one and a half": {[]string{"-upstream", "http://127.0.0.1:1, ,"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := parse(append(test.args, "-model", "m"), io.Discard)
			require.NoError(t, err)
			assert.Equal(t, test.want, s.hedges())
		})
	}
}

// TestHedgeBeatsAStalledUpstream: once latency is known, a call that stalls is
// asked of the other upstream.
func TestHedgeBeatsAStalledUpstream(t *testing.T) {
	t.Parallel()
	honest := rerankertest.Slow(2*time.Millisecond, rerankertest.Honest(rerankertest.Hash))
	a := rerankertest.NewServer(t, honest)
	b := rerankertest.NewServer(t, honest)
	url, _ := start(t, "-upstream", a.URL+","+b.URL, "-shard-docs", "4")
	docs := documents(8)
	for range 60 {
		require.Equal(t, 200, rerank(t, url, "", docs).status)
	}
	a.SetScript(rerankertest.Fails(rerankertest.Hang))
	begin := time.Now()
	r := rerank(t, url, "", docs)
	require.Equal(t, 200, r.status, r.body)
	right(t, docs, r.results)
	assert.Less(t, time.Since(begin), 20*time.Second, "before the timeout of 30 s")
}
