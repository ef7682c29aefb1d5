package config

import (
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
		return "number: write digits, such as 0.5"
	}
	return "whole number: write digits, such as 10"
}
