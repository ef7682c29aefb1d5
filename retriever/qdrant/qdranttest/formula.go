package qdranttest

import (
	"math"
	"strconv"
	"strings"
	"time"

	api "github.com/qdrant/go-client/qdrant"
)

// formula computes the score of a point, in float64. A score that a prefetch did
// not give is 0 unless the defaults say otherwise.
type formula struct {
	collection *collection
	defaults   map[string]*api.Value
	lists      []map[string]float32 // scores by the key of the point
	point      *point
}

// rescored scores the points of the prefetches by a formula.
func rescored(c *collection, q *query, f *api.Formula, lists [][]scored) ([]scored, error) {
	switch {
	case f.GetExpression() == nil:
		return nil, refusal("missing field: expression")
	case len(q.prefetch) == 0:
		return nil, invalid("Validation failed: cannot apply Formula without prefetches")
	case q.filter != nil:
		return nil, missing("a filter of a formula")
	}
	e := &formula{collection: c, defaults: f.GetDefaults()}
	for _, list := range lists {
		scores := map[string]float32{}
		for _, s := range list {
			scores[s.point.key] = s.score
		}
		e.lists = append(e.lists, scores)
	}
	var found []scored
	for _, p := range c.candidates(lists, true) {
		e.point = p
		v, err := e.value(f.GetExpression())
		if err != nil {
			return nil, err
		}
		found = append(found, scored{point: p, score: float32(v)})
	}
	return found, nil
}

func (e *formula) value(x *api.Expression) (float64, error) {
	switch v := x.GetVariant().(type) {
	case *api.Expression_Constant:
		return float64(v.Constant), nil
	case *api.Expression_Variable:
		return e.variable(v.Variable)
	case *api.Expression_Condition:
		return e.condition(v.Condition)
	case *api.Expression_Datetime:
		at, ok := readTime(v.Datetime)
		if !ok {
			return 0, missing("a datetime that cannot be read")
		}
		return seconds(at), nil
	case *api.Expression_DatetimeKey:
		return e.datetime(v.DatetimeKey)
	case *api.Expression_GeoDistance:
		return e.distance(v.GeoDistance)
	case *api.Expression_Sum:
		return e.sum(v.Sum.GetSum())
	case *api.Expression_Mult:
		return e.product(v.Mult.GetMult())
	case *api.Expression_Div:
		return e.quotient(v.Div)
	case *api.Expression_ExpDecay:
		return e.decay(v.ExpDecay, func(off, mid float64) float64 { return math.Exp(math.Log(mid) * off) })
	case *api.Expression_GaussDecay:
		return e.decay(v.GaussDecay, func(off, mid float64) float64 { return math.Exp(math.Log(mid) * off * off) })
	case *api.Expression_LinDecay:
		return e.decay(v.LinDecay, func(off, mid float64) float64 { return max(0, 1-(1-mid)*off) })
	case nil:
		return 0, refusal("missing field: variant")
	}
	return e.function(x)
}

// function computes what has one argument, and the power.
func (e *formula) function(x *api.Expression) (float64, error) {
	if p := x.GetPow(); p != nil {
		base, err := e.value(p.GetBase())
		if err != nil {
			return 0, err
		}
		exponent, err := e.value(p.GetExponent())
		return finite(math.Pow(base, exponent), err)
	}
	of := func(inner *api.Expression, apply func(float64) float64) (float64, error) {
		v, err := e.value(inner)
		return finite(apply(v), err)
	}
	switch v := x.GetVariant().(type) {
	case *api.Expression_Neg:
		return of(v.Neg, func(x float64) float64 { return -x })
	case *api.Expression_Abs:
		return of(v.Abs, math.Abs)
	case *api.Expression_Exp:
		return of(v.Exp, math.Exp)
	case *api.Expression_Ln:
		return of(v.Ln, math.Log)
	case *api.Expression_Log10:
		return of(v.Log10, math.Log10)
	case *api.Expression_Sqrt:
		inner, err := e.value(v.Sqrt)
		if err == nil && inner < 0 {
			return 0, invalid("The expression √%s = NaN produced a non-finite number", text(inner))
		}
		return math.Sqrt(inner), err
	}
	return 0, missing("this expression of a formula")
}

// finite refuses a result whose refusal was not recorded.
func finite(v float64, err error) (float64, error) {
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = missing("a formula whose value is not finite")
	}
	return v, err
}

