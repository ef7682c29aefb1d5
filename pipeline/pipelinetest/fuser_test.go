package pipelinetest_test

import (
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

// firstList is the simplest fuser: the first list that has hits.
type firstList struct{}

func (firstList) Describe() pipeline.Node {
	return pipeline.Node{Name: "first list", Facts: pipeline.Facts{Role: pipeline.RoleFuse}}
}

func (firstList) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	for _, in := range inputs {
		if len(in.Hits) > 0 {
			return pipeline.Merge(inputs, in.Scale, in.Hits), nil
		}
	}
	return pipeline.Merge(inputs, pipeline.Unknown, nil), nil
}

func TestFuserSuite(t *testing.T) {
	pipelinetest.Fuser(t, firstList{}, pipelinetest.FuserOptions{Drops: true})
}
