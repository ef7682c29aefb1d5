package formula

import (
	"context"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// Leg returns a leg in which the server computes the formula over what the legs
// found, at least one. A leg has the name that FormulaOptions.Lists gives it by its
// position, else its own Name, else its Using. The scale is Fused. Ages are those of
// the time of the query.
//
// Scales have to go together as in fusion: a leg that declares none (Leg.Scale)
// counts as one on a scale of its own, which raw(...) takes as numbers. A score on
// the scale Distance is the negated distance, as everywhere.
//
// Where a root, a logarithm or a power of e of scores has no finite value, the
// server refuses the whole query; here the term would be missing. The same of
// metadata counts as missing there too. Texts that are numbers and truth values are
// no numbers for the server, dates are texts or seconds, and an empty list is not
// there. Errors are *Error, and fusion.ErrConfig for scales.
func Leg(f fusion.Formula, legs ...qdrant.Leg) (qdrant.Leg, error) {
	if _, err := Compile(f, legs...); err != nil {
		return qdrant.Leg{}, err
	}
	return qdrant.Leg{
		Name: f.Options().Name, Scale: pipeline.Fused, Prefetch: legs,
		Native: func(context.Context, pipeline.Query) (*api.Query, error) {
			compiled, err := Compile(f, legs...)
			if err != nil {
				return nil, err
			}
			return api.NewQueryFormula(compiled), nil
		},
	}, nil
}

// Compile returns the formula in Qdrant's form, for prefetches in the order of the
// legs; see Leg. The time of ages is written into it.
func Compile(f fusion.Formula, legs ...qdrant.Leg) (*api.Formula, error) {
	root, ok := f.Expr()
	switch {
	case !ok:
		return nil, &Error{Reason: "the formula is empty: use fusion.ParseFormula"}
	case len(legs) == 0:
		return nil, &Error{Reason: "there are no legs to compute it over"}
	}
	c := &compiler{options: f.Options(), legs: map[string]int{}, scales: make([]pipeline.Scale, len(legs)), defaults: map[string]*api.Value{}, instead: map[string]float64{}}
	for i, l := range legs {
		name := nameOf(c.options, i, l)
		if _, twice := c.legs[name]; twice || name == "" {
			return nil, &Error{Term: name, Reason: "every leg needs a name of its own: set FormulaOptions.Lists or Leg.Name"}
		}
		c.legs[name], c.scales[i] = i, scaleOf(l)
	}
	if c.options.Now != nil {
		c.now = c.options.Now()
	}
	if err := c.known(root); err != nil {
		return nil, err
	}
	if err := f.Check(func(name string) pipeline.Scale { return c.scales[c.legs[name]] }); err != nil {
		return nil, err
	}
	p, err := c.piece(root)
	if err != nil {
		return nil, err
	}
	compiled := &api.Formula{Expression: p.zeroed()}
	if len(c.defaults) > 0 {
		compiled.Defaults = c.defaults
	}
	return compiled, nil
}

func nameOf(o fusion.FormulaOptions, i int, l qdrant.Leg) string {
	switch {
	case i < len(o.Lists):
		return o.Lists[i]
	case l.Name != "":
		return l.Name
	}
	return l.Using
}

func scaleOf(l qdrant.Leg) pipeline.Scale {
	switch {
	case l.Scale != pipeline.Unknown:
		return l.Scale
	case l.Fusion != nil:
		return pipeline.Fused
	case l.Sparse != nil:
		return pipeline.Dot
	}
	return pipeline.Unknown
}