func text(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (e *formula) sum(parts []*api.Expression) (float64, error) {
	total := 0.0
	for _, x := range parts {
		v, err := e.value(x)
		if err != nil {
			return 0, err
		}
		total += v
	}
	return finite(total, nil)
}

// product does not look behind a 0.
func (e *formula) product(parts []*api.Expression) (float64, error) {
	total := 1.0
	for _, x := range parts {
		v, err := e.value(x)
		if err != nil || v == 0 {
			return 0, err
		}
		total *= v
	}
	return finite(total, nil)
}

func (e *formula) quotient(d *api.DivExpression) (float64, error) {
	left, err := e.value(d.GetLeft())
	if err != nil || left == 0 {
		return 0, err
	}
	right, err := e.value(d.GetRight())
	switch {
	case err != nil:
		return 0, err
	case right != 0:
		return finite(left/right, nil)
	case d.ByZeroDefault != nil:
		return float64(d.GetByZeroDefault()), nil
	}
	return 0, invalid("The expression %s/%s = %s produced a non-finite number", text(left), text(right), strings.ToLower(strings.TrimPrefix(text(left/right), "+")))
}

// decay calls the curve with the distance from the target in scales.
func (e *formula) decay(d *api.DecayParamsExpression, curve func(off, midpoint float64) float64) (float64, error) {
	x, err := e.value(d.GetX())
	target := 0.0
	if err == nil && d.Target != nil {
		target, err = e.value(d.GetTarget())
	}
	scale, midpoint := 1.0, 0.5
	if d.Scale != nil {
		scale = float64(d.GetScale())
	}
	if d.Midpoint != nil {
		midpoint = float64(d.GetMidpoint())
	}
	if err == nil && (!(scale > 0) || !(midpoint > 0 && midpoint < 1)) {
		err = missing("a decay with this scale or midpoint")
	}
	if err != nil {
		return 0, err
	}
	return finite(curve(math.Abs(x-target)/scale, midpoint), nil)
}

func (e *formula) condition(c *api.Condition) (float64, error) {
	f := &api.Filter{Must: []*api.Condition{c}}
	ok, err := e.collection.passes(e.point, f)
	if err != nil || !ok {
		return 0, err
	}
	return 1, nil
}

// variable is the score of a prefetch or a number of the payload.
func (e *formula) variable(name string) (float64, error) {
	if rest, is := strings.CutPrefix(name, "$score"); is {
		return e.score(name, rest)
	}
	v, err := e.field(name)
	if err != nil {
		return 0, err
	}
	const refused = "Expected number value for %s in the payload and/or in the formula defaults. Error: %s"
	if v == nil {
		return 0, invalid(refused, name, "No value found in a payload nor defaults")
	}
	if _, is := v.GetKind().(*api.Value_StringValue); is {
		return 0, invalid(refused, name, "Value is not a number")
	}
	n, ok := number(v)
	if !ok {
		return 0, missing("a formula over a value of this kind")
	}
	return n, nil
}

func (e *formula) score(name, index string) (float64, error) {
	list := 0
	if index != "" {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(index, "["), "]"))
		if err != nil || n < 0 || n >= len(e.lists) {
			return 0, missing("a score of this prefetch")
		}
		list = n
	}
	if s, has := e.lists[list][e.point.key]; has {
		return float64(s), nil
	}
	n, _ := number(e.defaults[name])
	return n, nil
}

// field is the value at a path of the payload, else the default, else nil.
func (e *formula) field(name string) (*api.Value, error) {
	path, err := parsePath(name)
	if err != nil {
		return nil, err
	}
	switch found := path.values(e.point.payload); len(found) {
	case 0:
		return e.defaults[name], nil
	case 1:
		return found[0], nil
	}
	return nil, missing("a formula over several values")
}

func (e *formula) datetime(name string) (float64, error) {
	v, err := e.field(name)
	if err != nil {
		return 0, err
	}
	at, ok := readTime(v.GetStringValue())
	if !ok {
		return 0, missing("a formula over a field without a datetime")
	}
	return seconds(at), nil
}

func (e *formula) distance(g *api.GeoDistance) (float64, error) {
	v, err := e.field(g.GetTo())
	if err != nil {
		return 0, err
	}
	lat, okLat := number(v.GetStructValue().GetFields()["lat"])
	lon, okLon := number(v.GetStructValue().GetFields()["lon"])
	if !okLat || !okLon {
		return 0, missing("a formula over a field without a place")
	}
	return distance(g.GetOrigin().GetLat(), g.GetOrigin().GetLon(), lat, lon), nil
}

// readTime reads a time as the server does.
func readTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }
