package qdrant

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/pipeline"
)

// Leg is one query of a retriever. Exactly one of Dense, Sparse, Multi, Inference,
// Native and Fusion says what is asked.
type Leg struct {
	// Name is the leg's name in marks and gaps, unique within the retriever.
	// Empty means the retriever's name, a slash, and Using, or "dense", "sparse",
	// "multi", "native" or "fusion" where Using is empty.
	Name string
	// Using names the vector that is searched; empty means the default vector.
	Using string
	// Dense, Sparse and Multi encode the query's text.
	Dense  Embedder
	Sparse SparseFunc
	Multi  MultiFunc
	// Inference lets the server encode the query's text, with the settings that the
	// documents' vector was made with.
	Inference *Inference
	// Native makes any other query of the Query API: a formula, recommendation, MMR. Scale must be set with it. The order of MMR,
	// order_by and a sample is not that of their scores: with Scale RankOnly the
	// server's order is kept, any other scale is refused for them. A nil query with a
	// nil error asks nothing and brings nothing.
	Native func(ctx context.Context, q pipeline.Query) (*api.Query, error)
	// Fusion fuses the Prefetch legs in the server.
	Fusion *ServerFusion
	// Prefetch are legs that the server asks first; this leg then reorders what
	// they found. So a multi-vector leg can rescore the hits of a dense one.
	Prefetch []Leg
	// Limit is how many points the leg brings to what fuses or reorders them; 0
	// means Options.Limit, but at least 100, so that the head of a fused list does
	// not depend on how much of it is asked for. It is always sent. For the only
	// leg of a retriever Options.Limit holds.
	Limit int
	// Threshold, if set, drops the leg's hits below it in the server. It is on
	// the leg's scale.
	Threshold *float64
	// Filter holds for this leg beside the others, see Filter.
	Filter any
	// Params tune the index.
	Params *api.SearchParams
	// Scale says what the leg's scores mean. Unknown means: Dot for Sparse, Fused
	// for Fusion, and for Dense and Multi what the collection's metric says,
	// which is asked once from a client that is an Inspector. Cosine and Dot are
	// themselves, Euclid and Manhattan are Distance, sums over several vectors
	// are Unbounded. Distance says that the server's scores are distances: they
	// are negated, so that higher is better as everywhere.
	Scale pipeline.Scale
}

// settings describes what a leg asks.
func (l *Leg) settings() []pipeline.Setting {
	s := []pipeline.Setting{{Name: "query", Value: l.text()}}
	if l.Threshold != nil {
		s = append(s, pipeline.Setting{Name: "threshold", Value: strconv.FormatFloat(*l.Threshold, 'g', -1, 64)})
	}
	return s
}

// text writes a leg as one would say it: "dense(title) over [sparse(terms):200]".
func (l *Leg) text() string {
	what := l.kind()
	if l.Fusion != nil {
		what = l.Fusion.text()
	}
	if l.Using != "" {
		what += "(" + l.Using + ")"
	}
	if len(l.Prefetch) == 0 {
		return what
	}
	parts := make([]string, len(l.Prefetch))
	for i := range l.Prefetch {
		parts[i] = l.Prefetch[i].text() + ":" + strconv.Itoa(l.Prefetch[i].Limit)
	}
	return what + " over [" + strings.Join(parts, ", ") + "]"
}

// max is the highest score that a fused leg can give out: first in every list.
// 0 states nothing. DBSF has no useful bound.
func (l *Leg) max() float64 {
	if l.Fusion == nil || l.Fusion.Method != RRF {
		return 0
	}
	var sum float64
	for i := range l.Prefetch {
		w := 1.0
		if l.Fusion.Weights != nil {
			w = l.Fusion.Weights[i]
		}
		sum += 1 / (1/w + float64(l.Fusion.k()) - 1)
	}
	return sum
}

func (l *Leg) check() error {
	kinds := 0
	for _, set := range []bool{l.Dense != nil, l.Sparse != nil, l.Multi != nil, l.Inference != nil, l.Native != nil, l.Fusion != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fmt.Errorf("%d of Dense, Sparse, Multi, Inference, Native and Fusion are set: set exactly one", kinds)
	case l.Limit < 0:
		return fmt.Errorf("Limit is %d: it must be at least 1, or 0 for the default", l.Limit)
	case l.Fusion != nil && l.Using != "":
		return errors.New("Using names a vector, but a fusion searches none: set it on the Prefetch legs")
	case l.Fusion != nil && len(l.Prefetch) == 0:
		return errors.New("Fusion without Prefetch has nothing to fuse: give it at least one leg in Prefetch")
	case l.Native != nil && l.Scale == pipeline.Unknown:
		return errors.New("Scale must be set with Native: nobody else knows what its scores mean")
	}
	if err := checkThreshold(l.Threshold); err != nil {
		return err
	}
	if l.Inference != nil {
		return l.Inference.check()
	}
	if l.Fusion != nil {
		return l.Fusion.check(len(l.Prefetch))
	}
	return nil
}

// label is the part of the leg's default name after the slash.
func (l *Leg) label() string {
	if l.Using != "" {
		return l.Using
	}
	return l.kind()
}

func (l *Leg) kind() string {
	switch {
	case l.Dense != nil:
		return "dense"
	case l.Sparse != nil:
		return "sparse"
	case l.Multi != nil:
		return "multi"
	case l.Inference != nil:
		return "inference"
	case l.Native != nil:
		return "native"
	}
	return "fusion"
}

// declared is the scale as far as it is known without asking the server.
func (l *Leg) declared() pipeline.Scale {
	switch {
	case l.Scale != pipeline.Unknown:
		return l.Scale
	case l.Fusion != nil:
		return pipeline.Fused
	case l.Sparse != nil:
		return pipeline.Dot
	}
	return pipeline.Unknown
}
