package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/sourcegraph/conc/pool"
	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms/openai"
)

const defaultLimit = 1000

// builder makes the systems over one corpus. Each part is made once, so that the
// experiment sees what systems share.
type builder struct {
	*experimenter
	corpus *corpus
	// dry builds for an estimate: no key is needed, nothing is sent, and BM25
	// stands in for dense retrieval.
	dry        bool
	retrievers map[string]pipeline.Retriever
	scorers    map[string]reranker.Scorer
	reranks    map[string]pipeline.Stage
	closers    []func() error
}

func (b *builder) close() error {
	var errs []error
	for _, c := range b.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// first returns what a system starts with: a retriever, or several that are
// fused.
func (b *builder) first(ctx context.Context, s systemConfig) (pipeline.Retriever, error) {
	key := fmt.Sprint(strings.Join(s.Retrieve, "+"), " ", s.Fuse, " ", s.K1, s.B)
	if r, ok := b.retrievers[key]; ok {
		return r, nil
	}
	var legs []pipeline.Retriever
	for _, name := range s.Retrieve {
		r, err := b.retriever(ctx, name, s)
		if err != nil {
			return nil, fmt.Errorf("retriever %q: %w", name, err)
		}
		legs = append(legs, r)
	}
	r := legs[0]
	if len(legs) > 1 {
		fuser, err := fusion.Parse(s.Fuse)
		if err != nil {
			return nil, fmt.Errorf("fuse: %w", err)
		}
		r = pipeline.Fan(fuser, legs...)
	}
	b.retrievers[key] = r
	return r, nil
}

func (b *builder) retriever(ctx context.Context, name string, s systemConfig) (pipeline.Retriever, error) {
	c := b.config.Retrievers[name]
	key := name
	if c.Kind == "bm25" && (s.K1 != 0 || s.B != 0) {
		c.K1, c.B = cmp.Or(s.K1, c.K1), cmp.Or(s.B, c.B)
		key = fmt.Sprint(name, " k1=", c.K1, " b=", c.B)
	}
	if r, ok := b.retrievers[key]; ok {
		return r, nil
	}
	var r pipeline.Retriever
	var err error
	switch {
	case c.Kind == "bm25" || (c.Kind == "dense" && b.dry):
		r, err = b.bm25(ctx, name, c)
	case c.Kind == "dense":
		r, err = b.dense(ctx, name, c)
	case c.Kind == "minilm":
		r, err = b.minilm.retriever(ctx, name, b, c.Limit)
	default:
		return nil, fmt.Errorf("no kind %q: bm25, dense or minilm%s", c.Kind, nearest.Hint(c.Kind, []string{"bm25", "dense", "minilm"}))
	}
	if err != nil {
		return nil, err
	}
	if b.corpus.Manifest.DropSelf {
		r = pipeline.Chain(r, notItself{})
	}
	b.retrievers[key] = r
	return r, nil
}

func (b *builder) bm25(ctx context.Context, name string, c retrieverConfig) (pipeline.Retriever, error) {
	index, err := bleve.New(ctx, b.corpus.each, bleve.Options{
		Name: name, Language: cmp.Or(b.config.Language, "en"), Filters: []string{}, Limit: cmp.Or(c.Limit, defaultLimit), K1: c.K1, B: c.B,
	})
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, index.Close)
	return index, nil
}

func (b *builder) dense(ctx context.Context, name string, c retrieverConfig) (pipeline.Retriever, error) {
	embedder, err := b.embedder(c)
	if err != nil {
		return nil, err
	}
	return memory.New(ctx, embedder, b.corpus.each, memory.Options{Name: name, Limit: cmp.Or(c.Limit, defaultLimit), Progress: func(n int) {
		b.bar.show("embedding "+b.corpus.Manifest.Name, n, len(b.corpus.documents), "")
	}})
}

