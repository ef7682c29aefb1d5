package fusion

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
)

// Calibration turns one model's scores into probabilities of relevance, as
// learnt from judged documents. It is absolute: a threshold in probability means
// the same for every query, and for every model that has been calibrated.
//
// A Calibration is a Normaliser, marshals to JSON, and is read back with
// LoadCalibration, which checks that it belongs to the model in use. The zero
// value is not usable.
type Calibration struct {
	// Method is "platt", "temperature", "beta" or "isotonic".
	Method string `json:"method" spec:"method"`
	// Model is the fingerprint of what gave the scores: the model's name and
	// whatever else moves them, such as version, instruction or quantisation.
	Model string `json:"model" spec:"model"`
	// Params are A and B of 1/(1+exp(A·s+B)) for platt, T of 1/(1+exp(-s/T)) for
	// temperature, and a, b and c of 1/(1+exp(-(a·ln s - b·ln(1-s) + c))) for beta.
	Params []float64 `json:"params,omitempty" spec:"params"`
	// X and Y are the bends of the isotonic function.
	X []float64 `json:"x,omitempty" spec:"x"`
	Y []float64 `json:"y,omitempty" spec:"y"`
	// Documents and Relevant count what it was fitted on.
	Documents int `json:"documents" spec:"documents"`
	Relevant  int `json:"relevant" spec:"relevant"`
}

// Probability returns the probability that a document with this score is
// relevant, in [0, 1]; NaN if the calibration is not valid. It does not fall
// where the score rises, unless the model's scores were worse than chance.
func (c Calibration) Probability(score float64) float64 {
	if c.validate() != nil {
		return math.NaN()
	}
	switch c.Method {
	case "platt":
		return elementary.Logistic(-(float64(c.Params[0]*score) + c.Params[1]))
	case "temperature":
		return elementary.Logistic(score / c.Params[0])
	case "beta":
		s := clipped(score)
		return elementary.Logistic(float64(c.Params[0]*elementary.Log(s)) - float64(c.Params[1]*elementary.Log(1-s)) + c.Params[2])
	}
	return Isotonic{X: c.X, Y: c.Y}.At(score)
}

// clipped keeps a probability away from 0 and 1, where its logit is infinite.
func clipped(p float64) float64 {
	const edge = 1e-12
	return min(max(p, edge), 1-edge)
}

// Score returns the lowest score whose probability is at least p: the model's own
// threshold for a threshold in probability. The result is +Inf if no score
// reaches p and -Inf if all do. It is found to the last bit by bisection.
func (c Calibration) Score(p float64) float64 {
	low, high := -math.MaxFloat64, math.MaxFloat64
	if !(c.Probability(high) >= p) {
		return math.Inf(1)
	}
	if c.Probability(low) >= p {
		return math.Inf(-1)
	}
	for range 2200 {
		mid := float64(low/2) + float64(high/2)
		if mid <= low || mid >= high {
			break
		}
		if c.Probability(mid) >= p {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// Fit returns the map into probabilities, whatever the list holds.
func (c Calibration) Fit(List) (Map, error) {
	if err := c.validate(); err != nil {
		return Map{}, err
	}
	return Pointwise(func(_ int, s float64) float64 { return c.Probability(s) }), nil
}

// String returns the specification.
func (c Calibration) String() string { return specOf(c) }

// ID returns 16 hexadecimal digits that change with anything in the calibration,
// to be stored beside a threshold.
func (c Calibration) ID() string {
	hash := sha256.Sum256([]byte(c.String()))
	return hex.EncodeToString(hash[:8])
}

func (c Calibration) validate() error {
	want, known := map[string]int{"platt": 2, "temperature": 1, "beta": 3, "isotonic": 0}[c.Method]
	switch {
	case !known:
		return fmt.Errorf("%w: calibration method %q is none of platt, temperature, beta, isotonic", ErrConfig, c.Method)
	case len(c.Params) != want:
		return fmt.Errorf("%w: a %s calibration has %d parameters, not %d", ErrConfig, c.Method, want, len(c.Params))
	case c.Method == "isotonic" && (len(c.X) == 0 || len(c.X) != len(c.Y)):
		return fmt.Errorf("%w: an isotonic calibration has as many x as y, and at least one", ErrConfig)
	case c.Method == "temperature" && !(c.Params[0] > 0):
		return fmt.Errorf("%w: temperature %v is not positive", ErrConfig, c.Params[0])
	}
	for i := range c.X {
		if i > 0 && (!(c.X[i] > c.X[i-1]) || !(c.Y[i] >= c.Y[i-1])) || !finite(c.X[i]) || !(c.Y[i] >= 0 && c.Y[i] <= 1) {
			return fmt.Errorf("%w: point %d of the isotonic calibration does not rise within [0, 1]", ErrConfig, i+1)
		}
	}
	for _, p := range c.Params {
		if !finite(p) {
			return fmt.Errorf("%w: parameter %v of the calibration is not finite", ErrConfig, p)
		}
	}
	return nil
}

// EndsAtOne implements UnitCapped.
func (Calibration) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained: it holds unless the probability falls
// when the score rises.
func (c Calibration) OwnScoreAlone() bool {
	switch {
	case c.validate() != nil:
		return false
	case c.Method == "platt":
		return c.Params[0] <= 0
	case c.Method == "beta":
		return c.Params[0] >= 0 && c.Params[1] >= 0
	}
	return true
}

// LoadCalibration reads a calibration from JSON and refuses one that was fitted
// for another model. An empty model accepts any.
func LoadCalibration(data []byte, model string) (Calibration, error) {
	var c Calibration
	if err := json.Unmarshal(data, &c); err != nil {
		return Calibration{}, fmt.Errorf("fusion: load calibration: %w", err)
	}
	if err := c.validate(); err != nil {
		return Calibration{}, fmt.Errorf("fusion: load calibration: %w", err)
	}
	if model != "" && c.Model != model {
		return Calibration{}, fmt.Errorf("fusion: load calibration: %w: fitted for model %q and the model in use is %q", ErrConfig, c.Model, model)
	}
	return c, nil
}
