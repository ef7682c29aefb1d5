package lexical

import (
	"context"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Defaults of Options.
const (
	DefaultTerms     = 0.85
	DefaultOrdered   = 0.10
	DefaultUnordered = 0.05
	DefaultWindow    = 8
)

// Options sets the model. The zero value is the default.
type Options struct {
	// Analysis says how text becomes terms. It must be zero where Statistics are
	// given, which bring their own.
	Analysis Analysis
	// Statistics are the counts of the collection. nil takes them from the
	// documents of each call, from the lower half if there are at least 20, since
	// the tail of a retrieval ranking is nearest to the collection; then Describe
	// declares the scorer listwise.
	Statistics *Statistics
	// Mu is the Dirichlet prior, in terms: the length of text at which a document
	// speaks as loud as the collection. 0 means four times the mean length of a
	// text in the statistics.
	Mu float64
	// Terms, Ordered and Unordered weigh single terms, pairs of neighbours, and
	// pairs in a window. Only their ratios matter. All 0 means 0.85, 0.10, 0.05.
	Terms, Ordered, Unordered float64
	// Window is the width, in terms, of the unordered window; 0 means 8.
	Window int
	// Bounded maps scores to (0, 1) by the logistic function. The order stays.
	Bounded bool
}

// Scorer scores by the sequential dependence model. It is safe for concurrent
// use.
type Scorer struct {
	options Options
	err     error
}

var (
	_ reranker.Scorer    = (*Scorer)(nil)
	_ pipeline.Describer = (*Scorer)(nil)
)

// New makes a scorer. A mistake in the options is reported by Describe and by
// every call of Score.
func New(o Options) *Scorer {
	s := &Scorer{err: o.check()}
	if o.Statistics != nil {
		o.Analysis = o.Statistics.analysis
	}
	if o.Terms == 0 && o.Ordered == 0 && o.Unordered == 0 {
		o.Terms, o.Ordered, o.Unordered = DefaultTerms, DefaultOrdered, DefaultUnordered
	}
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	s.options = o
	return s
}

func (o Options) check() error {
	for name, v := range map[string]float64{"Mu": o.Mu, "Terms": o.Terms, "Ordered": o.Ordered, "Unordered": o.Unordered} {
		if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return configError("%s is %v: set a finite number of at least 0", name, v)
		}
	}
	if o.Window < 0 || o.Window == 1 {
		return configError("Window is %d: set at least 2 terms", o.Window)
	}
	if o.Statistics != nil && (o.Analysis.Identifiers || o.Analysis.Stem != nil) {
		return configError("Analysis is set beside Statistics: set it when they are collected")
	}
	return nil
}

func configError(format string, args ...any) error {
	return &reranker.Error{Kind: reranker.KindConfig, Op: "lexical: score", Message: fmt.Sprintf(format, args...)}
}

// Describe names the model and its settings. The scorer is listwise unless it
// has statistics.
func (s *Scorer) Describe() pipeline.Node {
	o := s.options
	source := "candidates"
	if o.Statistics != nil {
		source = fmt.Sprintf("%d documents", o.Statistics.documents)
	}
	return pipeline.Node{
		Name: "lexical",
		Settings: []pipeline.Setting{
			{Name: "model", Value: "sequential dependence"},
			{Name: "mu", Value: mu(o)},
			{Name: "weights", Value: fmt.Sprint(o.Terms, o.Ordered, o.Unordered)},
			{Name: "window", Value: fmt.Sprint(o.Window)},
			{Name: "statistics", Value: source},
			{Name: "bounded", Value: fmt.Sprint(o.Bounded)},
		},
		Facts: pipeline.Facts{Scale: pipeline.Unbounded, Listwise: o.Statistics == nil},
		Err:   s.err,
	}
}

func mu(o Options) string {
	if o.Mu == 0 {
		return "4 x mean length"
	}
	return fmt.Sprint(o.Mu)
}

