package nebius_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/nebius"
)

// canned answers every request with the same body, without a network.
type canned struct{ body []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)), Request: r,
	}, nil
}

// benchmarkCall is one call of n documents of about 2 KB, echoed.
func benchmarkCall(n int) (documents []string, answer []byte) {
	var b strings.Builder
	b.WriteString(`{"id":"rerank-1","model":"` + testModel + `","usage":{"prompt_tokens":90000,"total_tokens":90000},"results":[`)
	for i := range n {
		d := fmt.Sprintf("%d ", i) + strings.Repeat("A line with \"quotes\", <b>tags</b> and\nbreaks. ", 42)
		documents = append(documents, d)
		text, _ := json.Marshal(d)
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"index":%d,"document":{"text":%s},"relevance_score":0.%d}`, i, text, i+1)
	}
	b.WriteString("]}")
	return documents, []byte(b.String())
}

func BenchmarkScore(b *testing.B) {
	for _, n := range []int{25, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			documents, answer := benchmarkCall(n)
			c, err := nebius.New(testKey, testModel, nebius.Options{HTTPClient: &http.Client{Transport: canned{answer}}})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Score(b.Context(), "what is it?", documents); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMinimum is what a program does by hand: marshal, POST, unmarshal.
func BenchmarkMinimum(b *testing.B) {
	for _, n := range []int{25, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			documents, answer := benchmarkCall(n)
			c := &http.Client{Transport: canned{answer}}
			b.ReportAllocs()
			for b.Loop() {
				request, _ := json.Marshal(map[string]any{"model": testModel, "query": "what is it?", "documents": documents})
				res, err := c.Post("https://x.test/v1/rerank", "application/json", bytes.NewReader(request))
				if err != nil {
					b.Fatal(err)
				}
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				var parsed struct {
					Results []struct {
						Index int
						Score float64 `json:"relevance_score"`
					}
				}
				if err := json.Unmarshal(body, &parsed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
