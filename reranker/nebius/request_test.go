package nebius_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestBytesOfABodyAreNotLentTwice(t *testing.T) {
	t.Parallel()
	require.Error(t, nebius.LateBody())
}

// TestAbandonedBodiesStayWhole: a transport may still be reading a request
// after its call was given up, and must not read the bytes of the next one.
func TestAbandonedBodiesStayWhole(t *testing.T) {
	t.Parallel()
	var first io.ReadCloser
	calls := 0
	ctx, cancel := context.WithCancel(t.Context())
	c := ownClient(t, "http://127.0.0.1:1", nebius.Options{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		calls++
		if calls == 1 {
			first = r.Body // kept open, as a slow writer does
			cancel()
			return nil, context.Canceled
		}
		_ = r.Body.Close()
		return nil, io.ErrUnexpectedEOF
	})}})
	_, err := c.Score(ctx, "first query", []string{"first document"})
	require.Error(t, err)
	for range 10 {
		_, err = c.Score(t.Context(), "other query, and longer", []string{"another document"})
		require.Error(t, err)
	}
	kept, err := io.ReadAll(first)
	require.NoError(t, err)
	assert.Contains(t, string(kept), "first document")
	require.NoError(t, first.Close())
	_, err = first.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestClientDescribesItself(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{BaseURL: s.URL + "/?token=secret", IgnoreEcho: true, Listwise: true})
	n := c.Describe()
	assert.Equal(t, "nebius", n.Name)
	assert.True(t, n.Facts.Listwise)
	printed := map[string]string{}
	for _, setting := range n.Settings {
		printed[setting.Name] = setting.Value
	}
	assert.Equal(t, testModel, printed["model"])
	assert.Equal(t, s.URL+"/v1/rerank", printed["url"], "without the query")
	assert.Equal(t, "probability", printed["scale"])
	assert.Equal(t, "on", printed["ignore echo"])
	assert.Equal(t, `nebius.Client{model: "Qwen/Qwen3-Reranker-8B", url: "`+s.URL+`/v1/rerank"}`, c.String())
	assert.Equal(t, testModel, c.Model())
	assert.Equal(t, `nebius.Options{BaseURL: "https://x.test/v1", Dialect: "tei"}`, nebius.Options{BaseURL: "https://me:pw@x.test/v1?key=secret", Dialect: nebius.TEI}.String())
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]nebius.Options{
		"klingon":        {Dialect: "klingon"},
		"Concurrency":    {Concurrency: -1},
		"no user":        {Dialect: nebius.VLLM, BaseURL: "https://x.test", User: "u"},
		"service tier":   {Dialect: nebius.VLLM, BaseURL: "https://x.test", ServiceTier: nebius.TierFlex},
		"needs a Base":   {Dialect: nebius.VLLM},
		"not begin with": {BaseURL: "https://x.test", Wire: &nebius.Wire{QueryKey: "q", DocumentsKey: "d"}},
		"QueryKey":       {BaseURL: "https://x.test", Wire: &nebius.Wire{Path: "/x"}},
		"needs a Score":  {BaseURL: "https://x.test", Wire: &nebius.Wire{Path: "/x", QueryKey: "q", DocumentsKey: "d", IndexKey: "i"}},
		"not JSON":       {BaseURL: "https://x.test", Wire: &nebius.Wire{Path: "/x", QueryKey: "q", DocumentsKey: "d", Fixed: []nebius.Field{{Name: "f", JSON: "{"}}}},
	} {
		_, err := nebius.New(testKey, testModel, o)
		require.ErrorContains(t, err, says)
	}
	_, err := nebius.New(testKey, "", nebius.Options{})
	require.ErrorContains(t, err, "model is empty")
}
