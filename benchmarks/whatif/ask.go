package whatif

import (
	"context"
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Answer is what a pipeline would have answered to a recorded query.
type Answer struct {
	Query   pipeline.Query
	Ranking pipeline.Ranking
	// Scored and Tokens are what its rerankers would have been asked: documents, and
	// a quarter of the bytes of queries and documents. Nothing was sent.
	Scored, Tokens int
}

// Answers are those of one pipeline.
type Answers struct {
	Answered []Answer
	// Unknown are the IDs of the queries for which something was not recorded.
	Unknown []string
}

// Ask asks the pipeline every query of the log, one after the other. A query for
// which something was not recorded is left out; any other error ends the call.
func Ask(ctx context.Context, l *Log, search pipeline.Retriever) (*Answers, error) {
	out := &Answers{}
	for _, q := range l.Queries() {
		r, err := pipeline.Ask(ctx, search, q)
		if errors.Is(err, ErrNotRecorded) || err == nil && missed(r) {
			out.Unknown = append(out.Unknown, q.ID)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("whatif: query %q: %w", q.ID, err)
		}
		a := Answer{Query: q, Ranking: r}
		for _, report := range reranker.ReportKey.NotedAll(r) {
			if report.Model == recordedModel { // not one of production, which a replay may carry
				a.Scored, a.Tokens = a.Scored+report.Useful.Documents, a.Tokens+report.Useful.Tokens
			}
		}
		out.Answered = append(out.Answered, a)
	}
	return out, nil
}

func missed(r pipeline.Ranking) bool {
	for _, g := range r.Gaps {
		if errors.Is(g.Err, ErrNotRecorded) {
			return true
		}
	}
	return false
}

// Run turns the answers into a run, for evaluation and comparison. Entries stand in
// the order of the pipeline.
func (a *Answers) Run(name string) *trec.Run {
	var topics []trec.Topic
	for _, one := range a.Answered {
		t := trec.Topic{ID: one.Query.ID}
		for i, h := range one.Ranking.Hits {
			t.Entries = append(t.Entries, trec.Entry{Document: h.Document.ID, Score: h.Score, Rank: i + 1})
		}
		topics = append(topics, t)
	}
	return trec.NewRun(name, topics)
}
