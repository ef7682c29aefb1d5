package experiment

import (
	"context"
	"fmt"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/pipeline"
)

// Estimate is what an experiment would ask of its rerankers, before any score is
// known to be cached.
type Estimate struct {
	// Documents is the number of pairs of query and document to be scored.
	Documents int
	// Tokens is the sum over pairs of the bytes of query and document, divided by
	// four: within a quarter for English, too low for most other scripts.
	Tokens int
	// Price is for Tokens at the plan's prices; a reranker whose description names
	// no model costs nothing.
	Price float64
	// Sampled is how many topics were looked at.
	Sampled int
}

// String prints the estimate in one line.
func (e Estimate) String() string {
	return fmt.Sprintf("about %s, %s, price %.4f (from %s)", wording.Count(e.Documents, "pair"), wording.Count(e.Tokens, "token"), e.Price, wording.Count(e.Sampled, "topic"))
}

// EstimateCost runs the plan's retrievers on up to 50 evenly spread topics and
// works out what the rerankers behind them would be asked. No reranker is
// called: where one stands behind another, the first is taken to keep the order.
func EstimateCost(ctx context.Context, p Plan) (Estimate, error) {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return Estimate{}, err
	}
	const most = 50
	step := max(1, len(p.Topics)/most)
	f := plant(p)
	var e Estimate
	for i := 0; i < len(p.Topics) && e.Sampled < most; i += step {
		for _, root := range f.roots {
			if err := e.add(ctx, root, p.Topics[i], pipeline.Ranking{}, p.Prices); err != nil {
				return Estimate{}, err
			}
		}
		e.Sampled++
	}
	scale := float64(len(p.Topics)) / float64(e.Sampled)
	e.Documents, e.Tokens, e.Price = int(float64(e.Documents)*scale), int(float64(e.Tokens)*scale), e.Price*scale
	return e, nil
}

func (e *Estimate) add(ctx context.Context, b *branch, q pipeline.Query, in pipeline.Ranking, prices map[string]float64) error {
	out := in
	depth, reranks := rerankDepth(b.node)
	if reranks && in.Hits != nil {
		e.charge(b.node, q, in.Hits, depth, prices)
	} else {
		var err error
		if out, err = call(ctx, b.node.Value, q, in); err != nil {
			return fmt.Errorf("experiment: estimate: topic %s: %w", q.ID, err)
		}
	}
	for _, next := range b.below {
		if err := e.add(ctx, next, q, out, prices); err != nil {
			return err
		}
	}
	return nil
}

func (e *Estimate) charge(n pipeline.Node, q pipeline.Query, hits []pipeline.Hit, depth int, prices map[string]float64) {
	if depth > 0 {
		hits = hits[:min(depth, len(hits))]
	}
	tokens := 0
	for _, h := range hits {
		tokens += (len(q.Text) + len(h.Document.Text) + 3) / 4
	}
	e.Documents += len(hits)
	e.Tokens += tokens
	if model := modelOf(n); model != "" {
		price, ok := prices[model]
		if !ok {
			price = prices[""]
		}
		e.Price += price * float64(tokens) / 1e6
	}
}

// modelOf returns the model that the node or one below it names.
func modelOf(n pipeline.Node) string {
	for _, s := range n.Settings {
		if s.Name == "model" {
			return s.Value
		}
	}
	for _, child := range n.Children {
		if model := modelOf(child); model != "" {
			return model
		}
	}
	return ""
}
