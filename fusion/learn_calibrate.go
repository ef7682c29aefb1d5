package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
)

// Sample is one judged document: its score and whether it is relevant.
type Sample struct {
	Score    float64
	Relevant bool
}

// Platt fits 1/(1+exp(A·s+B)) by maximum likelihood, with Platt's targets
// (N₊+1)/(N₊+2) and 1/(N₋+2) in the place of 1 and 0, so that separable samples
// have a solution (Platt 1999; scikit-learn's sigmoid calibration). Any scores.
func Platt(model string, samples []Sample) (Calibration, error) {
	c, err := begin("platt", model, samples)
	if err != nil {
		return Calibration{}, err
	}
	positive := float64(c.Relevant+1) / float64(c.Relevant+2)
	negative := 1 / float64(c.Documents-c.Relevant+2)
	rows, targets := make([][]float64, len(samples)), make([]float64, len(samples))
	for i, s := range samples {
		rows[i], targets[i] = []float64{s.Score, 1}, negative
		if s.Relevant {
			targets[i] = positive
		}
	}
	beta, err := regress(rows, targets)
	if err != nil {
		return Calibration{}, fmt.Errorf("fusion: calibrate platt: %w", err)
	}
	c.Params = []float64{-beta[0], -beta[1]}
	return c, nil
}

// Temperature fits T of 1/(1+exp(-s/T)) by maximum likelihood (Guo, Pleiss, Sun
// and Weinberger 2017). The scores are logits. Samples that the sign of the
// score separates have no solution and are an error, as are scores that are
// higher for documents that are not relevant.
func Temperature(model string, samples []Sample) (Calibration, error) {
	c, err := begin("temperature", model, samples)
	if err != nil {
		return Calibration{}, err
	}
	rows, targets := make([][]float64, len(samples)), targetsOf(samples)
	for i, s := range samples {
		rows[i] = []float64{s.Score}
	}
	beta, err := regress(rows, targets)
	if err == nil && !(beta[0] > 0) {
		err = fmt.Errorf("%w: the scores do not rise with relevance", ErrInput)
	}
	if err != nil {
		return Calibration{}, fmt.Errorf("fusion: calibrate temperature: %w", err)
	}
	c.Params = []float64{1 / beta[0]}
	return c, nil
}

// Beta fits 1/(1+exp(-(a·ln s - b·ln(1-s) + c))) with a and b not negative, by
// maximum likelihood (Kull, Silva Filho and Flach 2017). The scores are in [0, 1].
func Beta(model string, samples []Sample) (Calibration, error) {
	c, err := begin("beta", model, samples)
	if err != nil {
		return Calibration{}, err
	}
	for i, s := range samples {
		if s.Score < 0 || s.Score > 1 {
			return Calibration{}, fmt.Errorf("fusion: calibrate beta: %w: score %v of sample %d is not in [0, 1]", ErrInput, s.Score, i+1)
		}
	}
	for _, use := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		c.Params, err = fitBeta(samples, use)
		if err != nil {
			return Calibration{}, fmt.Errorf("fusion: calibrate beta: %w", err)
		}
		if c.Params[0] >= 0 && c.Params[1] >= 0 {
			break
		}
	}
	return c, nil
}

// fitBeta leaves out the terms that are not to be used.
func fitBeta(samples []Sample, use [2]bool) ([]float64, error) {
	rows := make([][]float64, len(samples))
	for i, s := range samples {
		p := clipped(s.Score)
		if use[0] {
			rows[i] = append(rows[i], elementary.Log(p))
		}
		if use[1] {
			rows[i] = append(rows[i], -elementary.Log(1-p))
		}
		rows[i] = append(rows[i], 1)
	}
	beta, err := regress(rows, targetsOf(samples))
	if err != nil {
		return nil, err
	}
	params := make([]float64, 3)
	next := 0
	for k := range use {
		if use[k] {
			params[k] = beta[next]
			next++
		}
	}
	params[2] = beta[next]
	return params, nil
}

// IsotonicCalibration fits a function that does not fall, by pooling adjacent
// violators; equal scores are averaged first, and scores outside the fitted range
// get its ends (scikit-learn's IsotonicRegression with clip). It wants a few
// hundred samples.
func IsotonicCalibration(model string, samples []Sample) (Calibration, error) {
	c, err := begin("isotonic", model, samples)
	if err != nil {
		return Calibration{}, err
	}
	xs := make([]float64, len(samples))
	for i, s := range samples {
		xs[i] = s.Score
	}
	f := fitIsotonic(xs, targetsOf(samples))
	c.X, c.Y = f.X, f.Y
	return c, nil
}

