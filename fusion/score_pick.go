package fusion

import "github.com/rankcascade/cascade/pipeline"

// CombMAX is the largest norm(s) (Fox and Shaw 1993).
type CombMAX struct {
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is to leave the list out.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombMAX) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, scheme: scheme{rule: pipeline.Max}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombMAX) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombMAX) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombMAX) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombMAX) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombMAX) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombMAX) check() error                                 { return f.scoring().check() }
func (f CombMAX) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombMAX) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

// CombMIN is the smallest norm(s) over the lists that hold the document (Fox and
// Shaw 1993, ranx, trectools). With MissingZero a document that one list does not
// hold gets 0.
type CombMIN struct {
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is to leave the list out.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombMIN) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, scheme: scheme{rule: pipeline.Min}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombMIN) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombMIN) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombMIN) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombMIN) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombMIN) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombMIN) check() error                                 { return f.scoring().check() }
func (f CombMIN) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombMIN) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

// CombMED is the median of norm(s) over the lists that hold the document, the mean
// of the middle two where their number is even (Fox and Shaw 1993).
type CombMED struct {
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is to leave the list out.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombMED) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, scheme: scheme{rule: pipeline.Median}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombMED) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombMED) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombMED) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombMED) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombMED) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombMED) check() error                                 { return f.scoring().check() }
func (f CombMED) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombMED) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }
