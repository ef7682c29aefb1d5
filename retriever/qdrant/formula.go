package qdrant

import (
	"fmt"
	"strconv"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scoresOf makes a formula over some of the legs that it was written for: those
// that can match nothing are not asked, which moves the scores of the others. What
// a left out leg would have scored is its default, 0 if there is none.
func scoresOf(q *api.Query, kept []int, legs int) *api.Query {
	if q.GetFormula() == nil || len(kept) == legs {
		return q
	}
	f := proto.Clone(q.GetFormula()).(*api.Formula)
	m := movedScores{at: map[int]int{}, defaults: f.GetDefaults()}
	for to, from := range kept {
		m.at[from] = to
	}
	m.rewrite(f.GetExpression().ProtoReflect())
	f.Defaults = map[string]*api.Value{}
	for name, v := range m.defaults {
		if leg, is := scoreIndex(name); !is {
			f.Defaults[name] = v
		} else if to, stays := m.at[leg]; stays {
			f.Defaults[scoreName(to)] = v
		}
	}
	return api.NewQueryFormula(f)
}

// movedScores says where the scores of legs went.
type movedScores struct {
	at       map[int]int
	defaults map[string]*api.Value
}

// rewrite changes the variables of an expression and of all below it.
func (m movedScores) rewrite(x protoreflect.Message) {
	if e, is := x.Interface().(*api.Expression); is {
		if leg, score := scoreIndex(e.GetVariable()); score {
			if to, stays := m.at[leg]; stays {
				e.Variant = &api.Expression_Variable{Variable: scoreName(to)}
			} else {
				e.Variant = &api.Expression_Constant{Constant: m.fallback(leg)}
			}
			return
		}
	}
	x.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				m.rewrite(v.List().Get(i).Message())
			}
		default:
			m.rewrite(v.Message())
		}
		return true
	})
}

// fallback is what the server takes for a score that is missing.
func (m movedScores) fallback(leg int) float32 {
	for name, v := range m.defaults {
		if of, is := scoreIndex(name); is && of == leg {
			return float32(v.GetDoubleValue() + float64(v.GetIntegerValue()))
		}
	}
	return 0
}

func scoreName(leg int) string { return fmt.Sprintf("$score[%d]", leg) }

// scoreIndex reads "$score", which is the first, and "$score[1]".
func scoreIndex(name string) (leg int, ok bool) {
	rest, is := strings.CutPrefix(name, "$score")
	if !is || rest == "" {
		return 0, is
	}
	leg, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]"))
	return leg, err == nil
}
