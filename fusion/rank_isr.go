package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// ISR is Σ 1/r², times the number of lists that hold the document (Mourão,
// Martins and Magalhães 2015). It looks at ranks only.
type ISR struct {
	// Ranks says which rank documents of equal score get.
	Ranks   Ranks `spec:"ranks"`
	Options Options
}

func (f ISR) rankwise() rankwise {
	return rankwise{value: inverseSquare, table: squareTable, ranks: f.Ranks, options: f.Options, scheme: scheme{finish: timesCount}}
}

func inverseSquare(_, rank float64) float64 { return 1 / float64(rank*rank) }

// Fuse combines the rankings; see pipeline.Fuser.
func (f ISR) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f ISR) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f ISR) String() string { return specOf(f) }

func (f ISR) check() error            { return f.rankwise().check() }
func (f ISR) plan(w *Workspace) error { return f.rankwise().plan(w) }
func (f ISR) facts(scales []pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: f.rankwise().maximum(len(scales))}
}

// LogISR is Σ 1/r², times the natural logarithm of the number of lists that hold
// the document (Mourão, Martins and Magalhães 2015). A document that one list
// holds gets 0.
//
// Sigma is added to the number before the logarithm is taken: ranx's logn_isr
// has 0.01, polyfuse's log-ISR has 1.
type LogISR struct {
	// Sigma is in [0, 1].
	Sigma float64 `spec:"sigma"`
	// Ranks says which rank documents of equal score get.
	Ranks   Ranks `spec:"ranks"`
	Options Options
}

func (f LogISR) rankwise() rankwise {
	return rankwise{value: inverseSquare, table: squareTable, ranks: f.Ranks, options: f.Options, scheme: scheme{finish: timesLog, param: f.Sigma}}
}

func (f LogISR) checkSigma() error {
	if !(f.Sigma >= 0 && f.Sigma <= 1) {
		return fmt.Errorf("%w: sigma is %v: it must lie in [0, 1]", ErrConfig, f.Sigma)
	}
	return nil
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f LogISR) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f LogISR) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f LogISR) String() string { return specOf(f) }

func (f LogISR) check() error            { return firstError(f.checkSigma(), f.rankwise().check()) }
func (f LogISR) plan(w *Workspace) error { return f.rankwise().plan(w) }
func (f LogISR) facts(scales []pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: f.rankwise().maximum(len(scales))}
}
