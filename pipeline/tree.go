package pipeline

import (
	"fmt"
	"strings"
)

// String draws what v is made of as a tree, one part on each line in the order
// in which parts run, with the settings that are in force and the mistakes in
// them. v may be anything that Describe takes.
func String(v any) string { return Describe(v).String() }

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