// rerank returns the stage that scores with the scorer down to the depth.
func (b *builder) rerank(s systemConfig) (pipeline.Stage, error) {
	key := fmt.Sprint(s.Rerank, " ", s.Depth, " ", s.Passage)
	if stage, ok := b.reranks[key]; ok {
		return stage, nil
	}
	scorer, err := b.scorer(s.Rerank)
	if err != nil {
		return nil, fmt.Errorf("scorer %q: %w", s.Rerank, err)
	}
	if s.Passage != 0 {
		scorer = reranker.Passages(scorer, reranker.PassageOptions{Tokens: s.Passage})
	}
	o := reranker.Evaluation()
	o.Name, o.Depth, o.Timeout = s.Rerank, s.Depth, 10*time.Minute
	stage := pipeline.Stage(reranker.Stage(scorer, o))
	if b.config.Scorers[s.Rerank].Kind == "http" && !b.dry {
		ledger, err := b.openLedger()
		if err != nil {
			return nil, err
		}
		stage = ledger.Stage(stage)
	}
	b.reranks[key] = stage
	return stage, nil
}

func (b *builder) scorer(name string) (reranker.Scorer, error) {
	if s, ok := b.scorers[name]; ok {
		return s, nil
	}
	c := b.config.Scorers[name]
	var s reranker.Scorer
	var err error
	switch c.Kind {
	case "lexical":
		s = b.lexical()
	case "minilm":
		s, err = b.minilm.scorer()
	case "http":
		s, err = b.http(c)
	default:
		err = fmt.Errorf("no kind %q: lexical, minilm or http%s", c.Kind, nearest.Hint(c.Kind, []string{"lexical", "minilm", "http"}))
	}
	if err == nil {
		b.scorers[name] = s
	}
	return s, err
}

func (b *builder) lexical() reranker.Scorer {
	analysis := lexical.Analysis{}
	if strings.HasPrefix(cmp.Or(b.config.Language, "en"), "en") {
		analysis.Stem = lexical.Plural
	}
	return lexical.New(lexical.Options{Statistics: lexical.Collect(analysis, b.corpus.texts)})
}

// unasked stands for a server in an estimate.
type unasked struct{ model string }

// Describe implements pipeline.Describer.
func (u unasked) Describe() pipeline.Node {
	return pipeline.Node{Name: "http", Settings: []pipeline.Setting{{Name: "model", Value: u.model}}}
}

// Score implements reranker.Scorer.
func (unasked) Score(context.Context, string, []string) (reranker.Scores, error) {
	return reranker.Scores{}, errors.New("an estimate asks no server")
}

func (b *builder) http(c scorerConfig) (reranker.Scorer, error) {
	if c.Model == "" {
		return nil, errors.New("model is missing")
	}
	if b.dry {
		return unasked{c.Model}, nil
	}
	key, err := keyFrom(c.KeyEnv)
	if err != nil {
		return nil, err
	}
	client, err := nebius.New(key, c.Model, nebius.Options{BaseURL: c.URL, Dialect: nebius.Dialect(c.Dialect), NoKey: c.KeyEnv == ""})
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, client.Close)
	scores, err := b.openScores()
	if err != nil {
		return nil, err
	}
	return cache.New(reranker.Shard(client, reranker.EvaluationShards()), scores, cache.Options{
		Tenant: "quality", Endpoint: cmp.Or(c.URL, "default") + " " + c.Dialect, Model: c.Model, Version: c.Version,
	}), nil
}

// keyFrom reads a key from the environment variable of that name.
func keyFrom(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	key := os.Getenv(name)
	if key == "" {
		return "", fmt.Errorf("the environment variable %s, which keyEnv names, holds no key", name)
	}
	return key, nil
}

// isLocal reports whether an address is this machine's, whose calls cost nothing.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

