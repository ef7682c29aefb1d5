package otel_test

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/rankcascade/cascade/pipeline"
)

// first is a fuser that returns the first list.
type first struct{}

func (first) Describe() pipeline.Node {
	return pipeline.Node{Name: "first", Facts: pipeline.Facts{Role: pipeline.RoleFuse}}
}

func (first) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return pipeline.Merge(inputs, inputs[0].Scale, inputs[0].Hits), nil
}

// encoder writes attributes as "key=value", in the order of their keys.
type encoder struct{}

func (encoder) ID() attribute.EncoderID { return attribute.EncoderID{} }

func (encoder) Encode(attributes attribute.Iterator) string {
	var parts []string
	for attributes.Next() {
		kv := attributes.Attribute()
		parts = append(parts, string(kv.Key)+"="+kv.Value.Emit())
	}
	return strings.Join(parts, ",")
}
