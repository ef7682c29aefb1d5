package reranker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Calibration turns a model's score into the probability that the document is
// relevant, as learnt from judged documents. fusion.Calibration is one. It is
// safe for concurrent use and does not change.
type Calibration interface {
	// Probability returns a value in [0, 1]; NaN for a calibration that is not
	// valid.
	Probability(score float64) float64
}

// CalibratedOptions sets a Calibrated. The zero value maps scores of any scale
// and watches for no drift.
type CalibratedOptions struct {
	// Scale is the scale of the scores that the calibration was learnt from; a
	// scorer with another one is refused. Unknown takes every scale.
	Scale pipeline.Scale
	// Fitted are the scores that the calibration was learnt from, or a sample of at
	// least 50 of them, in any order. With them the scorer watches whether the
	// scores of today are still like those; nil watches nothing.
	Fitted []float64
	// Window is how many of the newest scores are compared; 0 means 1,000.
	Window int
	// Drift is the distance between the two distributions, the largest difference
	// of their shares below a score (Kolmogorov and Smirnov), from which on scores
	// have a warning; 0 means 0.2, and pipeline.Zero warns of any difference.
	Drift float64
}

// WarnDrift says that scores are no longer distributed like those that their
// calibration was learnt from, so that its probabilities are in doubt.
const WarnDrift WarningKind = "calibration_drift"

// Calibrating is a Scorer whose scores are probabilities. Make one with
// Calibrated. It is safe for concurrent use.
type Calibrating struct {
	scorer  Scorer
	by      Calibration
	o       CalibratedOptions
	node    pipeline.Node
	variant string
	err     error
	drift   *drift
}

var (
	_ StreamScorer       = (*Calibrating)(nil)
	_ Varying            = (*Calibrating)(nil)
	_ pipeline.Describer = (*Calibrating)(nil)
)

// Calibrated returns a scorer whose scores are the calibration's probabilities,
// on the scale pipeline.Probability, so that a threshold such as .5 means the
// same for every query and every calibrated model. Put it above a cache and
// above shards: what is kept are then the model's own scores.
//
// Whether the probabilities are true ones on other queries than those of the fit
// is measured by confidence.ECE, the expected calibration error, and
// confidence.Brier, in benchmarks/confidence; `quality confidence` prints both
// for a run.
//
// A mistake in the options is in Describe().Err and in the error of every call.
func Calibrated(scorer Scorer, by Calibration, o CalibratedOptions) *Calibrating {
	c := &Calibrating{scorer: scorer, by: by, o: o}
	if scorer != nil {
		c.node = pipeline.Describe(scorer)
	}
	if err := c.check(); err != nil {
		c.err = &Error{Kind: KindConfig, Op: "reranker: calibrated", Err: err}
		return c
	}
	if raw, err := json.Marshal(by); err == nil {
		c.variant = string(raw)
	}
	c.variant = fmt.Sprintf("%T %s %+v", by, c.variant, by)
	if o.Fitted != nil {
		c.drift = newDrift(o)
	}
	return c
}

func (c *Calibrating) check() error {
	o := c.o
	switch {
	case c.scorer == nil:
		return errors.New("the scorer is nil: pass the one whose scores are mapped")
	case c.by == nil:
		return errors.New("the calibration is nil: pass one, such as a fusion.Calibration")
	case c.node.Err != nil:
		return c.node.Err
	case math.IsNaN(c.by.Probability(0.5)):
		return errors.New("the calibration is not valid: it gives no probability")
	case o.Scale != pipeline.Unknown && c.node.Facts.Scale != pipeline.Unknown && o.Scale != c.node.Facts.Scale:
		return fmt.Errorf("the calibration was learnt on the scale %s, and the scorer has %s", o.Scale, c.node.Facts.Scale)
	case o.Fitted != nil && len(o.Fitted) < 50:
		return fmt.Errorf("Fitted has %d scores; at least 50 say something", len(o.Fitted))
	case slices.ContainsFunc(o.Fitted, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }):
		return errors.New("Fitted has a value that is no finite number")
	case o.Window < 0 || o.Drift < 0 || o.Drift > 1 || math.IsNaN(o.Drift):
		return fmt.Errorf("Window %d must not be negative and Drift %v must lie in [0, 1]", o.Window, o.Drift)
	}
	return nil
}

// Describe returns a scorer on the scale Probability, with the scorer as the only
// child.
func (c *Calibrating) Describe() pipeline.Node {
	facts := c.node.Facts
	facts.Scale, facts.Max = pipeline.Probability, 0
	n := pipeline.Node{Name: "calibrated", Facts: facts, Err: c.err, Settings: []pipeline.Setting{
		{Name: "calibration", Value: fmt.Sprintf("%T", c.by)}, {Name: "watches drift", Value: fmt.Sprint(c.drift != nil)},
	}}
	if c.scorer != nil {
		n.Children = []pipeline.Node{c.node}
	}
	return n
}