// systems builds all systems, and says how the tuned ones were.
func (b *builder) systems(ctx context.Context) (experiment.Systems, map[string]experiment.Tuning, error) {
	systems, tuned := experiment.Systems{}, map[string]experiment.Tuning{}
	for _, s := range b.config.Systems {
		built, tuning, err := b.system(ctx, s)
		if err != nil {
			return nil, nil, fmt.Errorf("system %q: %w", s.Name, err)
		}
		systems[s.Name] = built
		if tuning != nil {
			tuned[s.Name] = *tuning
		}
	}
	return systems, tuned, nil
}

// system builds one: what it starts with, its rerank or blend, its model, its cuts.
func (b *builder) system(ctx context.Context, s systemConfig) (pipeline.Retriever, *experiment.Tuning, error) {
	if s.Pipeline != "" {
		served, err := b.served(ctx, s.Pipeline)
		return served, nil, err
	}
	if s.Tune != nil && len(s.Tune.Over) > 0 {
		return variants{b}.tuned(ctx, s)
	}
	first, err := b.first(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	var stages []pipeline.Stage
	var tuning *experiment.Tuning
	scale := pipeline.Describe(first).Facts.Scale
	if len(s.Retrieve) > 1 {
		scale = pipeline.Fused
	}
	if s.Rerank != "" {
		var stage pipeline.Stage
		if stage, tuning, err = b.second(ctx, s, first); err != nil {
			return nil, nil, err
		}
		stages, scale = append(stages, stage), pipeline.Describe(stage).Facts.Scale
		if s.Blend != "" {
			scale = pipeline.Fused
		}
	}
	if s.Learn != nil {
		var stage pipeline.Stage
		if stage, tuning, err = (learner{b}).crossFit(ctx, s, pipeline.Chain(first, stages...)); err != nil {
			return nil, nil, fmt.Errorf("learn: %w", err)
		}
		stages, scale = append(stages, stage), pipeline.Describe(stage).Children[0].Facts.Scale
	}
	if s.Lambda != 0 {
		stages, scale = append(stages, cut.MMR{Lambda: s.Lambda}), pipeline.Fused
	}
	if s.Least != nil {
		stages = append(stages, cut.AtLeast(scale, *s.Least))
	}
	return pipeline.Chain(first, stages...), tuning, nil
}

// served builds the pipeline of a file, as the programs that serve it do.
func (b *builder) served(ctx context.Context, file string) (pipeline.Retriever, error) {
	loaded, err := config.Load(ctx, b.config.path(file), stores.Kinds()...)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, loaded.Close)
	for _, f := range pipeline.Lint(loaded) {
		fmt.Fprintf(b.errs, "%s: warning: %v\n", file, f)
	}
	if b.corpus.Manifest.DropSelf {
		return pipeline.Chain(loaded.Retriever(), notItself{}), nil
	}
	return pipeline.Chain(loaded.Retriever()), nil
}

// second returns the rerank of a system, its blend, or its tuned blend.
func (b *builder) second(ctx context.Context, s systemConfig, first pipeline.Retriever) (pipeline.Stage, *experiment.Tuning, error) {
	rerank, err := b.rerank(s)
	if err != nil || s.Blend == "" {
		return rerank, nil, err
	}
	fuser, err := fusion.Parse(s.Blend)
	if err != nil {
		return nil, nil, fmt.Errorf("blend: %w", err)
	}
	if s.Tune == nil || b.dry {
		return pipeline.Blend(fuser, pipeline.Keep(), rerank), nil, nil
	}
	return b.tuned(ctx, s, fuser, first, rerank)
}

// embedder makes the embedder of a dense retriever: a server that speaks
// OpenAI's form, in front of which stands a file with the vectors that it gave
// before.
func (b *builder) embedder(c retrieverConfig) (memory.Embedder, error) {
	if c.Model == "" || c.URL == "" {
		return nil, errors.New("a dense retriever needs model and url")
	}
	key, err := keyFrom(c.KeyEnv)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = "none" // the client refuses an empty one
	}
	client, err := openai.New(openai.WithToken(key), openai.WithBaseURL(c.URL), openai.WithModel(c.Model), openai.WithEmbeddingModel(c.Model))
	if err != nil {
		return nil, err
	}
	asked, err := embeddings.NewEmbedder(client, embeddings.WithStripNewLines(false), embeddings.WithBatchSize(64))
	if err != nil {
		return nil, err
	}
	kept, err := openVectors(filepath.Join(b.dir, "vectors.bin"))
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, kept.close)
	return &remembering{asked: asked, kept: kept, model: c.URL + " " + c.Model, prefix: c.Prefix}, nil
}

