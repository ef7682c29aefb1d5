package ltr

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Options sets a stage. The zero value computes the built-in features that the model
// names.
type Options struct {
	// Name is the stage's name in marks and trees; empty means "ltr".
	Name string
	// Features are what the model reads; nil makes them by Parse from the names that
	// the model has. Their names must be those of the model.
	Features []Feature
	// Now is the clock of ages, for Features nil; nil means time.Now.
	Now func() time.Time
}

type stage struct {
	model    *Model
	name     string
	features []Feature // in the order of the model's terms
	err      error
}

// Stage returns a stage that gives every hit the model's score and sorts by it;
// equal scores keep their order. Each hit has a mark whose derivation shows what each
// feature adds. A model that fails Check, features of other names than the model's
// and features that cannot be parsed stand in Describe().Err and are the error of
// every call; so is what a feature returns. The stage is safe for concurrent use and
// does no I/O beyond that of its features.
func Stage(model *Model, o Options) pipeline.Stage {
	s := &stage{model: model, name: o.Name}
	if s.name == "" {
		s.name = "ltr"
	}
	s.err = s.open(o)
	return s
}

func (s *stage) open(o Options) error {
	if s.model == nil {
		return errors.New("ltr: the model is nil: pass one that Read or a learner made")
	}
	if err := s.model.Check(); err != nil {
		return err
	}
	features := o.Features
	if features == nil {
		parsed, err := Parse(o.Now, s.model.Features()...)
		if err != nil {
			return fmt.Errorf("%w; a feature of your own goes into Options.Features", err)
		}
		features = parsed
	}
	if err := CheckFeatures(features); err != nil {
		return err
	}
	at, err := s.model.Match(features)
	if err != nil {
		return err
	}
	for _, i := range at {
		s.features = append(s.features, features[i])
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() pipeline.Node {
	n := pipeline.Node{Name: s.name, Facts: pipeline.Facts{Role: pipeline.RoleRerank}, Err: s.err}
	if s.model == nil {
		return n
	}
	n.Facts.Scale = s.model.Scale()
	n.Settings = []pipeline.Setting{
		{Name: "kind", Value: s.model.Kind},
		{Name: "fingerprint", Value: s.model.Fingerprint()},
		{Name: "features", Value: strings.Join(s.model.Features(), ", ")},
	}
	return n
}

// Apply implements pipeline.Stage.
func (s *stage) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if s.err != nil {
		return pipeline.Ranking{}, s.err
	}
	rows, err := Values(ctx, q, in, s.features)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	hits := make([]pipeline.Hit, len(in.Hits))
	derivations := make(map[string]*pipeline.Derivation, len(in.Hits))
	for i, h := range in.Hits {
		d := s.model.Derive(rows[i])
		v := d.Value()
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return pipeline.Ranking{}, fmt.Errorf("%s: the score of document %q is %v", s.name, h.Document.ID, v)
		}
		h.Score = v
		hits[i] = h
		derivations[h.Document.ID] = d
	}
	pipeline.Sort(hits, nil)
	for i, h := range hits {
		hits[i] = h.Marked(pipeline.Mark{Stage: s.name, Rank: i + 1, Score: h.Score, Scale: s.model.Scale(), Deriver: derivations[h.Document.ID]})
	}
	out := in.Derive(hits)
	out.Scale = s.model.Scale()
	return out, nil
}
