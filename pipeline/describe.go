package pipeline

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// Describer is implemented by everything that can say what it is made of: all
// retrievers, stages, fusers and combinators of this module. What does not
// implement it is described by its Go type.
type Describer interface {
	Describe() Node
}

// Node describes one part of a pipeline, with the settings that are in force.
type Node struct {
	// Name is the part's name in marks, gaps and trees: "chain", "bm25", "rrf".
	Name string
	// Settings are the effective settings, defaults included, in print order.
	Settings []Setting
	// Children are the parts that this one is made of, in the order in which
	// they run.
	Children []Node
	// Facts is what Lint reasons with.
	Facts Facts
	// Err is a mistake in the configuration that would fail the first query.
	Err error
	// Limited, where it is not nil, returns a part of the same shape that makes the
	// first k hits of what this one makes, to the bit, and need not make the
	// others. A combinator that sees a cut behind the part asks for it, where the
	// query is neither traced nor observed. k is at least one.
	Limited func(k int) any
	// Cap, where it is not nil, returns the highest score that a fuser can give out
	// for rankings on these scales, one for each and Unknown where that is not
	// known; 0 states nothing.
	Cap func(scales []Scale) float64
	// Value is the described part itself, for tools that run parts of a pipeline
	// on their own.
	Value any
}

// String draws the node and what is below it as a tree.
func (n Node) String() string {
	var b strings.Builder
	n.draw(&b, "", "")
	return strings.TrimSuffix(b.String(), "\n")
}

// draw writes the node after the lead of its own line, and its children after
// the lead of the lines below.
func (n Node) draw(b *strings.Builder, own, below string) {
	b.WriteString(own)
	b.WriteString(n.Name)
	for i, s := range n.Settings {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		fmt.Fprintf(b, "%s%s %s", separator, s.Name, s.Value)
	}
	if n.Err != nil {
		fmt.Fprintf(b, "  (mistake: %v)", n.Err)
	}
	b.WriteByte('\n')
	for i, child := range n.Children {
		if i == len(n.Children)-1 {
			child.draw(b, below+"└─ ", below+"   ")
			continue
		}
		child.draw(b, below+"├─ ", below+"│  ")
	}
}

// Setting is a name and a printed value.
type Setting struct{ Name, Value string }

// Role is the job of a part, as far as Lint cares.
type Role uint8

// The roles. RoleOther is for parts that neither change scores nor length.
const (
	RoleOther     Role = iota
	RoleRetrieve       // makes a ranking from a query
	RoleRerank         // replaces scores
	RoleCut            // keeps a prefix of at most Limit hits
	RoleThreshold      // keeps hits with at least Threshold on Needs
	RoleFuse           // combines rankings
	RoleChain          // children run one after the other
	RoleBranch         // first child fuses, the others run side by side on the same input
	RoleBudget         // bounds the time of its only child by Budget
	RoleFallback       // later children replace the first if it fails
	RoleRewrite        // changes the query and no ranking
)

// Facts are statements about a part that can be checked against those of its
// neighbours before the first query. A zero field states nothing.
type Facts struct {
	Role Role
	// Limit is the most hits that the part returns.
	Limit int
	// Plain says that a RoleCut part keeps exactly the first Limit hits, whatever
	// they are, and looks at none behind them.
	Plain bool
	// Depth is how many hits of its input a reranker scores; 0 means all.
	Depth int
	// Scale is the scale of the ranking that the part returns.
	Scale Scale
	// Needs is the scale that the part's input must have.
	Needs Scale
	// Threshold is the score that a RoleThreshold part demands.
	Threshold float64
	// Unjudged says that a RoleThreshold part lets unjudged hits pass.
	Unjudged bool
	// Max is the highest score that the part can give out, beyond what Scale
	// says; 0 states nothing.
	Max float64
	// Linear says that a fuser adds scores as they come, without a normaliser.
	Linear bool
	// Listwise says that a scorer's scores depend on what else is in the call.
	Listwise bool
	// Sharded says that a scorer splits its documents over several calls.
	Sharded bool
	// Budget is the time that a RoleBudget part allows.
	Budget time.Duration
	// Repeats is how often a RoleBranch part may run each of its branches; 0 stands
	// for once, and a negative number for a number that nobody knows before.
	Repeats int
	// Turns says that the part reads Query.Turns.
	Turns bool
	// Tolerates says that the part answers with a degraded ranking, and not with
	// an error, when what it calls fails or is late.
	Tolerates bool
}

// Describe returns the description of any value: its own if it is a Describer,
// else one that names its type. It never panics: a Describer that does (a nil
// pointer) is described by its type, with the panic as Err.
func Describe(v any) (n Node) {
	defer func() {
		if p := recover(); p != nil {
			n = describeType(v)
			n.Err = &PanicError{Part: n.Name, Value: p, Stack: debug.Stack()}
		}
	}()
	if d, ok := v.(Describer); ok {
		n = d.Describe()
		n.Value = v
		return n
	}
	return describeType(v)
}

func describeType(v any) Node {
	n := Node{Name: fmt.Sprintf("%T", v), Value: v}
	if v == nil {
		n.Name = "nothing"
	}
	if _, ok := v.(Retriever); ok {
		n.Facts.Role = RoleRetrieve
	}
	return n
}
