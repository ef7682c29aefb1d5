package experiment

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// outcome is what one branch made of one topic.
type outcome struct {
	IDs    []string          `json:"ids"`
	Scores []float64         `json:"scores"`
	Hits   []Hit             `json:"hits,omitempty"`
	Inputs map[string]ranked `json:"inputs,omitempty"`
	Time   time.Duration     `json:"time"`
	Usage  usage             `json:"usage"`
	Gaps   string            `json:"gaps,omitempty"`
	Error  string            `json:"error,omitempty"`
	// Probable says that the scores are probabilities.
	Probable bool `json:"probable,omitempty"`
}

// ranked is a ranking without its documents.
type ranked struct {
	IDs    []string  `json:"ids"`
	Scores []float64 `json:"scores"`
}

// usage is what a topic's stage was charged.
type usage struct {
	Calls     int     `json:"calls,omitempty"`
	Retries   int     `json:"retries,omitempty"`
	Documents int     `json:"documents,omitempty"`
	Tokens    int     `json:"tokens,omitempty"`
	Cached    int     `json:"cached,omitempty"`
	Price     float64 `json:"price,omitempty"`
	// First is what the first scoring cost and took, where all scores are cached now
	// and a Ledger knows it.
	First *usage        `json:"first,omitempty"`
	Time  time.Duration `json:"time,omitempty"`
}

// add adds what one report says.
func (u *usage) add(s spent, prices map[string]float64) {
	u.Calls += s.Calls
	u.Retries += s.Retries
	u.Documents += s.Documents
	u.Tokens += s.Tokens
	price, ok := prices[s.Model]
	if !ok {
		price = prices[""]
	}
	u.Price += price * float64(s.Tokens) / 1e6
}

// time is what the outcome took, or its first scoring.
func (o outcome) time() time.Duration {
	if o.Usage.First != nil {
		return o.Time + o.Usage.First.Time
	}
	return o.Time
}

// ofCache reports whether the time is that of cached scores.
func (o outcome) ofCache() bool { return o.Usage.Cached > 0 && o.Usage.First == nil }

// topicRun is what all branches made of one topic, with the texts that a report
// quotes.
type topicRun struct {
	outcomes []outcome
	texts    map[string]Document
}

// call runs a retriever or a stage under the guard of a chain, which turns
// panics into errors and keeps the trace.
func call(ctx context.Context, value any, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if stage, ok := value.(pipeline.Stage); ok && in.Hits != nil {
		given := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return in, nil })
		return pipeline.Chain(given, stage).Retrieve(ctx, q)
	}
	retriever, ok := value.(pipeline.Retriever)
	if !ok {
		return pipeline.Ranking{}, fmt.Errorf("experiment: %T is no retriever", value)
	}
	return pipeline.Chain(retriever).Retrieve(ctx, q)
}

func idsAndScores(hits []pipeline.Hit, depth int) (ids []string, scores []float64) {
	hits = hits[:min(len(hits), depth)]
	ids, scores = make([]string, len(hits)), make([]float64, len(hits))
	for i, h := range hits {
		ids[i], scores[i] = h.Document.ID, h.Score
	}
	return ids, scores
}

// keepHit keeps a hit with the arithmetic of its newest mark.
func keepHit(h pipeline.Hit) Hit {
	kept := Hit{ID: h.Document.ID, Score: h.Score}
	m := h.Newest()
	if m.Status != pipeline.Scored {
		kept.Status = m.Status.String()
	}
	if d := m.Derivation(); d != nil {
		kept.Why = arithmetic(d, m.Score)
	}
	return kept
}

// arithmetic writes a fused score as the sum that it is.
func arithmetic(d *pipeline.Derivation, score float64) string {
	var parts []string
	for _, t := range d.Terms {
		part := fmt.Sprintf("%s rank %d score %.4g", t.Source, t.Rank, t.Score)
		if t.Normalised != t.Score {
			part += fmt.Sprintf(" normalised %.4g", t.Normalised)
		}
		if t.Imputed || t.Rank == 0 {
			part += " (not scored there)"
		}
		parts = append(parts, part+fmt.Sprintf(" gives %.6g", t.Contribution))
	}
	return strings.Join(parts, " + ") + fmt.Sprintf(" = %.6g", score)
}

// keepText keeps what a report quotes of a document, at most 2,000 bytes.
func keepText(d pipeline.Document) Document {
	title, _ := d.Metadata["title"].(string)
	text := d.Text
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "") + " ..."
	}
	return Document{Title: title, Text: text}
}
