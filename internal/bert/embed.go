package bert

import (
	"context"
	"errors"
	"math"
	"sync"
)

// batchTokens is the number of tokens from which on a batch takes no further
// text: enough that reading the weights does not count, and few enough that a
// query does not wait long behind a batch of documents.
const batchTokens = 192

// ErrNotFinite says that the weights give a number that is not finite.
var ErrNotFinite = errors.New("bert: the model gives a number that is not finite")

// ErrNoHead says that the model has no sequence classification head.
var ErrNoHead = errors.New("bert: the model has no sequence classification head, so it cannot score pairs")

// job is what several workers do together.
type job struct {
	items  int
	add    func(w *worker, i int)
	finish func(w *worker) error // with the lock held

	mu   sync.Mutex // guards what follows
	next int
	err  error
}

// work takes batches until there is nothing left. Between batches it gives its
// worker back, so that calls take turns.
func (j *job) work(ctx context.Context, m *Model) {
	for j.pending() {
		if err := j.turn(ctx, m); err != nil {
			j.fail(err)
			return
		}
	}
}

// turn computes one batch. Whatever happens, the worker is given back.
func (j *job) turn(ctx context.Context, m *Model) error {
	w, err := m.worker(ctx)
	if err != nil {
		return err
	}
	defer func() { m.idle <- w }()
	return j.batch(ctx, w)
}

// batch fills the worker and computes what it holds.
func (j *job) batch(ctx context.Context, w *worker) error {
	w.begin(ctx.Done())
	for len(w.tokens) < batchTokens && !w.stopped() {
		i, ok := j.take()
		if !ok {
			break
		}
		j.add(w, i)
	}
	if len(w.sequences) == 0 {
		return context.Cause(ctx)
	}
	if !w.states() {
		return context.Cause(ctx)
	}
	w.stop = nil // what is computed is handed over
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.finish(w)
}

func (j *job) pending() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err == nil && j.next < j.items
}

// take returns the number of the next text.
func (j *job) take() (i int, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil || j.next == j.items {
		return 0, false
	}
	j.next++
	return j.next - 1, true
}

// fail notes the first error.
func (j *job) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = err
	}
}

// euclid is the Euclidean length, computed in double precision.
func euclid(vector []float32) float64 {
	var s float64
	for _, v := range vector {
		s += float64(float64(v) * float64(v))
	}
	return math.Sqrt(s)
}
