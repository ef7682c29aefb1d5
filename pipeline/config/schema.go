package config

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Schema returns a JSON Schema (draft 2020-12) of the files that these kinds
// allow, for editors that complete and check YAML and JSON. It describes a file;
// Load is stricter.
func Schema(kinds ...kind.Kind) ([]byte, error) {
	all := append(builtin(), kinds...)
	slices.SortFunc(all, func(a, b kind.Kind) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	s := schema{kinds: all, defs: map[string]any{}}
	root := s.of(reflect.TypeFor[pipeline.Retriever]())
	return json.MarshalIndent(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Cascade pipeline",
		"$ref": root["$ref"], "$defs": s.defs,
	}, "", "  ")
}

type schema struct {
	kinds []kind.Kind
	defs  map[string]any
}

// of is the schema of one setting.
func (s *schema) of(t reflect.Type) map[string]any {
	fromEnv := map[string]any{
		"type": "object", "properties": map[string]any{"env": map[string]any{"type": "string"}},
		"required": []string{"env"}, "additionalProperties": false,
	}
	switch {
	case t == secretType:
		return fromEnv
	case t == durationType:
		return map[string]any{"type": "string", "pattern": `^[0-9.]+(ns|us|ms|s|m|h)`}
	case t == filterType:
		return map[string]any{"type": "object", "description": "a filter, see pipeline.ParseFilter"}
	case t.Kind() == reflect.Interface:
		return s.part(t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.settings(t)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, fromEnv}}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "integer"}
}

// part is the schema of every kind that builds the type, defined once.
func (s *schema) part(t reflect.Type) map[string]any {
	name := roleName(t)
	ref := map[string]any{"$ref": "#/$defs/" + name}
	if _, done := s.defs[name]; done {
		return ref
	}
	s.defs[name] = nil // the definition may name itself
	var choices []any
	for _, k := range s.kinds {
		if !k.Part().AssignableTo(t) {
			continue
		}
		choices = append(choices, map[string]any{
			"type": "object", "description": k.Doc(), "additionalProperties": false, "required": []string{k.Name()},
			"properties": map[string]any{k.Name(): s.choice(k)},
		}, map[string]any{"const": k.Name(), "description": k.Doc()})
	}
	if t == fuserType {
		choices = append(choices, map[string]any{"type": "string", "description": "a fuser, see fusion.Parse"})
	}
	s.defs[name] = map[string]any{"anyOf": choices}
	return ref
}

// choice is the schema of a kind's settings, or of the value that may stand alone.
func (s *schema) choice(k kind.Kind) map[string]any {
	settings := s.settings(k.Settings())
	if alone, ok := fieldsOf(k.Settings()).alone(); ok {
		return map[string]any{"anyOf": []any{settings, s.of(alone.kind)}}
	}
	return settings
}

func (s *schema) settings(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range fieldsOf(t) {
		one := s.of(f.kind)
		if f.doc != "" {
			one = map[string]any{"description": f.doc, "allOf": []any{one}}
		}
		properties[f.name] = one
		if f.required {
			required = append(required, f.name)
		}
	}
	out := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}