// Score scores the documents. A document without any terms is unscored for the
// reason pipeline.ReasonBlank; a query without any is an error of the kind
// reranker.KindValidation.
func (s *Scorer) Score(ctx context.Context, text string, documents []string) (reranker.Scores, error) {
	if s.err != nil {
		return reranker.Scores{}, s.err
	}
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Unbounded, Model: "lexical"}
	if len(documents) == 0 {
		return scores, nil
	}
	q := analyse(s.options.Analysis, text)
	if len(q.sequence) == 0 {
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindValidation, Op: "lexical: score", Message: "the query has no terms"}
	}
	read := make([]document, len(documents))
	for i, d := range documents {
		if ctx.Err() != nil {
			return reranker.Scores{}, &reranker.Error{Kind: reranker.KindCanceled, Op: "lexical: score", Err: context.Cause(ctx)}
		}
		read[i] = q.read(s.options.Analysis, d)
	}
	m := s.model(q, read)
	for i, d := range read {
		if d.length == 0 {
			scores.Unscored = blank(scores.Unscored, len(documents), i)
			continue
		}
		scores.Values[i] = m.score(q, d)
	}
	return scores, nil
}

func blank(reasons []pipeline.Reason, n, i int) []pipeline.Reason {
	if reasons == nil {
		reasons = make([]pipeline.Reason, n)
	}
	reasons[i] = pipeline.ReasonBlank
	return reasons
}

// sampled is the number of documents from which on the background is taken
// from their lower half alone.
const sampled = 20

// model is what one query is scored with.
type model struct {
	options    Options
	mu         float64
	background []float64 // probability of each term of the query in the collection
}

func (s *Scorer) model(q query, documents []document) model {
	counts := s.options.Statistics
	if counts == nil {
		if len(documents) >= sampled {
			documents = documents[len(documents)/2:]
		}
		counts = q.count(documents)
	}
	m := model{options: s.options, mu: s.options.Mu, background: counts.model(q.terms)}
	if m.mu == 0 {
		m.mu = max(1, 4*float64(counts.terms)/float64(max(1, counts.documents)))
	}
	return m
}

// score is the weighted mean, over the cliques of the query, of the logarithm
// of how much likelier the document is to bring forth the clique than the
// collection is. The conversions keep compilers from fusing a product with a
// sum, so that equal inputs give equal bits on every machine.
func (m model) score(q query, d document) float64 {
	o := m.options
	total, weight := 0.0, o.Terms
	n := float64(len(q.sequence))
	for _, id := range q.sequence {
		total += float64(o.Terms / n * m.evidence(len(d.positions[id]), d.length, m.background[id]))
	}
	if pairs := q.sequence[1:]; len(pairs) > 0 {
		n := float64(len(pairs))
		// A window of width w holds the second term at w-1 distances behind the
		// first and at as many in front of it.
		spread := float64(2 * (o.Window - 1))
		for i, second := range pairs {
			first := q.sequence[i]
			a, b := d.positions[first], d.positions[second]
			p := m.background[first] * m.background[second]
			total += float64(o.Ordered / n * m.evidence(ordered(a, b), d.length, p))
			total += float64(o.Unordered / n * m.evidence(unordered(a, b, o.Window), d.length, math.Min(p*spread, 1)))
		}
		weight += o.Ordered + o.Unordered
	}
	if weight == 0 { // a query of one term under a model of pairs alone
		return m.bound(0)
	}
	return m.bound(total / weight)
}

// evidence is log(P(c|d)/P(c|collection)) with Dirichlet smoothing.
func (m model) evidence(count, length int, p float64) float64 {
	return math.Log((float64(count)/p + m.mu) / (float64(length) + m.mu))
}

func (m model) bound(score float64) float64 {
	if !m.options.Bounded {
		return score
	}
	return 1 / (1 + math.Exp(-score))
}
