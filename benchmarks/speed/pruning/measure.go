package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
)

// collection is a judged collection with the head of its BM25 run.
type collection struct {
	name     string
	queries  []pipeline.Query
	rankings []pipeline.Ranking // of each query
	grades   map[string]map[string]bool
	texts    map[string]string
}

func load(dir string, depth int) (*collection, error) {
	source, err := trec.OpenCollection(dir, trec.Options{})
	if err != nil {
		return nil, err
	}
	runFile, err := trec.ReadRunFile(filepath.Join(dir, "runs", "bm25-k0.9-b0.4.txt.gz"), trec.Options{})
	if err != nil {
		return nil, err
	}
	c := &collection{name: filepath.Base(dir), texts: map[string]string{}, grades: map[string]map[string]bool{}}
	for d, err := range source.Documents() {
		if err != nil {
			return nil, err
		}
		c.texts[d.ID] = strings.TrimSpace(d.Title + " " + d.Text)
	}
	for _, topic := range source.Qrels.Topics {
		c.grades[topic.ID] = relevant(topic)
	}
	for _, q := range source.Questions {
		entries, _ := runFile.Topic(q.ID)
		if err := c.add(q, entries[:min(depth, len(entries))]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func relevant(topic trec.Judgements) map[string]bool {
	set := map[string]bool{}
	for _, g := range topic.Judged {
		set[g.Document] = g.Grade > 0
	}
	return set
}

func (c *collection) add(q trec.Question, entries []trec.Entry) error {
	hits := make([]pipeline.Hit, len(entries))
	for i, e := range entries {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: e.Document, Text: c.texts[e.Document]}, Score: e.Score}
	}
	r, err := pipeline.NewRanking("bm25", pipeline.BM25, hits)
	c.queries = append(c.queries, pipeline.Query{ID: q.ID, Text: q.Text})
	c.rankings = append(c.rankings, r)
	return err
}

// weights of the rerank in the fusion.
var weights = [...]float64{0.2, 0.4, 0.5, 0.6, 0.8}

// measure writes one line for each scorer and weight.
func (c *collection) measure(ctx context.Context, w io.Writer, k int) error {
	statistics := lexical.Collect(lexical.Analysis{Stem: lexical.Plural}, maps.Values(c.texts))
	for _, s := range []struct {
		name   string
		scorer func(q pipeline.Query) reranker.Scorer
	}{
		{"lexical", func(pipeline.Query) reranker.Scorer {
			return lexical.New(lexical.Options{Statistics: statistics, Bounded: true})
		}},
		{"simulated", func(q pipeline.Query) reranker.Scorer { return simulated{c.judgedTexts(q)} }},
	} {
		for _, weight := range weights {
			line := fmt.Sprintf("%s\t%s\t%.1f", c.name, s.name, weight)
			if err := c.compare(ctx, w, line, s.scorer, weight, k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *collection) judgedTexts(q pipeline.Query) map[string]bool {
	texts := map[string]bool{}
	for id, judged := range c.grades[q.ID] {
		texts[c.texts[id]] = judged
	}
	return texts
}

// compare runs every query with and without pruning.
func (c *collection) compare(ctx context.Context, w io.Writer, line string, scorer func(pipeline.Query) reranker.Scorer, weight float64, k int) error {
	fuser := fusion.Convex{
		Weights: []float64{1 - weight, weight},
		Norms:   []fusion.Normaliser{fusion.MinMax{}, fusion.BoundedMinMax{High: 1}},
	}
	var all, some meter
	different := 0
	for i, q := range c.queries {
		all.scorer, some.scorer = scorer(q), scorer(q)
		options := reranker.Evaluation()
		full := pipeline.Join(pipeline.Blend(fuser, pipeline.Keep(), reranker.Stage(&all, options)), cut.TopK(k))
		want, err := full.Apply(ctx, q, c.rankings[i])
		if err != nil {
			return fmt.Errorf("%s, query %s: %w", c.name, q.ID, err)
		}
		got, err := reranker.Prune(fuser, reranker.Stage(&some, options), reranker.PruneOptions{Limit: k, High: 1}).Apply(ctx, q, c.rankings[i])
		if err != nil {
			return fmt.Errorf("%s, query %s, pruned: %w", c.name, q.ID, err)
		}
		if !same(want, got) {
			different++
		}
	}
	_, err := fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.1f %%\t%.2f\t%d\t\n", line, len(c.queries), all.tokens, some.tokens,
		100*(1-float64(some.tokens)/float64(all.tokens)), float64(some.calls)/float64(len(c.queries)), different)
	return err
}

// same compares IDs and the bits of scores.
func same(a, b pipeline.Ranking) bool {
	return slices.EqualFunc(a.Hits, b.Hits, func(x, y pipeline.Hit) bool {
		return x.Document.ID == y.Document.ID && math.Float64bits(x.Score) == math.Float64bits(y.Score)
	})
}
