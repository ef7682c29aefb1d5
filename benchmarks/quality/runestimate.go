package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/pipeline"
)

// estimator works out what servers would be asked for, before they are.
type estimator struct{ *experimenter }

// clear prints what servers would be asked for, and refuses to go on where that
// may cost money and nobody has said yes.
func (e estimator) clear(ctx context.Context, corpora []*corpus) error {
	price, servers := 0.0, false
	for _, c := range corpora {
		lines, cost, err := e.estimateOn(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Manifest.Name, err)
		}
		for _, line := range lines {
			fmt.Fprintf(e.out, "estimate for %s: %s\n", c.Manifest.Name, line)
			servers = true
		}
		price += cost
	}
	asks, err := servedFiles(e).servers()
	if err != nil {
		return err
	}
	for _, name := range asks {
		fmt.Fprintf(e.out, "not estimated: what %s costs\n", name)
		servers = true
	}
	if !servers {
		if e.estimate {
			fmt.Fprintln(e.out, "nothing is sent to a server: it costs nothing")
		}
		return nil
	}
	unknown := e.unpriced()
	fmt.Fprintf(e.out, "estimated price of all: %.4f%s\n", price, unknown)
	if e.estimate || e.yes || (price == 0 && unknown == "" && len(asks) == 0) {
		return nil
	}
	return errors.New("this would cost money, and nothing was sent: run it again with -yes, or see -estimate")
}

// unpriced names the models of servers elsewhere that have no price.
func (e estimator) unpriced() string {
	var names []string
	note := func(model, url string) {
		_, priced := e.config.Prices[model]
		_, all := e.config.Prices[""]
		if !priced && !all && !isLocal(url) && !slices.Contains(names, model) {
			names = append(names, model)
		}
	}
	for _, s := range e.config.Scorers {
		if s.Kind == "http" {
			note(s.Model, s.URL)
		}
	}
	for _, r := range e.config.Retrievers {
		if r.Kind == "dense" {
			note(r.Model, r.URL)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return ", not counting " + strings.Join(names, ", ") + ", for which prices has no entry"
}

// estimateOn estimates one collection: the embeddings of its documents and
// topics, and each pair of topic and candidate once, however many systems rerank
// it, because scores are cached.
func (e estimator) estimateOn(ctx context.Context, c *corpus) (_ []string, price float64, err error) {
	b := e.builder(c, true)
	defer func() { err = errors.Join(err, b.close()) }()
	var lines []string
	for _, name := range e.denseInUse() {
		r := e.config.Retrievers[name]
		tokens := 0
		for _, d := range c.documents {
			tokens += (len(d.Text) + 3) / 4
		}
		for _, q := range c.topics {
			tokens += (len(r.Prefix) + len(q.Text) + 3) / 4
		}
		cost := e.price(r.Model) * float64(tokens) / 1e6
		lines = append(lines, fmt.Sprintf("%s: %s to embed with %s, about %s, price %.4f", name, wording.Count(len(c.documents)+len(c.topics), "text"), r.Model, wording.Count(tokens, "token"), cost))
		price += cost
	}
	systems := experiment.Systems{}
	for _, s := range e.deepest() {
		first, err := b.first(ctx, s)
		if err != nil {
			return nil, 0, err
		}
		rerank, err := b.rerank(s)
		if err != nil {
			return nil, 0, err
		}
		systems[strings.Join(s.Retrieve, "+")+" > "+s.Rerank] = pipeline.Chain(first, rerank)
	}
	if len(systems) == 0 {
		return lines, price, nil
	}
	p, err := e.plan(c)
	if err != nil {
		return nil, 0, err
	}
	p.Systems, p.Baseline, p.Repeats = systems, "", nil
	cost, err := experiment.EstimateCost(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	return append(lines, "reranking, "+cost.String()), price + cost.Price, nil
}

// denseInUse lists the dense retrievers that systems use.
func (e estimator) denseInUse() []string {
	var names []string
	for _, s := range e.asked() {
		for _, name := range s.Retrieve {
			if e.config.Retrievers[name].Kind == "dense" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// deepest returns, for each pair of retrieval and served scorer, the system that
// reranks deepest.
func (e estimator) deepest() []systemConfig {
	var kept []systemConfig
	for _, s := range e.asked() {
		if e.config.Scorers[s.Rerank].Kind != "http" {
			continue
		}
		i := slices.IndexFunc(kept, func(k systemConfig) bool {
			return k.Rerank == s.Rerank && slices.Equal(k.Retrieve, s.Retrieve) && k.Fuse == s.Fuse
		})
		switch {
		case i < 0:
			kept = append(kept, s)
		case s.Depth == 0 || (kept[i].Depth != 0 && s.Depth > kept[i].Depth):
			kept[i] = s
		}
	}
	return kept
}

// asked are all systems that run, those among which tuning chooses included.
func (e estimator) asked() []systemConfig {
	var all []systemConfig
	for _, s := range e.config.Systems {
		candidates, err := s.candidates()
		if err != nil {
			continue // the configuration was checked
		}
		all = append(all, candidates...)
	}
	return all
}
