package qdrant

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// scales knows what the scores of each leg mean. The collection is asked once a
// minute: its metric cannot change, but its name may be an alias that is moved to
// another collection.
type scales struct {
	inspector  Inspector
	collection string
	params     atomic.Pointer[lookedUp]
}

// lookedUp are the vectors of a collection, and when they were read.
type lookedUp struct {
	vectors map[string]*api.VectorParams
	at      time.Time
}

const scalesAge = time.Minute

func newScales(client Client, collection string) *scales {
	inspector, _ := client.(Inspector)
	return &scales{inspector: inspector, collection: collection}
}

// check refuses a leg whose scale nobody can tell: a distance taken for a
// similarity would turn the ranking upside down.
func (s *scales) check(l *Leg) error {
	if l.declared() == pipeline.Unknown && s.inspector == nil {
		return fmt.Errorf("leg %q: the client cannot tell the metric of the collection: set Scale", l.Name)
	}
	return forbidDistances(l)
}

// of returns the scale of a leg's scores.
func (s *scales) of(ctx context.Context, l *Leg) (pipeline.Scale, error) {
	if declared := l.declared(); declared != pipeline.Unknown {
		return declared, nil
	}
	vectors, err := s.vectors(ctx)
	if err != nil {
		return pipeline.Unknown, err
	}
	params, ok := vectors[l.Using]
	if !ok && l.Inference != nil {
		return pipeline.Dot, nil // a sparse vector
	}
	if !ok {
		return pipeline.Unknown, &Error{Kind: KindInvalid, Op: "read collection",
			Message: fmt.Sprintf("collection %q has no dense vector named %q", s.collection, l.Using)}
	}
	return scaleOf(params)
}

// known is the scale if it is declared or was looked up before, else Unknown.
func (s *scales) known(l *Leg) pipeline.Scale {
	if declared := l.declared(); declared != pipeline.Unknown {
		return declared
	}
	if known := s.params.Load(); known != nil && known.vectors[l.Using] != nil {
		scale, _ := scaleOf(known.vectors[l.Using])
		return scale
	}
	return pipeline.Unknown
}

func scaleOf(p *api.VectorParams) (pipeline.Scale, error) {
	switch p.GetDistance() {
	case api.Distance_Euclid, api.Distance_Manhattan:
		return pipeline.Distance, nil
	case api.Distance_Cosine, api.Distance_Dot:
		if p.GetMultivectorConfig() != nil {
			return pipeline.Unbounded, nil // MaxSim adds over the query's vectors
		}
		if p.GetDistance() == api.Distance_Cosine {
			return pipeline.Cosine, nil
		}
		return pipeline.Dot, nil
	}
	return pipeline.Unknown, &Error{Kind: KindBadAnswer, Op: "read collection",
		Message: fmt.Sprintf("metric %v is not known: set Scale", p.GetDistance())}
}

// vectors asks again what is older than a minute. A server that cannot be asked
// leaves what was known.
func (s *scales) vectors(ctx context.Context) (map[string]*api.VectorParams, error) {
	known := s.params.Load()
	if known != nil && time.Since(known.at) < scalesAge {
		return known.vectors, nil
	}
	if known != nil && !s.params.CompareAndSwap(known, &lookedUp{known.vectors, time.Now()}) {
		return known.vectors, nil // another query asks
	}
	info, err := s.inspector.GetCollectionInfo(ctx, s.collection)
	switch {
	case err == nil:
		known = &lookedUp{denseVectors(info), time.Now()}
		s.params.Store(known)
	case known == nil:
		return nil, mapError(ctx, "read collection", err)
	}
	return known.vectors, nil
}

// denseVectors returns the collection's dense and multi vectors by name; the
// default vector's name is empty.
func denseVectors(info *api.CollectionInfo) map[string]*api.VectorParams {
	found := map[string]*api.VectorParams{}
	config := info.GetConfig().GetParams().GetVectorsConfig()
	if p := config.GetParams(); p != nil {
		found[""] = p
	}
	for name, p := range config.GetParamsMap().GetMap() {
		found[name] = p
	}
	return found
}

var errDistances = errors.New("DBSF adds scores as if higher were better, but this leg's are distances: use RRF, or a Fuser")

// forbidDistances refuses DBSF over a leg that declares distances. Legs that
// declare nothing are looked up before the first call.
func forbidDistances(l *Leg) error {
	for i := range l.Prefetch {
		p := &l.Prefetch[i]
		if l.Fusion != nil && l.Fusion.Method == DBSF && p.declared() == pipeline.Distance {
			return fmt.Errorf("leg %q: %w", p.Name, errDistances)
		}
		if err := forbidDistances(p); err != nil {
			return err
		}
	}
	return nil
}

// slack is how far rounding in float32 may carry a cosine beyond 1.
const slack = 1e-3

// onScale returns the point's score on its scale: higher is better, finite, and
// within the scale's bounds.
func onScale(scale pipeline.Scale, p *api.ScoredPoint) (float64, error) {
	if scale == pipeline.RankOnly {
		return 0, nil // the position counts, see rank
	}
	score := float64(p.GetScore())
	id, _ := pointText(p.GetId())
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return 0, badAnswer("read point", "point %s has score %v", id, score)
	}
	if scale == pipeline.Distance {
		score = 0 - score // not -score, which would make a negative zero
	}
	low, high := scale.Bounds()
	if score < low-slack || score > high+slack {
		return 0, badAnswer("read point", "point %s has score %v, which is no %v: the collection has another metric than Scale says", id, p.GetScore(), scale)
	}
	return min(max(score, low), high), nil
}

// toServer turns a threshold on a scale into the number that is sent.
func toServer(scale pipeline.Scale, threshold *float64) *float32 {
	if threshold == nil {
		return nil
	}
	t := float32(*threshold)
	if scale == pipeline.Distance {
		t = 0 - t
	}
	return &t
}
