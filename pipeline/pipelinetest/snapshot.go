package pipelinetest

import (
	"maps"
	"reflect"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// guarded is a ranking whose every array has spare capacity with known contents,
// so that an append to it is seen like any other write.
type guarded struct {
	ranking pipeline.Ranking
	before  copied
}

func watchWrites(r pipeline.Ranking) guarded {
	r.Hits = spare(r.Hits, pipeline.Hit{Document: pipeline.Document{ID: "spare capacity"}})
	r.Gaps = spare(r.Gaps, pipeline.Gap{Stage: "spare capacity"})
	return guarded{ranking: r, before: deepCopy(r)}
}

func spare[T any](s []T, filler T) []T {
	out := make([]T, len(s)+2)
	copy(out, s)
	out[len(s)], out[len(s)+1] = filler, filler
	return out[:len(s)]
}

// written reports whether anything of the ranking has changed.
func (g guarded) written() bool { return !reflect.DeepEqual(deepCopy(g.ranking), g.before) }

// copied is a ranking and what the marks of its hits say, one after the other.
type copied struct {
	ranking pipeline.Ranking
	marks   []pipeline.Mark
}

// deepCopy copies everything that a stage could write to, up to the capacity of
// every array. The copies are as long as the capacity.
func deepCopy(r pipeline.Ranking) copied {
	r.Hits = slices.Clone(r.Hits[:cap(r.Hits)])
	var marks []pipeline.Mark
	for i, h := range r.Hits {
		r.Hits[i].Document.Metadata = maps.Clone(h.Document.Metadata)
		marks = append(marks, h.Marks()...)
		r.Hits[i].Trail = pipeline.Trail{}
	}
	for i, m := range marks {
		if d := m.Derivation(); d != nil {
			marks[i].Deriver = copyDerivation(d)
		}
	}
	r.Gaps = slices.Clone(r.Gaps[:cap(r.Gaps)])
	for i, g := range r.Gaps {
		r.Gaps[i].IDs = slices.Clone(g.IDs[:cap(g.IDs)])
	}
	return copied{r, marks}
}

func copyDerivation(d *pipeline.Derivation) *pipeline.Derivation {
	c := *d
	c.Terms = slices.Clone(d.Terms)
	return &c
}
