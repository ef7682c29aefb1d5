package bert

import (
	"context"
	"errors"
	"math"
	"sync"

	"github.com/sourcegraph/conc"
)

// batchTokens is the number of tokens from which on a batch takes no further
// text: enough that reading the weights does not count, and few enough that a
// query does not wait long behind a batch of documents.
const batchTokens = 192

// ErrNotFinite says that the weights give a number that is not finite.
var ErrNotFinite = errors.New("bert: the model gives a number that is not finite")

// ErrNoHead says that the model has no sequence classification head.
var ErrNoHead = errors.New("bert: the model has no sequence classification head, so it cannot score pairs")

// Embed computes a vector of each text: the pooled last states, of length 1 if
// Normalised says so. done is told each vector when it is there, never by two
// goroutines at once; the vector is only lent. Texts are begun in their order. If
// the context ends, what is done has been told, and the context's cause is in the
// error. Texts are cut to MaxTokens; of an empty one, the vector of its special
// tokens is computed.
func (m *Model) Embed(ctx context.Context, texts []string, done func(i int, vector []float32)) error {
	job := job{
		items: len(texts),
		add:   func(w *worker, i int) { w.add(i, texts[i]) },
		finish: func(w *worker) error {
			return w.pool(done)
		},
	}
	return m.run(ctx, &job)
}

// Score computes the logits of pairs of the query and each text; done is told
// them as Embed tells vectors. Without a head the error is ErrNoHead.
func (m *Model) Score(ctx context.Context, query string, texts []string, done func(i int, logits []float32)) error {
	if m.config.classes == 0 {
		return ErrNoHead
	}
	job := job{
		items: len(texts),
		add:   func(w *worker, i int) { w.addPair(i, query, texts[i]) },
		finish: func(w *worker) error {
			return w.classify(done)
		},
	}
	return m.run(ctx, &job)
}

// job is what several workers do together.
type job struct {
	items  int
	add    func(w *worker, i int)
	finish func(w *worker) error // with the lock held

	mu   sync.Mutex // guards what follows
	next int
	err  error
}

// run works the job off, by as many workers as are idle.
func (m *Model) run(ctx context.Context, j *job) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if j.items < 2 {
		j.work(ctx, m)
		return j.err
	}
	var wg conc.WaitGroup
	for range min(j.items, cap(m.idle)) {
		wg.Go(func() { j.work(ctx, m) })
	}
	wg.Wait()
	return j.err
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

// worker waits for an idle one.
func (m *Model) worker(ctx context.Context) (*worker, error) {
	select {
	case w := <-m.idle:
		if w == nil {
			w = newWorker(m)
		}
		return w, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
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

// pool makes one vector of the states of each sequence.
func (w *worker) pool(done func(i int, vector []float32)) error {
	at, c := 0, w.model.config
	vector := grow(&w.result, c.hidden)
	for _, s := range w.sequences {
		if c.pooling == poolCLS {
			copy(vector, w.x.row(at))
		} else {
			w.mean(vector, at, s.length)
		}
		length := euclid(vector)
		if length-length != 0 { // NaN or infinite
			return ErrNotFinite
		}
		if c.normalise && length > 0 {
			scale := float32(1 / length)
			for i := range vector {
				vector[i] *= scale
			}
		}
		done(s.item, vector)
		at += s.length
	}
	return nil
}

// mean sets the vector to the mean of n states.
func (w *worker) mean(vector []float32, at, n int) {
	clear(vector)
	for r := range n {
		for i, v := range w.x.row(at + r) {
			vector[i] += v
		}
	}
	for i := range vector {
		vector[i] /= float32(n)
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

// classify computes the logits of each sequence from its first state.
func (w *worker) classify(done func(i int, logits []float32)) error {
	m, at := w.model, 0
	w.context.resize(len(w.sequences), m.config.hidden)
	for i, s := range w.sequences {
		copy(w.context.row(i), w.x.row(at))
		at += s.length
	}
	w.spare.resize(w.context.rows, m.config.hidden)
	w.multiply(w.spare, w.context, m.pooler.weights)
	addBias(w.spare, m.pooler.bias)
	for i := range w.sequences {
		row := w.spare.row(i)
		for k, v := range row {
			row[k] = float32(math.Tanh(float64(v)))
		}
	}
	w.values.resize(w.context.rows, m.config.classes)
	w.multiply(w.values, w.spare, m.classes.weights)
	addBias(w.values, m.classes.bias)
	for i, s := range w.sequences {
		logits := w.values.row(i)
		if length := euclid(logits); length-length != 0 {
			return ErrNotFinite
		}
		done(s.item, logits)
	}
	return nil
}
