// Package formula lets Qdrant compute a fusion.Formula: a formula over legs,
// metadata and age becomes the expression of a leg, so that the server rescores what
// the legs found, in one call, and cuts the list afterwards.
//
//	f, err := fusion.ParseFormula(".7*raw(title) + .3*decay(age, 30d)", fusion.FormulaOptions{Now: now})
//	leg, err := formula.Leg(f,
//		qdrant.Leg{Name: "title", Using: "title", Dense: embedder, Scale: pipeline.Cosine})
//	articles, err := qdrant.New(client, "articles", nil, qdrant.Options{Legs: []qdrant.Leg{leg}})
//
// The scores are those of the formula here, in float32: what is missing is missing
// there as well. What the server cannot compute is an *Error that names the term:
// ranks, normalised scores, marks of earlier stages, and a score that a document may
// not have inside of anything but sums and products.
package formula