// tuned chooses the blend's setting by cross-validation.
func (b *builder) tuned(ctx context.Context, s systemConfig, standard fusion.Method, first pipeline.Retriever, rerank pipeline.Stage) (pipeline.Stage, *experiment.Tuning, error) {
	measures, err := measure.Parse(cmp.Or(s.Tune.Measure, b.config.Measures[0]))
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	space, err := spaceOf(s.Tune.Space, standard)
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	runs, err := b.inputRuns(ctx, s, first, rerank)
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	report, err := tune.Tune(tune.Problem{
		Runs: runs.list, Scales: runs.scales, Qrels: b.askedQrels(), Measure: measures[0], Options: b.corpus.options(),
		Ranked: true, Depth: math.MaxInt, Folds: s.Tune.Folds, Groups: sameText(b.corpus.topics), Sampling: stats.Sampling{Samples: 2000, Seed: b.config.Seed},
	}, space)
	if err != nil {
		return nil, nil, err
	}
	return assembleHeldOut(report, rerank)
}

// askedQrels are the judgements of the topics that are asked.
func (b *builder) askedQrels() *trec.Qrels {
	var kept []trec.Judgements
	for _, q := range b.corpus.topics {
		if judged, ok := b.corpus.Qrels.Topic(q.ID); ok {
			kept = append(kept, trec.Judgements{ID: q.ID, Judged: judged})
		}
	}
	return trec.NewQrels(kept)
}

// inputRuns asks the retriever and the reranker for every topic. Scores of a
// server go through the cache, so that the experiment does not pay again.
func (b *builder) inputRuns(ctx context.Context, s systemConfig, first pipeline.Retriever, rerank pipeline.Stage) (inputs, error) {
	key := fmt.Sprint(s.Retrieve, s.Fuse, s.Rerank, s.Depth, s.Passage, s.K1, s.B)
	if known, ok := b.runs[b.corpus.digest+key]; ok {
		return known, nil
	}
	topics := b.corpus.topics
	retrieved, reranked := make([]trec.Topic, len(topics)), make([]trec.Topic, len(topics))
	scales := make([]pipeline.Scale, 2)
	done := 0
	p := pool.New().WithErrors().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i, q := range topics {
		p.Go(func(ctx context.Context) error {
			before, err := pipeline.Chain(first).Retrieve(ctx, q)
			if err != nil {
				return fmt.Errorf("topic %s: %w", q.ID, err)
			}
			given := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return before, nil })
			after, err := pipeline.Chain(given, rerank).Retrieve(ctx, q)
			if err != nil {
				return fmt.Errorf("topic %s: %w", q.ID, err)
			}
			retrieved[i], reranked[i] = judgedEntries(q.ID, before), judgedEntries(q.ID, after)
			b.mu.Lock()
			defer b.mu.Unlock()
			scales[0], scales[1] = before.Scale, after.Scale
			done++
			b.bar.show(b.corpus.Manifest.Name+": tuning, "+s.Rerank+fmt.Sprintf(" at %d", s.Depth), done, len(topics), "")
			return b.charge(after)
		})
	}
	if err := p.Wait(); err != nil {
		return inputs{}, err
	}
	known := inputs{[]*trec.Run{trec.NewRun("retrieval", retrieved), trec.NewRun(s.Rerank, reranked)}, scales}
	b.runs[b.corpus.digest+key] = known
	return known, nil
}
