package report

import (
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/benchmarks/experiment"
)

// check finds lists that do not fit together: a result may come from a file.
func check(r *experiment.Result) error {
	if r == nil {
		return errors.New("it is nil")
	}
	measures, topics := len(r.Measures), len(r.Topics)
	switch {
	case measures == 0 || topics == 0 || len(r.Systems) == 0:
		return fmt.Errorf("%d measures, %d topics and %d systems: nothing to show", measures, topics, len(r.Systems))
	case r.Systems[0].Name != r.Baseline:
		return fmt.Errorf("the first system %q is not the baseline %q", r.Systems[0].Name, r.Baseline)
	}
	names := map[string]bool{}
	for _, s := range r.Systems {
		if names[s.Name] {
			return fmt.Errorf("two systems have the name %q", s.Name)
		}
		names[s.Name] = true
		if err := checkSystem(s, measures, topics); err != nil {
			return fmt.Errorf("system %q: %w", s.Name, err)
		}
	}
	known := map[string]bool{}
	for _, m := range r.Measures {
		known[m] = true
	}
	for _, c := range r.Comparisons {
		if !names[c.System] || !known[c.Measure] {
			return fmt.Errorf("a comparison of %q on %q, which the result does not have", c.System, c.Measure)
		}
	}
	return nil
}

func checkSystem(s experiment.System, measures, topics int) error {
	if len(s.Values) != measures || len(s.Means) != measures {
		return fmt.Errorf("values of %d and means of %d measures, of %d", len(s.Values), len(s.Means), measures)
	}
	if len(s.Unjudged) != measures || (len(s.BelowInput) != 0 && len(s.BelowInput) != measures) || (len(s.Spread) != 0 && len(s.Spread) != measures) {
		return fmt.Errorf("unjudged shares of %d, inputs of %d and spreads of %d measures, of %d", len(s.Unjudged), len(s.BelowInput), len(s.Spread), measures)
	}
	for _, values := range s.Values {
		if len(values) != topics {
			return fmt.Errorf("%d values of %d topics", len(values), topics)
		}
	}
	for _, stage := range s.Stages {
		if len(stage.Means) != measures {
			return fmt.Errorf("stage %q: means of %d measures, of %d", stage.Name, len(stage.Means), measures)
		}
		if n := len(stage.Rankings); n != 0 && n != topics {
			return fmt.Errorf("stage %q: %d rankings of %d topics", stage.Name, n, topics)
		}
		for _, in := range stage.Inputs {
			if len(in.Means) != measures {
				return fmt.Errorf("stage %q: input %q: means of %d measures, of %d", stage.Name, in.Name, len(in.Means), measures)
			}
			if n := len(in.Rankings); n != 0 && n != topics {
				return fmt.Errorf("stage %q: input %q: %d rankings of %d topics", stage.Name, in.Name, n, topics)
			}
		}
	}
	return nil
}
