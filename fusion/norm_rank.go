package fusion

// Rank maps the document at rank r of n to 1-(r-1)/n: the scores do not count.
// Documents with equal scores get different values, in list order.
type Rank struct{}

// Fit returns the map of ranks.
func (Rank) Fit(l List) (Map, error) {
	return point(func(p [3]float64, rank int, _ float64) float64 { return 1 - float64(rank-1)/p[1] }, 0, float64(max(1, l.Len())), 0), nil
}

// String returns the specification.
func (n Rank) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Rank) EndsAtOne() bool { return true }

// BordaScore maps the document at rank r to 1-(r-1)/c with the number c of
// documents in all lists together, and gives every document that the list does
// not hold ½-(n-1)/(2c): the mean of what is left (ranx's borda norm). It fills
// lists, so no document is missing from any, whatever the policy.
type BordaScore struct{}

// Fit returns the map for a list that is the only one.
func (n BordaScore) Fit(l List) (Map, error) { return n.fitUnion(l, max(1, l.Len())) }

func (BordaScore) fitUnion(l List, union int) (Map, error) {
	c := float64(union)
	m := point(func(p [3]float64, rank int, _ float64) float64 { return 1 - float64(rank-1)/p[1] }, 0, c, 0)
	m.absent, m.filled = 0.5-float64(l.Len()-1)/(2*c), true
	return m, nil
}

// String returns the specification.
func (n BordaScore) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (BordaScore) EndsAtOne() bool { return true }

// unionNormaliser is a normaliser that must know how many documents there are in
// all lists together.
type unionNormaliser interface {
	fitUnion(l List, union int) (Map, error)
}
