package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[kind.Secret]()
	filterType   = reflect.TypeFor[pipeline.Filter]()
)

// value reads a node into a field.
func (b *builder) value(n *yaml.Node, path string, into reflect.Value) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch t := into.Type(); {
	case t == secretType:
		return b.secret(n, path, into)
	case t == durationType:
		return b.duration(n, path, into)
	case t == filterType:
		return b.filter(n, path, into)
	case t.Kind() == reflect.Interface:
		part, err := b.part(n, path, t)
		if err == nil {
			into.Set(part)
		}
		return err
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return b.value(n, path, into.Elem())
	case reflect.Struct:
		return b.settings(n, path, into)
	case reflect.Slice:
		return b.list(n, path, into)
	case reflect.Map:
		return b.mapping(n, path, into)
	}
	return b.scalar(n, path, into)
}

func (b *builder) secret(n *yaml.Node, path string, into reflect.Value) error {
	text, ok, err := b.env(n, path)
	if err != nil {
		return err
	}
	if !ok {
		return b.fail(n, path, "a secret does not stand in a file: write {env: NAME}, the variable of the environment that holds it")
	}
	into.SetString(text)
	return nil
}

func (b *builder) duration(n *yaml.Node, path string, into reflect.Value) error {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return b.fail(n, path, "%s is no duration: write 800ms, 1.5s or 2m", shown(n))
	}
	into.SetInt(int64(d))
	return nil
}

// filter reads the JSON form of a pipeline.Filter.
func (b *builder) filter(n *yaml.Node, path string, into reflect.Value) error {
	text, err := toJSON(n)
	if err == nil {
		var f pipeline.Filter
		if f, err = pipeline.ParseFilter(text); err == nil {
			into.Set(reflect.ValueOf(f))
			return nil
		}
	}
	e := b.fail(n, path, "%v", err).(*Error)
	e.Err = err
	return e
}

func (b *builder) list(n *yaml.Node, path string, into reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return b.fail(n, path, "%s is no list", shown(n))
	}
	list := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	var errs []error
	for i, e := range n.Content {
		errs = append(errs, b.value(e, fmt.Sprintf("%s[%d]", path, i), list.Index(i)))
	}
	into.Set(list)
	return errors.Join(errs...)
}

func (b *builder) mapping(n *yaml.Node, path string, into reflect.Value) error {
	if n.Kind != yaml.MappingNode {
		return b.fail(n, path, "%s is no mapping", shown(n))
	}
	m := reflect.MakeMap(into.Type())
	var errs []error
	for i := 0; i < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value).Convert(into.Type().Key())
		if m.MapIndex(key).IsValid() {
			errs = append(errs, b.fail(n.Content[i], join(path, n.Content[i].Value), "stands twice"))
			continue
		}
		v := reflect.New(into.Type().Elem()).Elem()
		errs = append(errs, b.value(n.Content[i+1], join(path, n.Content[i].Value), v))
		m.SetMapIndex(key, v)
	}
	into.Set(m)
	return errors.Join(errs...)
}

// scalar reads text, numbers and booleans; text may come from the environment.
func (b *builder) scalar(n *yaml.Node, path string, into reflect.Value) error {
	if into.Kind() == reflect.String {
		return b.text(n, path, into)
	}
	if n.Kind != yaml.ScalarNode {
		return b.fail(n, path, "%s is no %s", shown(n), typeName(into.Kind()))
	}
	wrong := b.fail(n, path, "%s is no %s", shown(n), typeName(into.Kind()))
	switch tag := n.ShortTag(); {
	case into.Kind() == reflect.Bool && tag == "!!bool":
		into.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
		return nil
	case into.CanInt() && tag == "!!int":
		v, err := strconv.ParseInt(n.Value, 0, into.Type().Bits())
		if err != nil {
			return b.fail(n, path, "%s is too large", shown(n))
		}
		into.SetInt(v)
		return nil
	case into.CanUint() && tag == "!!int":
		v, err := strconv.ParseUint(n.Value, 0, into.Type().Bits())
		if err != nil {
			return b.fail(n, path, "%s is negative or too large", shown(n))
		}
		into.SetUint(v)
		return nil
	case into.CanFloat() && (tag == "!!float" || tag == "!!int"):
		v, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return b.fail(n, path, "%s is no finite number", shown(n))
		}
		into.SetFloat(v)
		return nil
	}
	return wrong
}

func (b *builder) text(n *yaml.Node, path string, into reflect.Value) error {
	text, ok, err := b.env(n, path)
	switch {
	case err != nil:
		return err
	case ok:
		into.SetString(text)
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		return b.fail(n, path, "%s is no text", shown(n))
	case n.ShortTag() != "!!str":
		return b.fail(n, path, "%s is no text: put it into quotes", shown(n))
	default:
		into.SetString(n.Value)
	}
	return nil
}

// shown is the node as the file has it, shortened.
func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	text := n.Value
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	return strconv.Quote(text)
}

func typeName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "boolean: write true or false"
	case reflect.Float32, reflect.Float64:
		return "number"
	}
	return "whole number"
}
