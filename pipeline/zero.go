package pipeline

import "math"

// Zero stands for the number 0 in settings whose zero value means a default, in this
// module: cut.MMR{Lambda: pipeline.Zero}, bleve.Options{B: pipeline.Zero}. It is the
// smallest positive number, too small to show in any result, so that a sweep may
// begin with it. Whole numbers and times whose zero means a default say nothing of
// it, or none, by a value below 0 where that makes sense.
const Zero = math.SmallestNonzeroFloat64
