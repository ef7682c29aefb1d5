package config

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/rankcascade/cascade/pipeline/kind"
)

// field is one setting of a kind.
type field struct {
	name, doc       string
	index           int
	alone, required bool
	kind            reflect.Type
}

type fields []field

// fieldsOf reads the tags of a struct of settings.
func fieldsOf(t reflect.Type) fields {
	var all fields
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("config")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		f := field{name: name, index: i, doc: t.Field(i).Tag.Get("doc"), kind: t.Field(i).Type}
		for _, o := range strings.Split(options, ",") {
			f.alone = f.alone || o == "value"
			f.required = f.required || o == "required"
		}
		all = append(all, f)
	}
	return all
}

func (fs fields) find(name string) (field, bool) {
	for _, f := range fs {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// alone is the setting whose value may stand for all.
func (fs fields) alone() (field, bool) {
	for _, f := range fs {
		if f.alone {
			return f, true
		}
	}
	return field{}, false
}

// looksLikeSettings tells {k: 8} from a value that is itself a mapping, which is
// a part: a mapping whose only key is a kind and no setting.
func (fs fields) looksLikeSettings(n *yaml.Node, kinds map[string]kind.Kind) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	if len(n.Content) != 2 {
		return true
	}
	_, setting := fs.find(n.Content[0].Value)
	_, part := kinds[n.Content[0].Value]
	return setting || !part && n.Content[0].Value != "env"
}

func (fs fields) names() []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.name
	}
	return names
}

// String lists the names.
func (fs fields) String() string { return strings.Join(fs.names(), ", ") }
