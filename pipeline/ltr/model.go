package ltr

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// Version is the version of the form in which models are saved.
const Version = 1

// The kinds of models: what the sum means, see Model.Scale.
const (
	// Linear approximates the grade by least squares.
	Linear = "linear"
	// Logistic gives the logit of the probability that the hit is relevant.
	Logistic = "logistic"
	// Pairwise gives a number whose differences between two hits of one query are
	// the logit that the one is better (RankNet without a hidden layer).
	Pairwise = "pairwise"
)

// ErrModel is in the chain of the error for a file that is no model that this
// package can use: torn, changed, of another version, or with numbers that are not
// finite.
var ErrModel = errors.New("no usable model")

// Term is the part of one feature in a model.
type Term struct {
	// Feature is the feature's name.
	Feature string `json:"feature"`
	// Mean and Deviation put the value on the scale of the weights: (value - Mean) /
	// Deviation. Deviation is above 0.
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
	// Weight multiplies that.
	Weight float64 `json:"weight"`
	// Absent is added in place of all this where the hit does not have the feature.
	Absent float64 `json:"absent"`
}

// Model is a weighted sum of features. It is immutable once it is used, and then
// safe for concurrent use.
type Model struct {
	// Version is the form's, Kind is Linear, Logistic or Pairwise.
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	// Terms are the features, in the order in which their parts are added.
	Terms []Term `json:"terms"`
	// Bias is added to every score.
	Bias float64 `json:"bias"`
	// Note says what the model was learnt from, for people.
	Note string `json:"note,omitempty"`
	// Digest is the fingerprint that a saved model carries; see Fingerprint.
	Digest string `json:"fingerprint,omitempty"`
}

// Features returns the names of the features, in the model's order.
func (m *Model) Features() []string {
	names := make([]string, len(m.Terms))
	for i, t := range m.Terms {
		names[i] = t.Feature
	}
	return names
}

// Scale says what the scores are: logits of a Logistic model, else unbounded.
func (m *Model) Scale() pipeline.Scale {
	if m.Kind == Logistic {
		return pipeline.Logit
	}
	return pipeline.Unbounded
}

// Fingerprint names the model by its content but for Digest: 16 hexadecimal digits.
// Equal models have equal ones on every machine.
func (m *Model) Fingerprint() string {
	plain := *m
	plain.Digest = ""
	text, err := json.Marshal(plain)
	if err != nil { // a number is not finite, which Check reports
		text = fmt.Appendf(nil, "%v", plain)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Check finds what makes a model unusable; the error has ErrModel in its chain.
func (m *Model) Check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("ltr: %w: "+format, append([]any{ErrModel}, args...)...)
	}
	switch {
	case m.Version != Version:
		return fail("it has version %d, and this package reads %d: fit it again", m.Version, Version)
	case !slices.Contains([]string{Linear, Logistic, Pairwise}, m.Kind):
		return fail("no kind %q: linear, logistic or pairwise", m.Kind)
	case len(m.Terms) == 0:
		return fail("it has no terms")
	case !finite(m.Bias):
		return fail("the bias is %v", m.Bias)
	}
	seen := map[string]bool{}
	for i, t := range m.Terms {
		switch {
		case t.Feature == "" || seen[t.Feature]:
			return fail("term %d has the feature %q: each needs one of its own", i+1, t.Feature)
		case !finite(t.Mean, t.Weight, t.Absent, t.Deviation) || t.Deviation <= 0:
			return fail("term %d, %s: mean %v, deviation %v, weight %v, absent %v: finite numbers are wanted, and a deviation above 0", i+1, t.Feature, t.Mean, t.Deviation, t.Weight, t.Absent)
		}
		seen[t.Feature] = true
	}
	return nil
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// Match returns, for each term, the position of its feature among the given ones,
// which may stand in another order. It is an error if a feature of the model is not
// among them, or one of them is none of the model's: a model that reads other
// features than it learnt from is wrong without a sign of it.
func (m *Model) Match(features []Feature) ([]int, error) {
	var missing, strange []string
	at := make([]int, len(m.Terms))
	for i, t := range m.Terms {
		at[i] = slices.IndexFunc(features, func(f Feature) bool { return f.Name == t.Feature })
		if at[i] < 0 {
			missing = append(missing, t.Feature)
		}
	}
	names := m.Features()
	for _, f := range features {
		if !slices.Contains(names, f.Name) {
			strange = append(strange, f.Name)
		}
	}
	if missing != nil || strange != nil {
		return nil, fmt.Errorf("ltr: the model was learnt from other features: it misses %s, and does not know %s", list(missing), list(strange))
	}
	return at, nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Derive computes the score of a hit from its values, in the order of Terms, NaN for
// what is absent, term by term. The contributions and the bias, in their order, add
// up to the score.
func (m *Model) Derive(values []float64) *pipeline.Derivation {
	d := &pipeline.Derivation{Terms: make([]pipeline.Term, 0, len(m.Terms)+1)}
	for i, t := range m.Terms {
		term := pipeline.Term{List: i, Source: t.Feature, Score: values[i], Weight: t.Weight}
		if math.IsNaN(values[i]) {
			term.Score, term.Imputed, term.Contribution = t.Mean, true, t.Absent
		} else {
			term.Normalised = (values[i] - t.Mean) / t.Deviation
			term.Contribution = float64(t.Weight * term.Normalised)
		}
		d.Terms = append(d.Terms, term)
	}
	d.Terms = append(d.Terms, pipeline.Term{List: len(m.Terms), Source: "bias", Score: 1, Normalised: 1, Weight: m.Bias, Contribution: m.Bias})
	return d
}

// Score is the value of Derive.
func (m *Model) Score(values []float64) float64 { return m.Derive(values).Value() }

// Write saves the model as JSON, with its fingerprint. A model that Check refuses is
// not written.
func (m *Model) Write(w io.Writer) error {
	if err := m.Check(); err != nil {
		return err
	}
	saved := *m
	saved.Digest = m.Fingerprint()
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(saved); err != nil {
		return fmt.Errorf("ltr: write model: %w", err)
	}
	return nil
}

// largest bounds what is read of a file.
const largest = 16 << 20

// Read reads a model that Write saved. What was changed since, is cut off, has
// unknown fields or fails Check is an error with ErrModel in its chain.
func Read(r io.Reader) (*Model, error) {
	text, err := io.ReadAll(io.LimitReader(r, largest))
	if err != nil {
		return nil, fmt.Errorf("ltr: read model: %w", err)
	}
	var m Model
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("ltr: read model: %w: %w", ErrModel, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("ltr: read model: %w: there is more behind it", ErrModel)
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	if m.Digest != m.Fingerprint() {
		return nil, fmt.Errorf("ltr: read model: %w: the fingerprint is not that of its content: it was changed", ErrModel)
	}
	return &m, nil
}

// Open reads a model from a file.
func Open(name string) (*Model, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("ltr: open model: %w", err)
	}
	defer f.Close()
	m, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return m, nil
}
