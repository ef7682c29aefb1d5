package maxsim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcegraph/conc/panics"
	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Defaults of Options.
const (
	DefaultBatch    = 32
	DefaultMost     = 8192
	DefaultMostText = 1024
)

// Options sets the comparison. The zero value adds up cosines.
type Options struct {
	// Dot compares vectors by their dot product, as they are; otherwise by the cosine.
	// For vectors of length 1 the two agree and Dot is faster.
	Dot bool
	// Mean divides the sum by the number of the query's vectors, so that scores of
	// queries of unlike lengths are on one scale: Cosine in [-1, 1], or Dot. Without it
	// the scale is Unbounded.
	Mean bool
	// Batch is how many documents are fetched at once; 0 means DefaultBatch.
	Batch int
	// Parallel is how many batches are fetched and compared at the same time; 0 means
	// GOMAXPROCS. No more than Parallel times Batch documents are held.
	Parallel int
	// Most is the most vectors that a document may have; 0 means DefaultMost. One with
	// more is not scored, for the reason pipeline.ReasonTooLong.
	Most int
	// MostText is the most vectors that a query may have; 0 means DefaultMostText. A
	// query with more is an error.
	MostText int
}

func (o Options) check() error {
	for _, n := range [...]struct {
		name  string
		value int
	}{{"Batch", o.Batch}, {"Parallel", o.Parallel}, {"Most", o.Most}, {"MostText", o.MostText}} {
		if n.value < 0 {
			return fmt.Errorf("%s is %d: it must be at least 1, or 0 for the default", n.name, n.value)
		}
	}
	return nil
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Scorer scores documents by their ids, which stand in the place of texts; Stage
// hands them on. It is safe for concurrent use if its encoder and vectors are.
type Scorer struct {
	encoder Encoder
	vectors Vectors
	o       Options
	err     error
}

var (
	_ reranker.Scorer    = (*Scorer)(nil)
	_ pipeline.Describer = (*Scorer)(nil)
)

// Stage rescores the hits of a ranking by the vectors that are stored for their
// ids. It is a stage of package reranker with everything that its options say; Text
// is overwritten. A document without vectors, or with vectors of another length,
// could not be scored: StageOptions.Unscored says what becomes of it.
func Stage(encoder Encoder, vectors Vectors, o Options, so reranker.StageOptions) *reranker.Staged {
	so.Text = func(d pipeline.Document) string { return d.ID }
	if so.Name == "" {
		so.Name = "maxsim"
	}
	return reranker.Stage(New(encoder, vectors, o), so)
}

// New makes a scorer of ids. A mistake in the options is reported by Describe and by
// every call of Score.
func New(encoder Encoder, vectors Vectors, o Options) *Scorer {
	s := &Scorer{encoder: encoder, vectors: vectors, o: o, err: o.check()}
	if encoder == nil || vectors == nil {
		s.err = errors.Join(s.err, errors.New("the encoder or the vectors are nil"))
	}
	s.o.Batch, s.o.Most, s.o.MostText = or(o.Batch, DefaultBatch), or(o.Most, DefaultMost), or(o.MostText, DefaultMostText)
	s.o.Parallel = or(o.Parallel, runtime.GOMAXPROCS(0))
	if s.err != nil {
		s.err = &reranker.Error{Kind: reranker.KindConfig, Op: "maxsim", Err: s.err}
	}
	return s
}

func (s *Scorer) scale() pipeline.Scale {
	switch {
	case !s.o.Mean:
		return pipeline.Unbounded
	case s.o.Dot:
		return pipeline.Dot
	}
	return pipeline.Cosine
}

// Describe says how vectors are compared.
func (s *Scorer) Describe() pipeline.Node {
	n := pipeline.Node{
		Name: "maxsim",
		Settings: []pipeline.Setting{
			{Name: "compares by", Value: map[bool]string{false: "cosine", true: "dot product"}[s.o.Dot]},
			{Name: "mean", Value: strconv.FormatBool(s.o.Mean)},
		},
		Facts: pipeline.Facts{Scale: s.scale()}, Err: s.err,
	}
	if s.o.Mean && !s.o.Dot {
		n.Facts.Max = 1
	}
	return n
}

// Score implements reranker.Scorer for ids in place of texts. Documents of a batch
// that could not be fetched are unscored for its reason; if no batch could, the error
// is that of the first.
func (s *Scorer) Score(ctx context.Context, query string, ids []string) (reranker.Scores, error) {
	if s.err != nil {
		return reranker.Scores{}, s.err
	}
	if len(ids) == 0 {
		return reranker.Scores{Values: []float64{}, Scale: s.scale()}, nil
	}
	asked, err := s.encode(ctx, query)
	if err != nil {
		return reranker.Scores{}, err
	}
	run := &run{scorer: s, query: asked, ids: ids, values: make([]float64, len(ids)), errs: make([]error, len(ids)), there: make([]bool, len(ids))}
	batches := pool.New().WithMaxGoroutines(s.o.Parallel)
	for from := 0; from < len(ids); from += s.o.Batch {
		batches.Go(func() { run.batch(ctx, from, min(from+s.o.Batch, len(ids))) })
	}
	batches.Wait()
	return run.scores(ctx)
}

// encode returns the vectors of the query, ready for dot products.
func (s *Scorer) encode(ctx context.Context, query string) ([][]float32, error) {
	if strings.TrimSpace(query) == "" {
		return nil, nil
	}
	vectors, err := guarded(ctx, "encoder", func() ([][]float32, error) { return s.encoder.EncodeQuery(ctx, query) })
	if err == nil {
		err = check(vectors, 0)
	}
	if err == nil && len(vectors) > s.o.MostText {
		err = &unfit{pipeline.ReasonTooLong, fmt.Sprintf("the query has %d vectors, at most %d are compared", len(vectors), s.o.MostText)}
	}
	if err != nil {
		return nil, failed("encode query", err)
	}
	if s.o.Dot {
		return vectors, nil
	}
	return unit(vectors), nil
}

// guarded runs code of the caller. A panic is its error, and the cause of an ended
// context is in the chain.
func guarded[T any](ctx context.Context, part string, f func() (T, error)) (value T, err error) {
	if ctx.Err() != nil {
		return value, context.Cause(ctx)
	}
	if p := panics.Try(func() { value, err = f() }); p != nil {
		err = &pipeline.PanicError{Part: part, Value: p.Value, Stack: p.Stack}
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return value, err
}

func failed(what string, err error) error { return fmt.Errorf("maxsim: %s: %w", what, err) }

// run is one call of Score. Each batch writes to its own part.
type run struct {
	scorer *Scorer
	query  [][]float32
	ids    []string
	values []float64
	errs   []error
	there  []bool // whose batch was fetched
}

// batch fetches and compares the documents from one position to another.
func (r *run) batch(ctx context.Context, from, to int) {
	ids := r.ids[from:to]
	vectors, err := guarded(ctx, "vectors", func() ([][][]float32, error) { return r.scorer.vectors.TokenVectors(ctx, ids) })
	if err == nil && len(vectors) != len(ids) {
		err = badVectors("vectors of %d documents for %d ids", len(vectors), len(ids))
	}
	for i := from; i < to; i++ {
		switch {
		case err != nil:
			r.errs[i] = err
		case ctx.Err() != nil:
			r.errs[i] = context.Cause(ctx)
		default:
			r.there[i] = true
			r.values[i], r.errs[i] = r.compare(ctx, vectors[i-from])
		}
	}
}

// compare scores one document.
func (r *run) compare(ctx context.Context, vectors [][]float32) (float64, error) {
	switch {
	case len(vectors) == 0:
		return 0, ErrNoVectors
	case len(vectors) > r.scorer.o.Most:
		return 0, &unfit{pipeline.ReasonTooLong, fmt.Sprintf("a document has %d vectors, at most %d are compared", len(vectors), r.scorer.o.Most)}
	case len(r.query) == 0:
		return 0, nil
	}
	if err := check(vectors, len(r.query[0])); err != nil {
		return 0, err
	}
	score := sum(ctx, r.query, vectors, factors(vectors, !r.scorer.o.Dot))
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if r.scorer.o.Mean {
		score /= float64(len(r.query))
	}
	if r.scorer.scale() == pipeline.Cosine {
		score = max(-1, min(1, score)) // rounding
	}
	return score, nil
}

// scores puts the results together.
func (r *run) scores(ctx context.Context) (reranker.Scores, error) {
	out := reranker.Scores{Values: r.values, Scale: r.scorer.scale()}
	said := map[string]bool{}
	for i, err := range r.errs {
		if err == nil {
			continue
		}
		if out.Unscored == nil {
			out.Unscored = make([]pipeline.Reason, len(r.ids))
		}
		out.Values[i], out.Unscored[i] = 0, pipeline.ReasonOf(err)
		if err = failed("score", err); !said[err.Error()] {
			said[err.Error()] = true
			out.Causes = append(out.Causes, err)
		}
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return reranker.Scores{}, failed("score", context.Cause(ctx))
	case !slices.Contains(r.there, true):
		return reranker.Scores{}, out.Causes[0]
	}
	return out.Check(len(r.ids))
}
