package config

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// toJSON writes a node as JSON; numbers keep their digits.
func toJSON(n *yaml.Node) ([]byte, error) {
	var b strings.Builder
	if err := writeJSON(&b, n, 0); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

func writeJSON(b *strings.Builder, n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return writeJSON(b, n.Alias, depth+1)
	case yaml.MappingNode, yaml.SequenceNode:
		return writeAll(b, n, depth)
	}
	switch n.ShortTag() {
	case "!!null":
		b.WriteString("null")
		return nil
	case "!!bool":
		b.WriteString(strings.ToLower(n.Value))
		return nil
	case "!!int", "!!float":
		if !json.Valid([]byte(n.Value)) {
			return fmt.Errorf("%s is no number that a filter can hold: write digits, such as 16 or 0.5, or put it into quotes", n.Value)
		}
		b.WriteString(n.Value)
		return nil
	}
	text, err := json.Marshal(n.Value)
	b.Write(text)
	return err
}

func writeAll(b *strings.Builder, n *yaml.Node, depth int) error {
	open, end, step := "[", "]", 1
	if n.Kind == yaml.MappingNode {
		open, end, step = "{", "}", 2
	}
	b.WriteString(open)
	for i := 0; i < len(n.Content); i += step {
		if i > 0 {
			b.WriteByte(',')
		}
		if step == 2 {
			key, err := json.Marshal(n.Content[i].Value)
			if err != nil {
				return err
			}
			b.Write(append(key, ':'))
		}
		if err := writeJSON(b, n.Content[i+step-1], depth+1); err != nil {
			return err
		}
	}
	b.WriteString(end)
	return nil
}
