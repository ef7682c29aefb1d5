package experiment

import (
	"context"
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// HeldOutFold is a part of a cross-validation: the retriever or stage that the other
// topics chose or taught, for the topics that it holds out, by ID.
type HeldOutFold[P any] struct {
	Part   P
	Topics []string
}

// heldOut knows which part serves a topic.
type heldOut[P any] struct {
	name  string
	folds []HeldOutFold[P]
	at    map[string]int
	err   error
	facts pipeline.Facts
}

func newHeldOut[P any](name string, folds []HeldOutFold[P]) *heldOut[P] {
	h := &heldOut[P]{name: name, folds: folds, at: map[string]int{}}
	if len(folds) == 0 {
		h.err = fmt.Errorf("%s: there are no folds", name)
	}
	for i, f := range folds {
		for _, id := range f.Topics {
			if _, twice := h.at[id]; twice {
				h.err = fmt.Errorf("%s: two folds hold topic %s out", name, id)
			}
			h.at[id] = i
		}
	}
	return h
}

// Describe implements pipeline.Describer.
func (h *heldOut[P]) Describe() pipeline.Node {
	n := pipeline.Node{Name: h.name, Facts: h.facts, Err: h.err}
	for i, f := range h.folds {
		n.Settings = append(n.Settings, pipeline.Setting{Name: fmt.Sprintf("fold %d", i+1), Value: strings.Join(f.Topics, " ")})
		n.Children = append(n.Children, pipeline.Describe(f.Part))
	}
	return n
}

// part returns what serves the topic. One that no fold holds out is an error: a part
// that it may have chosen must not serve it.
func (h *heldOut[P]) part(q pipeline.Query) (P, error) {
	var none P
	if h.err != nil {
		return none, h.err
	}
	i, ok := h.at[q.ID]
	if !ok {
		return none, fmt.Errorf("%s: topic %q is in no fold", h.name, q.ID)
	}
	return h.folds[i].Part, nil
}

type heldOutStage struct {
	*heldOut[pipeline.Stage]
}

// HeldOutStage is a stage that applies to each topic, known by the query's ID, the
// stage of the fold that holds it out. A topic of no fold, or of two, is an error.
func HeldOutStage(name string, folds ...HeldOutFold[pipeline.Stage]) pipeline.Stage {
	return &heldOutStage{newHeldOut(name, folds)}
}

// Apply implements pipeline.Stage.
func (h *heldOutStage) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	part, err := h.part(q)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	return part.Apply(ctx, q, in)
}

type heldOutRetriever struct {
	*heldOut[pipeline.Retriever]
}

// HeldOutRetriever is HeldOutStage for whole pipelines.
func HeldOutRetriever(name string, folds ...HeldOutFold[pipeline.Retriever]) pipeline.Retriever {
	h := &heldOutRetriever{newHeldOut(name, folds)}
	h.facts.Role = pipeline.RoleRetrieve
	return h
}

// Retrieve implements pipeline.Retriever.
func (h *heldOutRetriever) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	part, err := h.part(q)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	return part.Retrieve(ctx, q)
}