// Variant implements Varying: a cache above must not mix the scores of two
// calibrations.
func (c *Calibrating) Variant(context.Context) string { return c.variant }

// TypicalLatency is that of the scorer behind it.
func (c *Calibrating) TypicalLatency() time.Duration { return TypicalLatency(c.scorer) }

// Score scores the documents.
func (c *Calibrating) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	if c.err != nil {
		return Scores{}, c.err
	}
	s, err := Ask(ctx, c.scorer, query, documents)
	if err != nil {
		return s, err
	}
	return c.mapped(s, true).Check(len(documents))
}

// ScoreStream maps what a streaming scorer hands out, see StreamScorer.
func (c *Calibrating) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		if c.err != nil {
			yield(Scores{}, c.err)
			return
		}
		_, streams := c.scorer.(StreamScorer)
		for scores, err := range Stream(ctx, c.scorer, query, documents) {
			if err == nil {
				scores, err = c.mapped(scores, !streams || scores.Complete()).Check(len(documents))
			}
			if !yield(scores, err) {
				return
			}
		}
	}
}

// mapped turns scores into probabilities. Those that are counted for the drift
// are counted once.
func (c *Calibrating) mapped(s Scores, count bool) Scores {
	if c.o.Scale != pipeline.Unknown && s.Scale != pipeline.Unknown && s.Scale != c.o.Scale {
		return c.refused(s)
	}
	raw := make([]float64, 0, len(s.Values))
	values := make([]float64, len(s.Values))
	for i, v := range s.Values {
		if s.Scored(i) {
			raw = append(raw, v)
			values[i] = c.by.Probability(v)
		}
	}
	s.Values, s.Scale = values, pipeline.Probability
	if c.drift == nil {
		return s
	}
	if count {
		c.drift.add(raw)
	}
	if d := c.drift.distance(); d > c.drift.most {
		s.Warnings = append(slices.Clone(s.Warnings), Warning{Kind: WarnDrift, Detail: fmt.Sprintf("the newest %d scores are not distributed like those of the calibration: distance %.2f, allowed are %.2f", c.drift.window, d, c.drift.most)})
	}
	return s
}

// refused leaves every document unscored, because a map of another scale says
// nothing of these scores.
func (c *Calibrating) refused(s Scores) Scores {
	err := &Error{Kind: KindConfig, Op: "reranker: calibrated", Message: fmt.Sprintf("the scores are on the scale %s, and the calibration was learnt on %s", s.Scale, c.o.Scale)}
	s.Values, s.Unscored = make([]float64, len(s.Values)), slices.Repeat([]pipeline.Reason{pipeline.ReasonBadResponse}, len(s.Values))
	s.Scale, s.Causes = pipeline.Probability, append(slices.Clone(s.Causes), err)
	return s
}

// drift compares the newest scores with those of a sample, by the share of them
// that lies below each tenth of the sample.
type drift struct {
	window int
	most   float64
	edges  []float64 // the deciles of the sample, without the ends

	mu     sync.Mutex
	ring   []int8 // bins of the newest scores
	next   int
	counts []int
}

func newDrift(o CalibratedOptions) *drift {
	d := &drift{window: o.Window, most: o.Drift}
	if d.window == 0 {
		d.window = 1000
	}
	if d.most == 0 {
		d.most = 0.2
	}
	sorted := slices.Sorted(slices.Values(o.Fitted))
	for tenth := 1; tenth < 10; tenth++ {
		d.edges = append(d.edges, sorted[len(sorted)*tenth/10])
	}
	d.counts = make([]int, len(d.edges)+1)
	return d
}

// add takes scores into the window.
func (d *drift) add(scores []float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range scores {
		bin, _ := slices.BinarySearchFunc(d.edges, v, func(edge, v float64) int {
			if edge <= v {
				return -1
			}
			return 1
		})
		if len(d.ring) < d.window {
			d.ring = append(d.ring, int8(bin))
		} else {
			d.counts[d.ring[d.next]]--
			d.ring[d.next] = int8(bin)
			d.next = (d.next + 1) % d.window
		}
		d.counts[bin]++
	}
}

// distance is the largest difference of the two distributions at a tenth; 0
// while the window is not full.
func (d *drift) distance() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ring) < d.window {
		return 0
	}
	below, far := 0, 0.0
	for i, n := range d.counts[:len(d.edges)] {
		below += n
		far = max(far, math.Abs(float64(below)/float64(d.window)-float64(i+1)/10))
	}
	return far
}
