package experiment

import (
	"reflect"

	"github.com/rankcascade/cascade/pipeline"
)

// branch is a part of one or more systems: a retriever at the root of a tree, or
// a stage that works on what its parent returned. Systems that begin with the
// same parts share them, and each part runs once for a topic.
type branch struct {
	at     int // position in the forest's list
	node   pipeline.Node
	tree   string // the path down to here, as it prints
	parent *branch
	below  []*branch
}

// forest holds the branches of all systems.
type forest struct {
	roots []*branch
	all   []*branch
	// ends has, for each system and each of its repeats, the last branch.
	ends map[string][]*branch
}

// plant takes the systems apart and joins their common beginnings.
func plant(p Plan) *forest {
	f := &forest{ends: map[string][]*branch{}}
	for _, name := range p.names() {
		parts := split(pipeline.Describe(p.Systems[name]))
		for repeat := range p.repeats(name) {
			f.ends[name] = append(f.ends[name], f.add(parts, p.repeats(name) == 1, repeat))
		}
	}
	return f
}

// split returns the parts of a chain in the order in which they run. A part
// whose value is not known, or is no stage, keeps the chain whole.
func split(n pipeline.Node) []pipeline.Node {
	if n.Facts.Role != pipeline.RoleChain || len(n.Children) == 0 {
		return []pipeline.Node{n}
	}
	var parts []pipeline.Node
	for i, child := range n.Children {
		_, retrieves := child.Value.(pipeline.Retriever)
		_, applies := child.Value.(pipeline.Stage)
		_, whole := n.Value.(pipeline.Retriever)
		if (i == 0 && whole && !retrieves) || ((i > 0 || !whole) && !applies) {
			return []pipeline.Node{n}
		}
		parts = append(parts, split(child)...)
	}
	return parts
}

// add puts a system's parts into the forest and returns its last branch. Only
// deterministic systems share more than their retriever.
func (f *forest) add(parts []pipeline.Node, share bool, repeat int) *branch {
	var here *branch
	for i, part := range parts {
		siblings := &f.roots
		if here != nil {
			siblings = &here.below
		}
		next := (*branch)(nil)
		if share || (i == 0 && repeat == 0) {
			next = same(*siblings, part.Value)
		}
		if next == nil {
			next = &branch{at: len(f.all), node: part, parent: here, tree: part.String()}
			if here != nil {
				next.tree = here.tree + "\n" + next.tree
			}
			*siblings = append(*siblings, next)
			f.all = append(f.all, next)
		}
		here = next
	}
	return here
}

func same(branches []*branch, value any) *branch {
	for _, b := range branches {
		if equal(b.node.Value, value) {
			return b
		}
	}
	return nil
}

// equal compares values of any type; what cannot be compared is not equal.
func equal(a, b any) bool {
	if a == nil || b == nil || !reflect.TypeOf(a).Comparable() || !reflect.TypeOf(b).Comparable() {
		return false
	}
	defer func() { _ = recover() }() // a comparable type may hold a value that is not
	return a == b
}

// path returns the branches from the root to b.
func (b *branch) path() []*branch {
	var path []*branch
	for ; b != nil; b = b.parent {
		path = append([]*branch{b}, path...)
	}
	return path
}