func begin(method, model string, samples []Sample) (Calibration, error) {
	c := Calibration{Method: method, Model: model, Documents: len(samples)}
	for i, s := range samples {
		if !finite(s.Score) {
			return c, fmt.Errorf("fusion: calibrate %s: %w: sample %d has score %v", method, ErrInput, i+1, s.Score)
		}
		if s.Relevant {
			c.Relevant++
		}
	}
	if c.Relevant == 0 || c.Relevant == c.Documents {
		return c, fmt.Errorf("fusion: calibrate %s: %w: %d of %d samples are relevant: both kinds are needed", method, ErrInput, c.Relevant, c.Documents)
	}
	return c, nil
}

func targetsOf(samples []Sample) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		if s.Relevant {
			out[i] = 1
		}
	}
	return out
}

// regress is logistic regression without a penalty, by Newton's method with
// halved steps. Columns are scaled to a largest magnitude of 1 first.
func regress(rows [][]float64, targets []float64) ([]float64, error) {
	scale := columnScales(rows)
	d := len(scale)
	beta := make([]float64, d)
	loss := logLoss(rows, targets, scale, beta)
	for range 200 {
		gradient, hessian := derivatives(rows, targets, scale, beta)
		step, ok := solve(hessian, gradient)
		if !ok {
			return nil, fmt.Errorf("%w: the scores do not determine a calibration", ErrInput)
		}
		next, nextLoss := beta, math.Inf(1)
		for half := 0; half < 60 && !(nextLoss <= loss); half++ {
			next = make([]float64, d)
			for k := range next {
				next[k] = beta[k] - math.Ldexp(step[k], -half)
			}
			nextLoss = logLoss(rows, targets, scale, next)
		}
		if nextLoss < 1e-9*float64(len(rows)) {
			return nil, errSeparated()
		}
		moved := false
		for k := range next {
			moved = moved || math.Abs(next[k]-beta[k]) > 1e-15*math.Abs(next[k])
			if math.Abs(next[k]) > 1e5 {
				return nil, errSeparated()
			}
		}
		if !(nextLoss <= loss) || !moved {
			break
		}
		beta, loss = next, nextLoss
	}
	for k := range beta {
		beta[k] /= scale[k]
	}
	return beta, nil
}

func errSeparated() error {
	return fmt.Errorf("%w: the scores separate relevant from other documents, so the likelihood has no maximum", ErrInput)
}

func columnScales(rows [][]float64) []float64 {
	scale := make([]float64, len(rows[0]))
	for _, row := range rows {
		for k, v := range row {
			scale[k] = max(scale[k], math.Abs(v))
		}
	}
	for k, v := range scale {
		if v == 0 {
			scale[k] = 1
		}
	}
	return scale
}

func margin(row, scale, beta []float64) float64 {
	var z float64
	for k, v := range row {
		z += float64(v / scale[k] * beta[k])
	}
	return z
}

// logLoss is Σ ln(1+e^z) - t·z, without overflow.
func logLoss(rows [][]float64, targets, scale, beta []float64) float64 {
	var total float64
	for i, row := range rows {
		z := margin(row, scale, beta)
		total += max(z, 0) + elementary.Log(1+elementary.Exp(-math.Abs(z))) - float64(targets[i]*z)
	}
	return total
}

func derivatives(rows [][]float64, targets, scale, beta []float64) ([]float64, [][]float64) {
	d := len(beta)
	gradient, hessian := make([]float64, d), make([][]float64, d)
	for k := range hessian {
		hessian[k] = make([]float64, d)
	}
	for i, row := range rows {
		p := elementary.Logistic(margin(row, scale, beta))
		for k, v := range row {
			x := v / scale[k]
			gradient[k] += float64((p - targets[i]) * x)
			for m := range d {
				hessian[k][m] += float64(float64(p*(1-p)*x) * (row[m] / scale[m]))
			}
		}
	}
	return gradient, hessian
}

// solve is Gaussian elimination with pivoting; false if the matrix is singular.
func solve(a [][]float64, b []float64) ([]float64, bool) {
	n := len(b)
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i][k]) > math.Abs(a[pivot][k]) {
				pivot = i
			}
		}
		a[k], a[pivot], b[k], b[pivot] = a[pivot], a[k], b[pivot], b[k]
		if math.Abs(a[k][k]) < 1e-300 {
			return nil, false
		}
		for i := k + 1; i < n; i++ {
			f := a[i][k] / a[k][k]
			for j := k; j < n; j++ {
				a[i][j] -= float64(f * a[k][j])
			}
			b[i] -= float64(f * b[k])
		}
	}
	for k := n - 1; k >= 0; k-- {
		for j := k + 1; j < n; j++ {
			b[k] -= float64(a[k][j] * b[j])
		}
		b[k] /= a[k][k]
	}
	return b, true
}
