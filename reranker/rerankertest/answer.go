package rerankertest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
)

// ScoreFunc judges one document; equal arguments give equal scores.
type ScoreFunc func(query, document string) float64

// Overlap is the share of the query's words that occur in the document, in
// (0, 1), with a little for brevity so that scores differ. It ignores case.
func Overlap(query, document string) float64 {
	words := map[string]bool{}
	for _, w := range strings.Fields(strings.ToLower(document)) {
		words[strings.Trim(w, ".,;:?!")] = true
	}
	found, all := 0, 0
	for _, w := range strings.Fields(strings.ToLower(query)) {
		all++
		if words[strings.Trim(w, ".,;:?!")] {
			found++
		}
	}
	return (float64(found) + 1/float64(len(document)+2)) / float64(all+1)
}

// Hash is a number in [0, 1) that depends on the two texts and on nothing else.
func Hash(query, document string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(query))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(document))
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// mix spreads the last bytes of a hash over all bits (splitmix64's finaliser).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// LogitOf turns a score function over (0, 1) into one of raw logits.
func LogitOf(score ScoreFunc) ScoreFunc {
	return func(query, document string) float64 {
		p := min(max(score(query, document), 1e-9), 1-1e-9)
		return math.Log(p / (1 - p))
	}
}

// Constant gives every document the same score.
func Constant(value float64) ScoreFunc { return func(string, string) float64 { return value } }

// Result is one entry of an answer.
type Result struct {
	Index int
	Score float64
	Text  string
}

// Answer is what a rerank server says before it is put into a dialect's words.
type Answer struct {
	ID      string
	Model   string
	Tokens  int
	Results []Result
}

// Judge scores the documents of a call: an honest answer, best first, equal
// scores by index. Tokens are counted as a quarter of the bytes of each pair,
// rounded up; a Qwen3-Reranker has its prompt template and pays 71 more for it.
func Judge(c Call, score ScoreFunc) Answer {
	a := Answer{ID: fmt.Sprintf("rerank-%d", c.N), Model: c.Model, Results: make([]Result, len(c.Documents))}
	for i, d := range c.Documents {
		a.Results[i] = Result{Index: i, Score: score(c.Query, d), Text: d}
		a.Tokens += (len(c.Query) + len(d) + 3) / 4
		if strings.Contains(c.Model, "Qwen3-Reranker") {
			a.Tokens += 71
		}
	}
	slices.SortStableFunc(a.Results, func(x, y Result) int { return cmp.Compare(y.Score, x.Score) })
	return a
}

// Nebius writes the answer as the hosted service does, the document echoed.
func (a Answer) Nebius() Reply {
	type document struct {
		Text string `json:"text"`
	}
	type result struct {
		Index    int      `json:"index"`
		Document document `json:"document"`
		Score    float64  `json:"relevance_score"`
	}
	results := make([]result, len(a.Results))
	for i, r := range a.Results {
		results[i] = result{r.Index, document{r.Text}, r.Score}
	}
	return encode(map[string]any{
		"id": a.ID, "model": a.Model, "results": results,
		"usage": map[string]int{"prompt_tokens": a.Tokens, "total_tokens": a.Tokens},
	})
}

// LlamaServer writes the answer as llama.cpp's server does: no id, no document.
func (a Answer) LlamaServer() Reply {
	return encode(map[string]any{
		"model": a.Model, "object": "list", "results": items(a.Results, "relevance_score"),
		"usage": map[string]int{"prompt_tokens": a.Tokens, "total_tokens": a.Tokens},
	})
}

// Bare writes the answer as TEI does: a bare array with "score".
func (a Answer) Bare() Reply { return encode(items(a.Results, "score")) }

// In writes the answer as an object with the given envelope and score key, as
// in In("data", "score") and In("rankings", "logit").
func (a Answer) In(envelope, scoreKey string) Reply {
	return encode(map[string]any{
		envelope: items(a.Results, scoreKey), "model": a.Model, "id": a.ID,
		"usage": map[string]int{"total_tokens": a.Tokens},
	})
}

func items(results []Result, scoreKey string) []map[string]any {
	list := make([]map[string]any, len(results))
	for i, r := range results {
		list[i] = map[string]any{"index": r.Index, scoreKey: r.Score}
	}
	return list
}

func encode(v any) Reply {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return JSON(500, `{"detail":"score cannot be encoded"}`)
	}
	return Reply{Body: b.Bytes()}
}
