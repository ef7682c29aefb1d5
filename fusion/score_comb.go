package fusion

import "github.com/rankcascade/cascade/pipeline"

// CombSUM is Σ norm(s) (Fox and Shaw 1993).
type CombSUM struct {
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombSUM) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombSUM) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombSUM) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombSUM) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombSUM) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombSUM) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombSUM) check() error                                 { return f.scoring().check() }
func (f CombSUM) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombSUM) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

// CombMNZ is Σ norm(s), times the number of lists that hold the document (Fox and
// Shaw 1993). Negative sums get more negative with every list.
type CombMNZ struct {
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombMNZ) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, scheme: scheme{finish: timesCount}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombMNZ) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombMNZ) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombMNZ) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombMNZ) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombMNZ) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombMNZ) check() error                                 { return f.scoring().check() }
func (f CombMNZ) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombMNZ) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

// CombANZ is the mean of norm(s) over the lists that hold the document (Fox and
// Shaw 1993).
type CombANZ struct {
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is to leave the list out.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombANZ) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, scheme: scheme{finish: overCount}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombANZ) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombANZ) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombANZ) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombANZ) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombANZ) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombANZ) check() error                                 { return f.scoring().check() }
func (f CombANZ) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombANZ) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }
