package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// Method is a fusion method: a pipeline.Fuser that also fuses lists of ids in a
// Workspace, describes itself and prints as its own specification, which Parse
// reads back.
//
// All methods are values that nothing writes to, so they are safe for concurrent
// use. The interface is closed; a fuser from elsewhere implements
// pipeline.Fuser.
type Method interface {
	pipeline.Fuser
	pipeline.Describer
	fmt.Stringer

	// check reports a mistake in the parameters that no input can mend.
	check() error
	// plan fills the workspace's columns and scheme for its lists.
	plan(w *Workspace) error
	// facts states what can be known before the first query of lists on these scales;
	// nil stands for any number of lists.
	facts(scales []pipeline.Scale) pipeline.Facts
}

// Zero is pipeline.Zero: a true zero in parameters whose zero value means a
// default, as in RRF{K: fusion.Zero}. It is too small to show in any result.
const Zero = pipeline.Zero

// or returns v, or d where v is the zero value.
func or(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

// methodName is the name of a method in marks, errors and specifications.
func methodName(m any) string { return lookupName(m) }

func describe(m Method) pipeline.Node {
	facts := m.facts(nil)
	facts.Role, facts.Scale = pipeline.RoleFuse, pipeline.Fused
	node := pipeline.Node{Name: methodName(m), Facts: facts, Value: m, Limited: func(k int) any { return first{m, k} }}
	node.Cap = func(scales []pipeline.Scale) float64 { return m.facts(scales).Max }
	for _, p := range printed(m) {
		node.Settings = append(node.Settings, pipeline.Setting{Name: p.name, Value: p.value})
	}
	if err := m.check(); err != nil {
		node.Err = fmt.Errorf("fusion: %s: %w", methodName(m), err)
	}
	return node
}

// first is a method that makes the first hits only, for a cut behind it.
type first struct {
	Method
	hits int
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f first) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuseTop(f.Method, inputs, f.hits)
}

// checkWeights accepts nil and finite weights that are not negative and not all 0.
func checkWeights(weights []float64) error {
	positive := weights == nil
	for i, v := range weights {
		if !finite(v) || v < 0 {
			return fmt.Errorf("%w: weight %d is %v: weights are finite and not negative", ErrConfig, i+1, v)
		}
		positive = positive || v > 0
	}
	if !positive {
		return fmt.Errorf("%w: no weight is positive", ErrConfig)
	}
	return nil
}

// checkPositive accepts finite numbers above 0.
func checkPositive(name string, v float64) error {
	if !finite(v) || !(v > 0) {
		return fmt.Errorf("%w: %s is %v: it must be positive", ErrConfig, name, v)
	}
	return nil
}

func checkOptions(o Options, m Missing) error {
	switch {
	case o.Window < 0:
		return fmt.Errorf("%w: window %d is negative", ErrConfig, o.Window)
	case int(o.NonFinite) >= len(nonFiniteNames) || int(o.Duplicates) >= len(duplicatesNames) || !m.valid():
		return fmt.Errorf("%w: a policy has an invalid value", ErrConfig)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
