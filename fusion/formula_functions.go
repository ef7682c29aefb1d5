package fusion

import (
	"maps"
	"math"
	"slices"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
)

// ageName is the name of the time that has passed since a document's date.
const ageName = "age"

// takes is what a function's arguments are.
type takes uint8

const (
	takesValues takes = iota // expressions of one meaning
	takesList                // the name of a list or mark
	takesKey                 // a metadata key
)

// function is one function of formulas.
type function struct {
	takes       takes
	least, most int
	usage       string
	keeps       bool // the result has the meaning of the arguments
	// apply computes a function of values, all of them given.
	apply func(v []float64) float64
}

// library is the functions that formulas know, made once and never written to.
var library = functions()

func functions() map[string]function {
	const many = 16
	first := func(at func(x float64) float64) func([]float64) float64 {
		return func(v []float64) float64 { return at(v[0]) }
	}
	return map[string]function{
		"norm":   {takes: takesList, least: 1, most: 2, usage: `norm(list) or norm(list, minmax) normalises the scores of a list`},
		"raw":    {takes: takesList, least: 1, most: 1, usage: `raw(list) takes the scores of a list as numbers`},
		"rank":   {takes: takesList, least: 1, most: 1, usage: `rank(list) is the rank in a list, from 1`},
		"rrf":    {takes: takesList, least: 1, most: 2, usage: `rrf(list) or rrf(list, 60) is 1/(k + rank)`},
		"meta":   {takes: takesKey, least: 1, most: 2, usage: `meta(key) or meta(key, default) is a number in the metadata`},
		"has":    {takes: takesKey, least: 1, most: 1, usage: `has(key) is 1 where the metadata have the key`},
		"is":     {takes: takesKey, least: 2, most: 2, usage: `is(key, "text") is 1 where the metadata have that value, also within a list`},
		ageName:  {takes: takesKey, least: 1, most: 1, usage: `age(key) is the time since the date under the key`},
		"or":     {least: 2, most: many, usage: `or(a, b) is the first value that is not missing`, keeps: true},
		"decay":  {least: 2, most: 3, usage: `decay(x, half, offset) halves with every half beyond the offset`, apply: halving},
		"gauss":  {least: 2, most: 3, usage: `gauss(x, width, offset) falls as a bell`, apply: bell},
		"linear": {least: 2, most: 3, usage: `linear(x, end, offset) falls to 0 in a straight line`, apply: slope},
		"min":    {least: 2, most: many, usage: `min(a, b) is the smallest`, keeps: true, apply: slices.Min[[]float64]},
		"max":    {least: 2, most: many, usage: `max(a, b) is the largest`, keeps: true, apply: slices.Max[[]float64]},
		"clamp":  {least: 3, most: 3, usage: `clamp(x, low, high) keeps within bounds`, keeps: true, apply: func(v []float64) float64 { return min(max(v[0], v[1]), v[2]) }},
		"abs":    {least: 1, most: 1, usage: `abs(x) is the magnitude`, keeps: true, apply: first(math.Abs)},
		"sqrt":   {least: 1, most: 1, usage: `sqrt(x) is the square root`, apply: first(math.Sqrt)},
		"exp":    {least: 1, most: 1, usage: `exp(x) is the exponential`, apply: first(elementary.Exp)},
		"log":    {least: 1, most: 1, usage: `log(x) is the natural logarithm`, apply: first(elementary.Log)},
	}
}

func functionNames() []string { return slices.Sorted(maps.Keys(library)) }

// beyond returns how many widths x lies beyond the offset, at least 0. A width of 0
// makes everything beyond it infinitely far.
func beyond(v []float64) float64 {
	x := v[0]
	if len(v) == 3 {
		x -= v[2]
	}
	if x <= 0 {
		return 0
	}
	return x / v[1]
}

func halving(v []float64) float64 { return elementary.Pow(2, -beyond(v)) }

func bell(v []float64) float64 {
	x := beyond(v)
	return elementary.Exp(-float64(x*x) / 2)
}

func slope(v []float64) float64 { return max(0, 1-beyond(v)) }
