package formula

import (
	"fmt"
	"math"
	"time"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// mostNodes bounds the expression that is sent: the maximum of several values
// repeats them.
const mostNodes = 2000

// compiler turns a formula into pieces.
type compiler struct {
	options  fusion.FormulaOptions
	legs     map[string]int // positions by name
	scales   []pipeline.Scale
	now      int64
	defaults map[string]*api.Value
	instead  map[string]float64 // what a leg's score is where it is missing
	nodes    int
}

func refuse(e fusion.Expr, format string, args ...any) error {
	return &Error{Term: e.String(), Reason: fmt.Sprintf(format, args...)}
}

// known refuses names that no leg has, before the scales are looked at.
func (c *compiler) known(e fusion.Expr) error {
	args := e.Args()
	name, list := e.Text(), e.Kind() == fusion.NameExpr && e.Text() != "age"
	if e.Kind() == fusion.CallExpr {
		switch e.Text() {
		case "norm", "rank", "rrf":
			return refuse(e, "the server knows scores and no lists: use raw(...), or fuse here")
		case "raw":
			name, list, args = args[0].Text(), true, nil
		case "meta", "has", "is", "age":
			args = args[1:]
		}
	}
	if _, has := c.legs[name]; list && !has {
		return refuse(e, "no leg has this name, and the server does not see the marks of earlier stages")
	}
	for _, a := range args {
		if err := c.known(a); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) piece(e fusion.Expr) (piece, error) {
	if c.nodes++; c.nodes > mostNodes {
		return piece{}, refuse(e, "the expression would be too large")
	}
	if v, is := number(e); is {
		return piece{x: constant(v)}, nil
	}
	switch e.Kind() {
	case fusion.NameExpr:
		if e.Text() == "age" {
			return c.age(e, c.options.Date)
		}
		return c.score(e, e.Text(), 0)
	case fusion.CallExpr:
		return c.call(e)
	case fusion.NegateExpr:
		p, err := c.piece(e.Args()[0])
		if err == nil {
			p.x = api.NewExpressionNeg(p.x)
		}
		return p, err
	}
	return c.operation(e)
}

// number computes what is made of numbers alone, so that no place is lost to
// float32 on the way.
func number(e fusion.Expr) (float64, bool) {
	switch e.Kind() {
	case fusion.NumberExpr, fusion.DurationExpr:
		return e.Number(), true
	case fusion.NegateExpr:
		v, is := number(e.Args()[0])
		return -v, is
	case fusion.AddExpr, fusion.SubtractExpr, fusion.MultiplyExpr, fusion.DivideExpr:
		a, isA := number(e.Args()[0])
		b, isB := number(e.Args()[1])
		v := map[fusion.ExprKind]float64{fusion.AddExpr: a + b, fusion.SubtractExpr: a - b, fusion.MultiplyExpr: a * b, fusion.DivideExpr: a / b}[e.Kind()]
		return v, isA && isB && !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return 0, false
}

// score is that of a leg, or the number instead where a document has none. The
// server keeps one such number for each leg. With one leg every document has a score.
func (c *compiler) score(e fusion.Expr, name string, instead float64) (piece, error) {
	leg := c.legs[name]
	variable := fmt.Sprintf("$score[%d]", leg)
	p := piece{x: api.NewExpressionVariable(variable), open: len(c.legs) > 1}
	if c.scales[leg] == pipeline.Distance {
		p.x, instead = api.NewExpressionNeg(p.x), 0-instead
	}
	if before, twice := c.instead[name]; twice && before != instead {
		return p, refuse(e, "where the score is missing it counts as %v here and as %v elsewhere: the server knows one number for each leg", instead, before)
	}
	if c.instead[name] = instead; instead != 0 && len(c.legs) > 1 {
		c.defaults[variable] = api.NewValueDouble(instead)
	}
	return p, nil
}

func (c *compiler) operation(e fusion.Expr) (piece, error) {
	a, err := c.piece(e.Args()[0])
	if err != nil {
		return a, err
	}
	b, err := c.piece(e.Args()[1])
	if err != nil {
		return b, err
	}
	switch e.Kind() {
	case fusion.SubtractExpr:
		b.x = api.NewExpressionNeg(b.x)
		return added(a, b), nil
	case fusion.AddExpr:
		return added(a, b), nil
	case fusion.MultiplyExpr:
		return piece{x: product(a.x, b.x), guards: union(a.guards, b.guards), open: a.open || b.open}, nil
	}
	if v, is := number(e.Args()[1]); is && v == 0 {
		return a, refuse(e, "it divides by 0 and is always missing")
	} else if is {
		a.x = api.NewExpressionDiv(&api.DivExpression{Left: a.x, Right: b.x})
		return a, nil
	}
	zero := float32(0)
	return piece{
		x:      api.NewExpressionDiv(&api.DivExpression{Left: a.x, Right: b.x, ByZeroDefault: &zero}),
		guards: union(a.guards, b.guards), open: true, // a divisor of 0
	}, nil
}

// added is a sum, in which what is missing counts as 0 unless both are.
func added(a, b piece) piece {
	if alike(a, b) {
		return piece{x: sum(a.x, b.x), guards: a.guards}
	}
	return piece{x: sum(a.zeroed(), b.zeroed()), open: !a.sure() && !b.sure()}
}

func (c *compiler) call(e fusion.Expr) (piece, error) {
	args := e.Args()
	switch e.Text() {
	case "raw":
		return c.score(e, args[0].Text(), 0)
	case "meta":
		return c.meta(e)
	case "has", "is":
		return c.test(e)
	case "age":
		return c.age(e, args[0].Text())
	case "or":
		return c.first(e)
	}
	pieces := make([]piece, len(args))
	all := piece{}
	for i, a := range args {
		p, err := c.piece(a)
		if err != nil {
			return p, err
		}
		if p.open && e.Text() != "abs" && e.Text() != "sqrt" {
			return p, refuse(a, "the server cannot tell whether a document has it, which %s needs: give or(..., a number) in its place", e.Text())
		}
		pieces[i], all.guards, all.open = p, union(all.guards, p.guards), all.open || p.open
	}
	var err error
	all.x, err = c.function(e, pieces)
	return all, err
}

// function is a function of values that are there.
func (c *compiler) function(e fusion.Expr, args []piece) (*api.Expression, error) {
	x := args[0].x
	switch e.Text() {
	case "abs":
		return api.NewExpressionAbs(x), nil
	case "sqrt":
		return api.NewExpressionSqrt(x), nil
	case "exp":
		return api.NewExpressionExp(x), nil
	case "log":
		return api.NewExpressionLn(x), nil
	case "clamp":
		return larger(larger(x, args[1].x, 1), args[2].x, -1), nil
	case "min", "max":
		sign := map[string]float64{"min": -1, "max": 1}[e.Text()]
		for _, a := range args[1:] {
			if c.nodes *= 2; c.nodes > mostNodes {
				return nil, refuse(e, "the expression would be too large: the server has no %s of so many values", e.Text())
			}
			x = larger(x, a.x, sign)
		}
		return x, nil
	}
	return decay(e, args)
}

// decay is one of the three curves over what lies beyond the offset. The server's
// own fall to both sides of a target, so that what lies before it is cut off.
func decay(e fusion.Expr, args []piece) (*api.Expression, error) {
	width, is := number(e.Args()[1])
	if !is || !(width > 0) || float32(width) <= 0 || math.IsInf(float64(float32(width)), 0) {
		return nil, refuse(e, "the server wants a number above 0 for the second argument")
	}
	x := args[0].x
	if len(args) == 3 {
		x = sum(x, api.NewExpressionNeg(args[2].x))
	}
	d := &api.DecayParamsExpression{X: larger(x, constant(0), 1)}
	scale, midpoint := float32(width), float32(.5)
	d.Scale, d.Midpoint = &scale, &midpoint
	switch e.Text() {
	case "gauss":
		midpoint = float32(math.Exp(-.5))
		return api.NewExpressionGaussDecay(d), nil
	case "linear":
		scale = float32(width / 2)
		return api.NewExpressionLinDecay(d), nil
	}
	return api.NewExpressionExpDecay(d), nil
}

// meta is a number in the payload.
func (c *compiler) meta(e fusion.Expr) (piece, error) {
	p, ok := numberAt(e.Args()[0].Text())
	if !ok {
		return p, refuse(e, "no path of the server reaches this key")
	}
	if len(e.Args()) == 1 {
		return p, nil
	}
	otherwise, err := c.piece(e.Args()[1])
	if err != nil {
		return p, err
	}
	return or(p, otherwise), nil
}

// test is 1 or 0.
func (c *compiler) test(e fusion.Expr) (piece, error) {
	args := e.Args()
	var hold []*api.Condition
	for _, path := range paths(args[0].Text()) {
		// A field of the whole name hides one within maps.
		var here []*api.Condition
		if first := paths(args[0].Text())[0]; path != first {
			here = append(here, api.NewIsEmpty(first))
		}
		switch {
		case e.Text() == "has":
			here = append(here, not(api.NewIsEmpty(path)))
		case args[1].Kind() == fusion.TextExpr:
			here = append(here, api.NewMatchKeyword(path, args[1].Text()))
		default:
			v := args[1].Number()
			here = append(here, api.NewRange(path, &api.Range{Gte: &v, Lte: &v}))
		}
		hold = append(hold, every(here))
	}
	if hold == nil {
		return piece{}, refuse(e, "no path of the server reaches this key")
	}
	return piece{x: api.NewExpressionCondition(either(hold...))}, nil
}

// age is the time between the date under a key and now.
func (c *compiler) age(e fusion.Expr, key string) (piece, error) {
	p, ok := dateAt(key)
	if !ok {
		return p, refuse(e, "no path of the server reaches this key")
	}
	now := time.Unix(c.now, 0).UTC().Format(time.RFC3339)
	p.x = sum(api.NewExpressionDatetime(now), api.NewExpressionNeg(p.x))
	return p, nil
}

// first is the first of the arguments that is not missing.
func (c *compiler) first(e fusion.Expr) (piece, error) {
	args := e.Args()
	last, err := c.piece(args[len(args)-1])
	for i := len(args) - 2; i >= 0 && err == nil; i-- {
		var p piece
		if p, err = c.alternative(args[i], args[i+1]); err == nil {
			last = or(p, last)
		}
	}
	return last, err
}

// alternative is an argument of or(...) with one behind it. The score of a leg has to
// have a number there, which is then what the score is where it is missing.
func (c *compiler) alternative(e, next fusion.Expr) (piece, error) {
	name := e.Text()
	if e.Kind() == fusion.CallExpr && name == "raw" {
		name = e.Args()[0].Text()
	}
	_, leg := c.legs[name]
	if v, is := number(next); is && leg && (e.Kind() == fusion.NameExpr || e.Text() == "raw") {
		p, err := c.score(e, name, v)
		p.open = false
		return p, err
	}
	p, err := c.piece(e)
	if err == nil && p.open {
		err = refuse(e, "the server cannot tell whether a document has it: or(...) takes the score of a leg and a number behind it")
	}
	return p, err
}
