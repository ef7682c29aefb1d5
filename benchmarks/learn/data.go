package learn

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

// Data is what a model learns from: the hits of some topics, with their features and
// grades.
type Data struct {
	Features []ltr.Feature
	Topics   []Topic
	// Synthetic says that no human gave the judgements.
	Synthetic bool
}

// Topic is a query with what was retrieved for it.
type Topic struct {
	ID   string
	Rows []Row
}

// Row is a hit.
type Row struct {
	Document string
	// Values has one number for each feature, NaN where it is absent.
	Values []float64
	// Grade is that of the judgement, 0 where nobody judged the document.
	Grade float64
}

// Collect asks the retriever for every judged query and computes the features of its
// hits. Queries that nobody judged are left out. A query that fails fails it all: a
// model should not learn from what an outage left.
func Collect(ctx context.Context, search pipeline.Retriever, queries []pipeline.Query, qrels *trec.Qrels, features []ltr.Feature) (*Data, error) {
	if qrels == nil {
		return nil, errors.New("learn: collect: judgements are needed")
	}
	if err := ltr.CheckFeatures(features); err != nil {
		return nil, fmt.Errorf("learn: collect: %w", err)
	}
	d := &Data{Features: features, Synthetic: qrels.Synthetic}
	var judged []pipeline.Query
	for _, q := range queries {
		if _, ok := qrels.Topic(q.ID); !ok {
			continue
		}
		if slices.ContainsFunc(judged, func(other pipeline.Query) bool { return other.ID == q.ID }) {
			return nil, fmt.Errorf("learn: collect: two queries have the ID %q", q.ID)
		}
		judged = append(judged, q)
	}
	d.Topics = make([]Topic, len(judged))
	p := pool.New().WithErrors().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i, q := range judged {
		p.Go(func(ctx context.Context) (err error) {
			grades, _ := qrels.Topic(q.ID)
			d.Topics[i], err = topic(ctx, search, q, grades, features)
			return err
		})
	}
	if err := p.Wait(); err != nil {
		return nil, fmt.Errorf("learn: collect: %w", err)
	}
	return d, nil
}

func topic(ctx context.Context, search pipeline.Retriever, q pipeline.Query, judged []trec.Judgement, features []ltr.Feature) (Topic, error) {
	r, err := pipeline.Ask(ctx, search, q)
	if err != nil {
		return Topic{}, fmt.Errorf("topic %s: %w", q.ID, err)
	}
	rows, err := ltr.Values(ctx, q, r, features)
	if err != nil {
		return Topic{}, fmt.Errorf("topic %s: %w", q.ID, err)
	}
	grades := map[string]float64{}
	for _, j := range judged {
		grades[j.Document] = float64(j.Grade)
	}
	t := Topic{ID: q.ID}
	for i, h := range r.Hits {
		t.Rows = append(t.Rows, Row{Document: h.Document.ID, Values: rows[i], Grade: grades[h.Document.ID]})
	}
	return t, nil
}

// only returns the data of the topics that keep names.
func (d *Data) only(keep map[string]bool) *Data {
	part := &Data{Features: d.Features, Synthetic: d.Synthetic}
	for _, t := range d.Topics {
		if keep[t.ID] {
			part.Topics = append(part.Topics, t)
		}
	}
	return part
}
