package tune

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/stats"
)

// Setting is one point of a Space, measured.
type Setting struct {
	// Name says what the setting is; it is what a report prints.
	Name string
	// Numbers are its parameters, to show how far choices spread and where the
	// middle of equally good ones lies; every setting of a space has as many.
	Numbers []float64
	// Values has the value of each topic, in the order of the topics.
	Values []float64
}

// Space offers settings of anything: the depth of a rerank, a threshold, k1 and b,
// the lambda of a diversity, the size of passages. A program makes its own.
type Space interface {
	// Settings measures every setting on the topics. The first is the default.
	Settings(ctx context.Context, topics []string) ([]Setting, error)
}

// SpaceFunc is a function that is a Space.
type SpaceFunc func(ctx context.Context, topics []string) ([]Setting, error)

// Settings implements Space.
func (f SpaceFunc) Settings(ctx context.Context, topics []string) ([]Setting, error) {
	return f(ctx, topics)
}

// Trial says on what a setting is chosen. Topics is required.
type Trial struct {
	// Measure names what is raised, for the report.
	Measure string
	// Topics are the ids of the judged topics.
	Topics []string
	// Folds is the number of parts of the cross-validation; 0 means 5.
	Folds int
	// Groups names a group for topics that belong together, such as paraphrases:
	// they stay in one fold, and count as one in every test. A topic without a group
	// is its own.
	Groups map[string]string
	// Sampling seeds the folds, the tests and the interval.
	Sampling stats.Sampling
}

// Choose chooses a setting of the space and says what the choice is worth, as Tune
// does for fusions: each topic is measured with the setting that other topics
// chose (a nested cross-validation, for the choice is made anew in every fold).
func Choose(ctx context.Context, t Trial, s Space) (*Report, error) {
	if len(t.Topics) == 0 {
		return nil, errors.New("tune: choose: no topics")
	}
	settings, err := s.Settings(ctx, t.Topics)
	if err != nil {
		return nil, fmt.Errorf("tune: choose: %w", err)
	}
	if err := checkSettings(settings, len(t.Topics)); err != nil {
		return nil, fmt.Errorf("tune: choose: %w", err)
	}
	return examine(t, finite{settings}, nil)
}

func checkSettings(settings []Setting, topics int) error {
	if len(settings) < 2 {
		return fmt.Errorf("the space has %s: a choice has at least two", wording.Count(len(settings), "setting"))
	}
	names := map[string]bool{}
	for i, s := range settings {
		switch {
		case s.Name == "" || names[s.Name]:
			return fmt.Errorf("setting %d has the name %q: each needs one of its own", i+1, s.Name)
		case len(s.Values) != topics:
			return fmt.Errorf("setting %s has %d values of %d topics", s.Name, len(s.Values), topics)
		case len(s.Numbers) != len(settings[0].Numbers):
			return fmt.Errorf("setting %s has %d parameters, the default has %d", s.Name, len(s.Numbers), len(settings[0].Numbers))
		}
		names[s.Name] = true
		for _, v := range s.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("setting %s has a value of %v", s.Name, v)
			}
		}
	}
	return nil
}

// chooser measures the settings of a space.
type chooser interface {
	// standard returns the default setting.
	standard() setting
	// best returns the setting to take for the given topics, among equals the
	// centre.
	best(topics []int) setting
	// sample returns settings that stand for the space, the default first.
	sample() []setting
}

// setting is one point of a space.
type setting struct {
	name string
	// numbers are the parameters, to show how far choices spread.
	numbers []float64
	values  func(topic int) float64
}

func (s setting) mean(topics []int) float64 {
	sum := 0.0
	for _, t := range topics {
		sum += s.values(t)
	}
	return sum / float64(len(topics))
}

// finite is a space whose settings are all measured, the default first.
type finite struct{ settings []Setting }

func (f finite) setting(i int) setting {
	s := f.settings[i]
	return setting{s.Name, s.Numbers, func(topic int) float64 { return s.Values[topic] }}
}

func (f finite) standard() setting { return f.setting(0) }

func (f finite) sample() []setting {
	out := make([]setting, len(f.settings))
	for i := range out {
		out[i] = f.setting(i)
	}
	return out
}

// best finds the highest mean, and among settings that share it the one that is
// nearest to their middle.
func (f finite) best(topics []int) setting {
	highest, plateau := math.Inf(-1), []int(nil)
	for i := range f.settings {
		mean := f.setting(i).mean(topics)
		switch {
		case mean > highest+1e-12:
			highest, plateau = mean, []int{i}
		case mean >= highest-1e-12:
			plateau = append(plateau, i)
		}
	}
	middle := make([]float64, len(f.settings[0].Numbers))
	for _, i := range plateau {
		for j, v := range f.settings[i].Numbers {
			middle[j] += v / float64(len(plateau))
		}
	}
	nearest, least := plateau[0], math.Inf(1)
	for _, i := range plateau {
		distance := 0.0
		for j, v := range f.settings[i].Numbers {
			distance += (v - middle[j]) * (v - middle[j])
		}
		if distance < least {
			nearest, least = i, distance
		}
	}
	return f.setting(nearest)
}
