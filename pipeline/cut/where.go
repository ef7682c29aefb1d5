package cut

import (
	"context"
	"errors"

	"github.com/rankcascade/cascade/pipeline"
)

// Where keeps the hits whose documents the function keeps: Predicate{Keep: keep}.
func Where(keep func(pipeline.Document) bool) pipeline.Stage { return Predicate{Keep: keep} }

// Predicate keeps the hits whose documents a function of the caller's keeps, for
// what no filter of a store can say: passages that speak to a model, personal
// data, a licence. It stands before the part that must not see the others. A
// permission belongs into Query.Filter, where no candidate is wasted on what
// nobody may see.
type Predicate struct {
	// Name names the stage in gaps and trees; "" means "where".
	Name string
	// Keep reports whether a document stays. It must be safe for concurrent use and
	// must not write to the document; a panic in it is an error.
	Keep func(pipeline.Document) bool
	// Report makes a Gap with ReasonNotSent of the documents that are left out, so
	// that somebody sees that there were some.
	Report bool
}

var errNoPredicate = errors.New("cut: where: the function that decides is nil: pass one, or leave the stage out")

func (s Predicate) check() error {
	if s.Keep == nil {
		return errNoPredicate
	}
	return nil
}

func (s Predicate) name() string {
	if s.Name == "" {
		return "where"
	}
	return s.Name
}

// Describe implements pipeline.Describer.
func (s Predicate) Describe() pipeline.Node {
	return pipeline.Node{Name: s.name(), Facts: pipeline.Facts{Role: pipeline.RoleCut}, Err: s.check()}
}

// Apply implements pipeline.Stage.
func (s Predicate) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	kept := make([]pipeline.Hit, 0, len(in.Hits))
	var left []string
	for _, h := range in.Hits {
		if s.Keep(h.Document) {
			kept = append(kept, h)
		} else {
			left = append(left, h.Document.ID)
		}
	}
	out := in.Derive(kept)
	if s.Report && left != nil {
		out = out.WithGaps(pipeline.Gap{Stage: s.name(), Reason: pipeline.ReasonNotSent, IDs: left})
	}
	return out, nil
}
