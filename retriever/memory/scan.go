package memory

import (
	"container/heap"
	"context"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

// scan is one query over one snapshot. A row is counted through all segments.
type scan struct {
	*snapshot
	name      string
	quantized bool
	metric    Metric
	limit     int
	keep      func(pipeline.Document) bool
	vector    []float32
	length    float64
	probe     probe
}

func (s *scan) document(row int) *pipeline.Document {
	return &s.segments[row/segmentRows].documents[row%segmentRows]
}

// kept reports whether a row is alive and allowed.
func (s *scan) kept(g *segment, row int) bool {
	return g.alive(row) && (s.keep == nil || s.keep(g.documents[row]))
}

// exact offers the rows of a segment.
func (s *scan) exact(ctx context.Context, found *sieve, i int) {
	g := &s.segments[i]
	for row := range g.documents {
		if row%block == 0 && ctx.Err() != nil {
			return
		}
		if s.kept(g, row) {
			s.rescore(found, i*segmentRows+row)
		}
	}
}

// rescore offers a row with its exact score.
func (s *scan) rescore(found *sieve, row int) {
	g, at := &s.segments[row/segmentRows], row%segmentRows
	score := s.score(g, at)
	found.best.limit = s.limit
	if len(found.best.kept) < s.limit || score >= found.best.kept[0].score {
		found.best.offer(candidate{row, score, g.documents[at].ID})
	}
}

func (s *scan) score(g *segment, row int) float64 {
	v := g.rows[row*s.dimensions : (row+1)*s.dimensions]
	switch s.metric {
	case Dot:
		return float64(dot(s.vector, v))
	case Euclid:
		return -math.Sqrt(float64(squares(s.vector, v)))
	}
	return cosine(dot(s.vector, v), float64(s.length*g.norms[row]))
}

// coarse notes the rows of a segment that may belong into the ranking, by the
// bounds that their codes give.
func (s *scan) coarse(ctx context.Context, found *sieve, i int) {
	g := &s.segments[i]
	for row := range g.documents {
		if row%block == 0 && ctx.Err() != nil {
			return
		}
		product := dotCodes(s.probe.codes, g.codes[row*s.dimensions:(row+1)*s.dimensions])
		low, high := s.probe.bounds(s.metric, product, g.grain[row], g.norms[row])
		// A filter costs more than the codes: it is asked only of what could win.
		if found.hopeless(high, s.limit) || !s.kept(g, row) {
			continue
		}
		found.note(maybe{i*segmentRows + row, high}, low, s.limit)
	}
}

// nearest lets each core take one segment after the other. Which core looks at a
// row changes neither its score nor who wins, so the number of cores does not show
// in the result.
func (s *scan) nearest(ctx context.Context) ([]candidate, error) {
	workers := 1
	if s.live >= parallelFrom {
		workers = min(runtime.GOMAXPROCS(0), len(s.segments))
	}
	rows := s.exact
	if s.quantized {
		s.probe = newProbe(s.vector)
		rows = s.coarse
	}
	found := make([]sieve, workers)
	if err := s.side(ctx, found, len(s.segments), func(found *sieve, i int) { rows(ctx, found, i) }); err != nil {
		return nil, err
	}
	if s.quantized {
		maybe := survivors(found, s.limit)
		found = make([]sieve, workers)
		pieces := (len(maybe) + block - 1) / block
		if err := s.side(ctx, found, pieces, func(found *sieve, i int) {
			for _, m := range maybe[i*block : min(len(maybe), (i+1)*block)] {
				s.rescore(found, m.row)
			}
		}); err != nil {
			return nil, err
		}
	}
	parts := make([]nearest, workers)
	for i := range found {
		parts[i] = found[i].best
	}
	return merge(parts, s.limit), nil
}

// side does the pieces of work side by side, one sieve for each worker.
func (s *scan) side(ctx context.Context, found []sieve, pieces int, work func(*sieve, int)) error {
	var next atomic.Int64
	var wg conc.WaitGroup
	for w := range found {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < pieces && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				work(&found[w], i)
			}
		})
	}
	if p := wg.WaitAndRecover(); p != nil { // the caller's filter may panic
		return &pipeline.PanicError{Part: s.name, Value: p.Value, Stack: p.Stack}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// maybe is a row with a score that it does not exceed.
type maybe struct {
	row  int
	high float64
}

// sieve is what one worker has found: the best rows, or the rows that may be
// among them with the highest scores that are certain.
type sieve struct {
	best    nearest
	certain floats
	maybe   []maybe
}

// hopeless reports whether as many rows as the limit are certainly better.
func (v *sieve) hopeless(high float64, limit int) bool {
	return len(v.certain) == limit && high < v.certain[0]
}

// note keeps a row unless as many others are certainly better.
func (v *sieve) note(m maybe, low float64, limit int) {
	switch {
	case len(v.certain) < limit:
		heap.Push(&v.certain, low)
	case low > v.certain[0]:
		v.certain[0] = low
		heap.Fix(&v.certain, 0)
	}
	if !v.hopeless(m.high, limit) {
		v.maybe = append(v.maybe, m)
	}
}

// survivors returns the rows that no limit others are certainly better than.
func survivors(found []sieve, limit int) []maybe {
	var certain []float64
	n := 0
	for _, v := range found {
		certain = append(certain, v.certain...)
		n += len(v.maybe)
	}
	slices.Sort(certain)
	floor := math.Inf(-1)
	if len(certain) >= limit {
		floor = certain[len(certain)-limit]
	}
	out := make([]maybe, 0, min(n, 16*limit))
	for _, v := range found {
		for _, m := range v.maybe {
			if m.high >= floor {
				out = append(out, m)
			}
		}
	}
	return out
}

// floats is a heap with the lowest number on top.
type floats []float64

// Len implements heap.Interface.
func (f floats) Len() int { return len(f) }

// Less implements heap.Interface.
func (f floats) Less(i, j int) bool { return f[i] < f[j] }

// Swap implements heap.Interface.
func (f floats) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push implements heap.Interface.
func (f *floats) Push(v any) { *f = append(*f, v.(float64)) }

// Pop implements heap.Interface.
func (f *floats) Pop() any { return nil }
