package fusion

// column is what a method makes of one list.
type column struct {
	normalised   []float64
	contribution []float64
	weight       float64
	absent       absence
	a, b         []float64 // memory behind the two
}

// absence is what a list adds for a document that it does not hold.
type absence struct {
	given      bool // whether it adds anything
	counts     bool // whether the document then counts as held
	score      float64
	normalised float64
	add        float64
}

// silent reports whether the list gives the same to all of its documents, so that
// its lowest score says nothing of those that it does not hold: a list of one
// hit, or of equal scores. What it lifts is that it holds a document at all, so
// no policy may give the others as much.
func (col *column) silent() bool {
	for _, v := range col.normalised {
		if v != col.normalised[0] {
			return false
		}
	}
	return len(col.normalised) > 0
}

// contribute weighs the normalised scores.
func (col *column) contribute() {
	if col.weight == 1 {
		col.contribution = col.normalised
		return
	}
	col.contribution = buffer(&col.b, len(col.normalised))
	weight := col.weight
	for i, v := range col.normalised {
		col.contribution[i] = float64(weight * v)
	}
}

// contribute32 weighs in float32.
func (col *column) contribute32() {
	col.contribution = buffer(&col.b, len(col.normalised))
	weight := float32(col.weight)
	for i, v := range col.normalised {
		col.contribution[i] = float64(weight * float32(v))
	}
}
