package learn

import (
	"errors"
	"math"

	"github.com/rankcascade/cascade/pipeline/ltr"
)

// sum is a convex function of weights: the weighted sum of the losses of some rows,
// and the penalty.
type sum struct {
	rows      [][]float64
	share     []float64 // of each row in the sum
	target    []float64
	loss      func(score, target float64) (value, slope, curvature float64)
	l2        float64
	width     int  // columns of the features
	logs      bool // the losses are log losses, which are above 0
	intercept bool // the last column is 1 and its weight is free of the penalty
}

// pairs makes a row of every two hits of a topic with different grades: what the
// better one has more.
func (s *sum) pairs(d *Data, g *design) {
	s.loss, s.logs = logLoss, true
	for _, t := range d.Topics {
		first := len(s.rows)
		columns := make([][]float64, len(t.Rows))
		for i, r := range t.Rows {
			columns[i] = g.row(r.Values)
		}
		for i, better := range t.Rows {
			for j, worse := range t.Rows {
				if better.Grade > worse.Grade {
					s.rows = append(s.rows, difference(columns[i], columns[j]))
				}
			}
		}
		s.fill(first, len(d.Topics), 1)
	}
}

// fill gives the rows from first on one topic's share, and a target.
func (s *sum) fill(first, topics int, targets ...float64) {
	n := len(s.rows) - first
	for i := range n {
		s.share = append(s.share, 1/float64(n)/float64(topics))
		s.target = append(s.target, targets[min(i, len(targets)-1)])
	}
}

// points makes a row of every hit.
func (s *sum) points(d *Data, g *design, o Options) {
	s.loss, s.intercept = squaredLoss, true
	if o.Kind == ltr.Logistic {
		s.loss, s.logs = logLoss, true
	}
	for _, t := range d.Topics {
		first := len(s.rows)
		targets := make([]float64, len(t.Rows))
		for i, r := range t.Rows {
			s.rows = append(s.rows, append(g.row(r.Values), 1))
			targets[i] = r.Grade
			if o.Kind == ltr.Logistic {
				targets[i] = truth(r.Grade >= float64(o.Level))
			}
		}
		s.fill(first, len(d.Topics), targets...)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func difference(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

// logLoss is that of a probability, given as its logit.
func logLoss(score, target float64) (value, slope, curvature float64) {
	p := 1 / (1 + math.Exp(-score))
	// log(1 + exp(score)) without an overflow
	value = max(score, 0) + math.Log1p(math.Exp(-math.Abs(score))) - target*score
	return value, p - target, p * (1 - p)
}

func squaredLoss(score, target float64) (value, slope, curvature float64) {
	return (score - target) * (score - target) / 2, score - target, 1
}

// value is the function at w.
func (s *sum) value(w []float64) float64 {
	v := 0.0
	for i, x := range s.rows {
		loss, _, _ := s.loss(dot(w, x), s.target[i])
		v += s.share[i] * loss
	}
	return v + s.l2/2*dot(w[:s.width], w[:s.width])
}

// slopes are the gradient and the matrix of second derivatives at w.
func (s *sum) slopes(w []float64) (gradient []float64, second [][]float64) {
	n := len(w)
	gradient, second = make([]float64, n), make([][]float64, n)
	for j := range second {
		second[j] = make([]float64, n)
	}
	for i, x := range s.rows {
		_, slope, curvature := s.loss(dot(w, x), s.target[i])
		slope, curvature = slope*s.share[i], curvature*s.share[i]
		for j, xj := range x {
			gradient[j] += slope * xj
			for k := range j + 1 {
				second[j][k] += curvature * xj * x[k]
			}
		}
	}
	for j := range s.width {
		gradient[j] += s.l2 * w[j]
		second[j][j] += s.l2
	}
	return gradient, second
}

var errDependent = errors.New("some features depend on each other, so that many models are equally good: set L2 above 0, or leave one out")

// minimise is Newton's method, with steps that are halved until they go down.
func (s *sum) minimise() ([]float64, error) {
	n := s.width
	if s.intercept {
		n++
	}
	w := make([]float64, n)
	here := s.value(w)
	for range 100 {
		gradient, second := s.slopes(w)
		if math.Sqrt(dot(gradient, gradient)) < 1e-12 {
			return w, s.bounded(here)
		}
		if s.l2 == 0 {
			idle(gradient, second)
		}
		step, ok := solve(second, gradient)
		if !ok {
			return nil, errDependent
		}
		next, there := s.down(w, step, here)
		if there >= here { // as low as the arithmetic goes
			return w, s.bounded(here)
		}
		w, here = next, there
	}
	return nil, errUnbounded
}

var errUnbounded = errors.New("the features tell relevant from other documents without a mistake, so that larger weights are always better: set L2 above 0")

// bounded refuses a minimum that lies at infinity, where a log loss comes to nothing.
func (s *sum) bounded(lowest float64) error {
	if s.l2 == 0 && lowest < 1e-9 && s.logs {
		return errUnbounded
	}
	return nil
}

// idle keeps the weight of a column that is 0 everywhere at 0.
func idle(gradient []float64, second [][]float64) {
	for j := range gradient {
		if gradient[j] == 0 && second[j][j] == 0 {
			second[j][j] = 1
		}
	}
}

// down goes along the step, or a half, a quarter ... of it.
func (s *sum) down(w, step []float64, here float64) ([]float64, float64) {
	next := make([]float64, len(w))
	size, there := 1.0, here
	for range 40 {
		for j := range w {
			next[j] = w[j] - size*step[j]
		}
		if there = s.value(next); there < here {
			break
		}
		size /= 2
	}
	return next, there
}

// solve returns x with A x = b for a symmetric positive definite A, of which the lower
// triangle is read and overwritten (Cholesky); false if A is not.
func solve(a [][]float64, b []float64) ([]float64, bool) {
	for j := range a {
		pivot := a[j][j]
		d := pivot - dot(a[j][:j], a[j][:j])
		if !(d > 1e-13*pivot) {
			return nil, false
		}
		a[j][j] = math.Sqrt(d)
		for i := j + 1; i < len(a); i++ {
			a[i][j] = (a[i][j] - dot(a[i][:j], a[j][:j])) / a[j][j]
		}
	}
	x := append([]float64(nil), b...)
	for i := range x {
		x[i] = (x[i] - dot(a[i][:i], x[:i])) / a[i][i]
	}
	for i := len(x) - 1; i >= 0; i-- {
		for k := i + 1; k < len(x); k++ {
			x[i] -= a[k][i] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x, true
}

func dot(a, b []float64) float64 {
	v := 0.0
	for i := range a {
		v += a[i] * b[i]
	}
	return v
}
