package learn

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

// Fold is one part of a cross-fit: the model that the trained topics taught, for the
// held ones.
type Fold struct {
	Model         *ltr.Model
	Trained, Held []string
}

// CrossFitted is a set of models of which each topic has one that never saw it.
type CrossFitted struct {
	Folds    []Fold
	features []ltr.Feature
}

// CrossFit deals the topics of the data into folds, and learns a model without each.
// Of the trial it reads Folds, Groups and the seed of Sampling: topics of one group
// stay in one fold. Errors are those of Fit and of dealing.
func CrossFit(d *Data, o Options, t tune.Trial) (*CrossFitted, error) {
	t.Topics = nil
	for _, topic := range d.Topics {
		t.Topics = append(t.Topics, topic.ID)
	}
	slices.Sort(t.Topics)
	folds, err := tune.Deal(t)
	if err != nil {
		return nil, fmt.Errorf("learn: cross-fit: %w", err)
	}
	c := &CrossFitted{features: d.Features}
	for _, held := range folds {
		f := Fold{Held: held}
		train := map[string]bool{}
		for _, id := range t.Topics {
			if !slices.Contains(held, id) {
				f.Trained, train[id] = append(f.Trained, id), true
			}
		}
		if f.Model, err = Fit(d.only(train), o); err != nil {
			return nil, fmt.Errorf("cross-fit: fold %d: %w", len(c.Folds)+1, err)
		}
		c.Folds = append(c.Folds, f)
	}
	return c, nil
}

// Stage ranks each topic, known by its ID, with the model that never saw it. A topic
// that no fold holds is an error. The Features of the options, if set, replace those
// of the data.
func (c *CrossFitted) Stage(o ltr.Options) pipeline.Stage {
	if o.Features == nil {
		o.Features = c.features
	}
	var folds []experiment.HeldOutFold[pipeline.Stage]
	for _, f := range c.Folds {
		folds = append(folds, experiment.HeldOutFold[pipeline.Stage]{Part: ltr.Stage(f.Model, o), Topics: f.Held})
	}
	return experiment.HeldOutStage("cross-fitted ltr", folds...)
}

// Tuning says, for an experiment, which topics taught what.
func (c *CrossFitted) Tuning() experiment.Tuning {
	t := experiment.Tuning{Measure: "the order of judged hits", Default: "nothing is learnt"}
	for _, f := range c.Folds {
		t.Folds = append(t.Folds, experiment.TunedFold{Chosen: "model " + f.Model.Fingerprint(), Trained: f.Trained, Held: f.Held})
	}
	return t
}
