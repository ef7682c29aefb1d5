package formula

import (
	"slices"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// piece is a part of a formula in the server's form.
//
// Its value counts where all guards hold; elsewhere the part is missing, and must not
// be computed. The server stops multiplying at the first 0, so that guards in front
// of a product keep the rest from being looked at.
type piece struct {
	x      *api.Expression
	guards []*api.Condition
	// open says that the part may be missing in a way that no condition tells, as the
	// score of a document that one of several legs did not find. Its value is 0 then.
	open bool
}

// zeroed is the value, 0 where the part is missing.
func (p piece) zeroed() *api.Expression {
	if len(p.guards) == 0 {
		return p.x
	}
	return product(holding(p.guards), p.x)
}

// sure reports whether the part is never missing.
func (p piece) sure() bool { return len(p.guards) == 0 && !p.open }

func constant(v float64) *api.Expression { return api.NewExpressionConstant(float32(v)) }

func sum(parts ...*api.Expression) *api.Expression {
	return api.NewExpressionSum(&api.SumExpression{Sum: parts})
}

func product(parts ...*api.Expression) *api.Expression {
	return api.NewExpressionMult(&api.MultExpression{Mult: parts})
}

// larger is the maximum or, with the sign -1, the minimum of two values.
func larger(a, b *api.Expression, sign float64) *api.Expression {
	apart := api.NewExpressionAbs(sum(a, api.NewExpressionNeg(b)))
	return product(constant(.5), sum(a, b, product(constant(sign), apart)))
}

// holding is 1 where all conditions hold, else 0.
func holding(all []*api.Condition) *api.Expression {
	return api.NewExpressionCondition(every(all))
}

// failing is 1 where one of the conditions does not hold, else 0.
func failing(all []*api.Condition) *api.Expression {
	return api.NewExpressionCondition(not(every(all)))
}

func every(all []*api.Condition) *api.Condition {
	if len(all) == 1 {
		return all[0]
	}
	return api.NewFilterAsCondition(&api.Filter{Must: all})
}

func not(c *api.Condition) *api.Condition {
	return api.NewFilterAsCondition(&api.Filter{MustNot: []*api.Condition{c}})
}

func either(conditions ...*api.Condition) *api.Condition {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return api.NewFilterAsCondition(&api.Filter{Should: conditions})
}

// union are the guards of both, each once.
func union(a, b []*api.Condition) []*api.Condition {
	all := slices.Clone(a)
	for _, c := range b {
		if !slices.ContainsFunc(all, func(have *api.Condition) bool { return proto.Equal(have, c) }) {
			all = append(all, c)
		}
	}
	return all
}

// alike reports whether both are missing at the same documents.
func alike(a, b piece) bool {
	return !a.open && !b.open && len(union(a.guards, b.guards)) == len(a.guards) && len(union(b.guards, a.guards)) == len(b.guards)
}
