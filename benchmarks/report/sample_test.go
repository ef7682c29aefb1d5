package report_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/report"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
)

// hostile is text that would take over a page which read it as markup.
const hostile = "</script><script>window.hacked=1</script><img src=x onerror=\"window.hacked=2\"><!--<script>\u2028\u2029 ]]> &lt;b&gt; ' \" `${window.hacked=3}`"

const documents = 40

// store ranks its documents by an arithmetic of topic and document.
type store struct{ name string }

func (s store) Describe() pipeline.Node {
	return pipeline.Node{Name: s.name, Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Scale: pipeline.BM25, Limit: documents}}
}

func number(text string) int {
	n := 0
	_, _ = fmt.Sscanf(text[strings.LastIndex(text, " ")+1:], "%d", &n)
	return n
}

func (s store) Retrieve(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	var hits []pipeline.Hit
	for d := range documents {
		document := pipeline.Document{ID: fmt.Sprintf("d%02d", d), Text: fmt.Sprintf("%s text of document %d", strings.Repeat("Words and more words. ", 12), d), Metadata: map[string]any{"title": fmt.Sprintf("About matter %d", d)}}
		if d == 3 {
			document.Text, document.Metadata = hostile+" text of document 3", map[string]any{"title": hostile}
		}
		hits = append(hits, pipeline.Hit{Document: document, Score: float64((d*17+number(q.Text)*7)%41) + 1})
	}
	return pipeline.NewRanking(s.name, pipeline.BM25, hits)
}

// model knows the relevant documents better than the store does.
type model struct{}

func (model) Describe() pipeline.Node {
	return pipeline.Node{Name: "model", Facts: pipeline.Facts{Scale: pipeline.Probability}}
}

func (model) Score(_ context.Context, query string, texts []string) (reranker.Scores, error) {
	if number(query) == 11 {
		return reranker.Scores{}, errors.New("the server said: " + hostile)
	}
	values := make([]float64, len(texts))
	for i, text := range texts {
		d := number(text)
		values[i] = .2 + float64((d*7+number(query)*3)%10)/20
		if relevant(number(query), d) > 0 {
			values[i] += .3
		}
	}
	return reranker.Scores{Values: values, Scale: pipeline.Probability, Model: "m", Usage: reranker.Usage{Calls: 1, Documents: len(texts), Tokens: 90 * len(texts)}}, nil
}

func relevant(topic, d int) int {
	switch (topic*5 + d*3) % 13 {
	case 0:
		return 2
	case 1:
		return 1
	case 2:
		return 0
	}
	return -9 // not judged
}

func topics(n int) ([]pipeline.Query, *trec.Qrels) {
	var queries []pipeline.Query
	var judged []trec.Judgements
	for i := range n {
		q := pipeline.Query{ID: fmt.Sprintf("t%02d", i), Text: fmt.Sprintf("what is known about question %d", i)}
		if i == 5 {
			q.ID, q.Text = `t"<5>&=#`, hostile+" 5"
		}
		queries = append(queries, q)
		j := trec.Judgements{ID: q.ID}
		for d := range documents {
			if g := relevant(i, d); g >= 0 {
				j.Judged = append(j.Judged, trec.Judgement{Document: fmt.Sprintf("d%02d", d), Grade: g})
			}
		}
		judged = append(judged, j)
	}
	return queries, trec.NewQrels(judged)
}

// sample runs a small experiment whose names and texts are hostile.
func sample(t testing.TB, collection string, n int) *experiment.Result {
	t.Helper()
	first := store{"bm25"}
	rerank := reranker.Stage(model{}, reranker.StageOptions{Unscored: reranker.KeepPosition, Depth: 15})
	queries, qrels := topics(n)
	r, err := experiment.Run(context.Background(), experiment.Plan{
		Name: "A sample", Collection: experiment.Collection{Name: collection, Documents: documents, Licence: "none"},
		Systems: experiment.Systems{
			"BM25":                    first,
			"BM25 > model":            pipeline.Chain(first, rerank),
			"BM25 > rrf(BM25, model)": pipeline.Chain(first, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), rerank), cut.TopK(30)),
			"BM25 > top 5, under a name that is far longer than a phone is wide": pipeline.Chain(first, cut.TopK(5)),
			`<b>"hostile" & name</b>`:   pipeline.Chain(first, pipeline.Keep()),
			"</script><script>alert(1)": pipeline.Chain(first, cut.TopK(20)),
		},
		Topics: queries, Judgements: qrels, Measures: measure.MustParse("nDCG@10", "RR@10", "R@20"), Baseline: "BM25",
		Sampling: stats.Sampling{Samples: 1000}, Prices: map[string]float64{"m": .5},
	})
	require.NoError(t, err)
	r.Warnings = append(r.Warnings, hostile)
	return r
}

// written writes a report into a file and returns its name and content.
func written(t testing.TB, o report.Options, r ...*experiment.Result) (name, content string) {
	t.Helper()
	var b strings.Builder
	require.NoError(t, o.Write(&b, r...))
	name = filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o600))
	return name, b.String()
}
