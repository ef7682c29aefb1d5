package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/rankcascade/cascade/pipeline/kind"
)

// finder looks for the parts of one type in a file, and builds nothing. Kinds that
// the program does not pass are passed over: a server of rerank scores reads a file
// whose stores it cannot open.
type finder struct {
	kinds map[string]kind.Kind
	want  reflect.Type
	all   bool // notes every part and looks inside
	found []placed
	steps int
	wrong []error // names of settings that a known kind does not have
	file  string
}

// walk looks at a node where a part or a value of type t stands; nil is not known.
func (f *finder) walk(n *yaml.Node, path string, t reflect.Type, depth int) {
	if f.steps++; depth > maxDepth || f.steps > maxFile {
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		if k, ok := f.kinds[n.Value]; ok && t != nil && t.Kind() == reflect.Interface {
			f.note(n, join(path, n.Value), k)
		}
	case n.Kind == yaml.SequenceNode:
		for i, e := range n.Content {
			f.walk(e, fmt.Sprintf("%s[%d]", path, i), elem(t, reflect.Slice), depth+1)
		}
	case len(n.Content) == 2 && (t == nil || t.Kind() == reflect.Interface):
		k, ok := f.kinds[n.Content[0].Value]
		here := join(path, n.Content[0].Value)
		switch {
		case !ok:
			f.walk(n.Content[1], here, nil, depth+1)
		case !f.note(n, here, k):
			f.settings(n.Content[1], here, k.Settings(), depth+1)
		}
	default:
		f.members(n, path, t, depth)
	}
}

// note keeps the place of a part of the wanted type.
func (f *finder) note(n *yaml.Node, path string, k kind.Kind) bool {
	if !k.Part().AssignableTo(f.want) {
		return false
	}
	f.found = append(f.found, placed{node: n, path: path, kind: k.Name()})
	return !f.all
}

// settings looks at the settings of a kind.
func (f *finder) settings(n *yaml.Node, path string, t reflect.Type, depth int) {
	fields := fieldsOf(t)
	if alone, ok := fields.alone(); ok && !fields.looksLikeSettings(n, f.kinds) {
		f.walk(n, path, alone.kind, depth)
		return
	}
	f.members(n, path, t, depth)
}

// members looks at the values of a mapping.
func (f *finder) members(n *yaml.Node, path string, t reflect.Type, depth int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		of := elem(t, reflect.Map)
		if t != nil && t.Kind() == reflect.Struct {
			member, ok := fieldsOf(t).find(name)
			if !ok {
				f.wrong = append(f.wrong, &Error{File: f.file, Line: n.Content[i].Line, Column: n.Content[i].Column, Path: join(path, name),
					Message: "there is no such setting" + suggest(name, fieldsOf(t))})
			}
			of = member.kind
		}
		f.walk(n.Content[i+1], join(path, name), of, depth+1)
	}
}

func elem(t reflect.Type, of reflect.Kind) reflect.Type {
	if t == nil || t.Kind() != of {
		return nil
	}
	return t.Elem()
}

// Uses lists the kinds that a file names, in order, each once, and builds nothing:
// for programs that ask first before a server is asked. Kinds that are not passed
// are not listed.
func Uses(path string, kinds ...kind.Kind) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: read the file: %w", err)
	}
	root, err := parseText(path, text)
	if err != nil {
		return nil, err
	}
	b, err := newBuilder(context.Background(), path, "", kinds)
	if err != nil {
		return nil, err
	}
	f := &finder{kinds: b.kinds, want: reflect.TypeFor[any](), all: true, file: path}
	f.walk(root, "", f.want, 0)
	names := []string{}
	for _, p := range f.found {
		names = append(names, p.kind)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// choose returns the part at a path, or the only one.
func (f *finder) choose(at string) (placed, error) {
	if len(f.wrong) > 0 {
		return placed{}, errors.Join(f.wrong...)
	}
	var paths []string
	for _, p := range f.found {
		if p.path == at {
			return p, nil
		}
		paths = append(paths, fmt.Sprintf("%s at %d:%d", p.path, p.node.Line, p.node.Column))
	}
	role := roleName(f.want)
	switch {
	case len(f.found) == 0:
		return placed{}, &Error{File: f.file, Line: 1, Column: 1, Message: fmt.Sprintf("the file has no %s, which is needed here: name one of %s", role, strings.Join(f.names(), ", "))}
	case at != "":
		return placed{}, &Error{File: f.file, Line: 1, Column: 1, Message: fmt.Sprintf("there is no %s at %q: there is %s", role, at, strings.Join(paths, ", "))}
	case len(f.found) > 1:
		second := f.found[1]
		return placed{}, &Error{File: f.file, Line: second.node.Line, Column: second.node.Column, Path: second.path,
			Message: fmt.Sprintf("this is the second %s of the file, and one is needed: say which by its path, there is %s", role, strings.Join(paths, ", "))}
	}
	return f.found[0], nil
}

func (f *finder) names() []string {
	var names []string
	for name, k := range f.kinds {
		if k.Part().AssignableTo(f.want) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
