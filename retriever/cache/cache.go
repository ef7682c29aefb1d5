package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Answer is the note that a remembered or shared ranking carries.
type Answer struct {
	// Text is the text of the query that the ranking was made for.
	Text string
	// Similarity is the cosine of the two queries; 1 for equal ones.
	Similarity float64
	// Age is how long ago the ranking was made.
	Age time.Duration
	// Shared says that the ranking was being made when the query came.
	Shared bool
}

// AnswerKey finds the Answer on a ranking that the cache did not make anew.
var AnswerKey = pipeline.NewKey[Answer]("cache")

// Stats counts queries by what became of them.
type Stats struct {
	// Equal, Similar and Shared queries were answered without the pipeline.
	Equal, Similar, Shared int64
	// Missed queries were answered by the pipeline.
	Missed int64
	// Bypassed queries cannot be remembered: they are traced, or have a filter or
	// an attribute that cannot be told from others.
	Bypassed int64
	// Failures are calls of the Store or the Embedder that failed.
	Failures int64
}

// Cache is a pipeline.Retriever that remembers the rankings of another one. Make
// one with New. It is safe for concurrent use.
//
// Observers hear of what it does for a query as events of pipeline.KindCache under
// the cache's name. A look into the store has the details "hit" and, for a hit,
// "similarity"; a wait for an equal query that is being answered has "shared" and
// "hit", which is false where the answer is of no use to the one who waited, and a
// link to the event in which the ranking was made; a query that cannot be remembered has "bypassed", which is "traced", "filter" or
// "attribute"; a ranking that is handed to the store has "saved", which is false
// where something was forgotten meanwhile. The error of an event is that of the
// Store or the Embedder, which costs the query nothing, or of the wait.
type Cache struct {
	retriever   pipeline.Retriever
	o           Options
	store       Store
	fingerprint string

	mu      sync.Mutex
	flights map[string]*flight
	keys    map[any]int // of attributes: which one of its name it is
	named   map[string]int

	// forgetting is held by whoever forgets, and shared by whoever saves, so that
	// nothing is saved that was begun before something was forgotten.
	forgetting sync.RWMutex
	generation uint64

	equal, similar, shared, missed, bypassed, failures atomic.Int64
}

// flight is a ranking that is being made.
type flight struct {
	done     chan struct{}
	deadline time.Time     // of the caller who makes it; zero for none
	maker    pipeline.Link // to the event in which it is made
	ranking  pipeline.Ranking
	err      error
	ended    bool // the maker's own context ended
}

// New returns a cache in front of the retriever.
func New(retriever pipeline.Retriever, o Options) (*Cache, error) {
	if retriever == nil {
		return nil, errors.New("cache: make cache: the retriever is nil: pass the one whose rankings are remembered")
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("cache: make cache: %w", err)
	}
	o = o.withDefaults()
	c := &Cache{retriever: retriever, o: o, store: o.Store, flights: map[string]*flight{}, keys: map[any]int{}, named: map[string]int{}}
	if c.store == nil {
		c.store = newMemory(o.Size)
	}
	var d digest
	d.part(pipeline.String(retriever))
	d.part(o.Version)
	c.fingerprint = d.sum()
	return c, nil
}

// Describe implements pipeline.Describer.
func (c *Cache) Describe() pipeline.Node {
	ttl := "ever"
	if c.o.TTL > 0 {
		ttl = c.o.TTL.String()
	}
	n := pipeline.Node{
		Name:     c.o.Name,
		Settings: []pipeline.Setting{{Name: "for", Value: ttl}},
		Children: []pipeline.Node{pipeline.Describe(c.retriever)},
	}
	if c.o.Embedder != nil {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "similar", Value: strconv.FormatFloat(c.o.Threshold, 'g', -1, 64)})
	}
	return n
}

// Stats returns the counts since the cache was made.
func (c *Cache) Stats() Stats {
	return Stats{
		Equal: c.equal.Load(), Similar: c.similar.Load(), Shared: c.shared.Load(),
		Missed: c.missed.Load(), Bypassed: c.bypassed.Load(), Failures: c.failures.Load(),
	}
}

// Invalidate forgets every ranking that shows one of the documents. A ranking that
// is being made is handed out and not remembered, and queries that come after
// Invalidate returned do not share it.
func (c *Cache) Invalidate(ctx context.Context, ids ...string) error {
	return c.forget("invalidate", func() error { return c.store.Forget(ctx, ids) })
}

// Clear forgets everything, as Invalidate does.
func (c *Cache) Clear(ctx context.Context) error {
	return c.forget("clear", func() error { return c.store.Clear(ctx) })
}

func (c *Cache) forget(verb string, do func() error) error {
	c.forgetting.Lock()
	defer c.forgetting.Unlock()
	c.generation++
	if err := do(); err != nil {
		return fmt.Errorf("cache: %s: %w", verb, err)
	}
	return nil
}

// request is a query with what tells it from others.
type request struct {
	query      pipeline.Query
	key, scope string
	vector     []float32
	generation uint64
	since      string // of the store
}

// Retrieve implements pipeline.Retriever. Its errors are those of the retriever.
func (c *Cache) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	if ctx.Err() != nil { // also where the answer is at hand
		return pipeline.Ranking{}, fmt.Errorf("cache: %w", ended(ctx))
	}
	r := &request{query: q}
	if why := c.identify(ctx, r); why != "" {
		c.bypass(ctx, why)
		return pipeline.Ask(ctx, c.retriever, q)
	}
	if ranking, ok := c.lookUp(ctx, r); ok {
		return ranking, nil
	}
	f, first := c.board(ctx, r)
	if !first {
		ranking, ok, err := c.share(ctx, r, f)
		if ok || err != nil {
			return ranking, err
		}
		f = nil // it came to nothing that this caller could use
	}
	c.missed.Add(1)
	return c.make(ctx, r, f)
}

// bypass counts a query that goes past the cache, and tells observers why.
func (c *Cache) bypass(ctx context.Context, why string) {
	c.bypassed.Add(1)
	_, span := pipeline.Begin(ctx, pipeline.KindCache, c.o.Name)
	span.Text("bypassed", why)
	span.End(nil)
}

// identify fills in what tells the query from others. It returns what of the
// query cannot be told, "" for nothing.
func (c *Cache) identify(ctx context.Context, r *request) (why string) {
	if r.query.Trace {
		return "traced"
	}
	var d digest
	d.part(c.fingerprint)
	tenant := ""
	if c.o.Tenant != nil {
		tenant = c.o.Tenant(ctx, r.query)
	}
	d.part(tenant)
	d.part(strconv.Itoa(len(r.query.Turns)))
	for _, turn := range r.query.Turns {
		d.part(turn.Role)
		d.part(turn.Text)
	}
	if d.value(r.query.Filter) != nil {
		return "filter"
	}
	if !c.attributes(&d, r.query.Attributes()) {
		return "attribute"
	}
	r.scope = d.sum()
	d.part(r.query.Text)
	r.key = d.sum()
	c.forgetting.RLock()
	r.generation = c.generation
	c.forgetting.RUnlock()
	return ""
}

// maxKeys is the number of different keys of attributes that are told apart. A
// program that makes more makes them anew for each query.
const maxKeys = 1000

func (c *Cache) attributes(d *digest, list []pipeline.Attribute) bool {
	type numbered struct {
		number int
		pipeline.Attribute
	}
	var kept []numbered
	for _, a := range list {
		if c.o.Ignore != nil && c.o.Ignore(a.Name) {
			continue
		}
		n, ok := c.number(a)
		if !ok {
			return false
		}
		kept = append(kept, numbered{n, a})
	}
	slices.SortFunc(kept, func(a, b numbered) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.number, b.number)) })
	for _, a := range kept {
		d.part(strconv.Itoa(a.number) + " " + a.Name)
		if d.value(a.Value) != nil {
			return false
		}
	}
	return true
}

// number tells keys of one name apart, which are different keys. A name that only one
// key has gets the same number in every process.
func (c *Cache) number(a pipeline.Attribute) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.keys[a.Key]
	if !ok {
		if len(c.keys) == maxKeys {
			return 0, false
		}
		n = c.named[a.Name]
		c.keys[a.Key] = n
		c.named[a.Name]++
	}
	return n, true
}

// lookUp is remembered, and tells observers of it.
func (c *Cache) lookUp(ctx context.Context, r *request) (pipeline.Ranking, bool) {
	ctx, span := pipeline.Begin(ctx, pipeline.KindCache, c.o.Name)
	ranking, ok, err := c.remembered(ctx, r)
	span.Flag("hit", ok)
	if answer, noted := AnswerKey.Noted(ranking); noted {
		span.Float("similarity", answer.Similarity)
	}
	span.End(err)
	return ranking, ok
}

// remembered returns the ranking of an equal or a similar query, and beside it
// the error of a store or an embedder that failed.
func (c *Cache) remembered(ctx context.Context, r *request) (pipeline.Ranking, bool, error) {
	now := time.Now()
	e, ok, down := c.store.Load(ctx, r.key)
	c.count(down)
	r.since = e.Since
	if ok && down == nil && fresh(e, now) {
		c.equal.Add(1)
		return AnswerKey.Note(e.Ranking, Answer{Text: e.Text, Similarity: 1, Age: now.Sub(e.Stored)}), true, nil
	}
	if c.o.Embedder == nil {
		return pipeline.Ranking{}, false, down
	}
	v, err := c.o.Embedder.EmbedQuery(ctx, r.query.Text)
	if err == nil {
		v, err = unit(v)
	}
	if c.count(err); err != nil {
		return pipeline.Ranking{}, false, errors.Join(down, err)
	}
	r.vector = v
	ranking, ok, err := c.nearby(ctx, r, now)
	return ranking, ok, errors.Join(down, err)
}

// nearby looks at a few entries, since the nearest may be too old, or differ in
// the words that have to be equal.
func (c *Cache) nearby(ctx context.Context, r *request, now time.Time) (pipeline.Ranking, bool, error) {
	near, err := c.store.Near(ctx, r.scope, r.vector, 8)
	c.count(err)
	for _, e := range near {
		if err != nil || e.Scope != r.scope || len(e.Vector) != len(r.vector) {
			continue
		}
		cosine := dot(e.Vector, r.vector)
		if cosine >= c.o.Threshold && fresh(e, now) && alike(e.Text, r.query.Text) {
			c.similar.Add(1)
			return AnswerKey.Note(e.Ranking, Answer{Text: e.Text, Similarity: min(1, cosine), Age: now.Sub(e.Stored)}), true, nil
		}
	}
	return pipeline.Ranking{}, false, err
}

func fresh(e Entry, now time.Time) bool { return e.Expires.IsZero() || now.Before(e.Expires) }

func (c *Cache) count(err error) {
	if err != nil {
		c.failures.Add(1)
	}
}

// board returns the flight for the request, and whether the caller has to make
// the ranking.
func (c *Cache) board(ctx context.Context, r *request) (*flight, bool) {
	name := strconv.FormatUint(r.generation, 10) + " " + r.key
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[name]; ok {
		return f, false
	}
	f := &flight{done: make(chan struct{}), maker: pipeline.LinkTo(ctx)}
	f.deadline, _ = ctx.Deadline()
	c.flights[name] = f
	return f, true
}

// share waits for the flight of another caller, and tells observers of it. It
// returns what wait does, with a note.
func (c *Cache) share(ctx context.Context, r *request, f *flight) (pipeline.Ranking, bool, error) {
	ctx, span := pipeline.Begin(ctx, pipeline.KindCache, c.o.Name)
	ranking, ok, err := f.wait(ctx)
	span.Flag("shared", true)
	span.Flag("hit", ok && err == nil)
	span.Link(f.maker)
	span.End(err)
	if ok && err == nil {
		c.shared.Add(1)
		ranking = AnswerKey.Note(ranking, Answer{Text: r.query.Text, Similarity: 1, Shared: true})
	}
	return ranking, ok, err
}

// wait returns what the flight came to, and false if that is of no use to this
// caller: the maker gave up, or had less time and so a ranking with gaps.
func (f *flight) wait(ctx context.Context) (pipeline.Ranking, bool, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return pipeline.Ranking{}, false, fmt.Errorf("cache: %w", ended(ctx))
	}
	if f.ended {
		return pipeline.Ranking{}, false, nil
	}
	if f.err != nil {
		return pipeline.Ranking{}, false, f.err
	}
	deadline, bounded := ctx.Deadline()
	hurried := !f.deadline.IsZero() && (!bounded || deadline.After(f.deadline))
	return f.ranking, !f.ranking.Degraded() || !hurried, nil
}

// make asks the retriever, tells those who wait for the flight, if any, and
// remembers the ranking.
func (c *Cache) make(ctx context.Context, r *request, f *flight) (ranking pipeline.Ranking, err error) {
	err = errors.New("cache: the retriever panicked") // for those who wait
	if f != nil {
		defer func() {
			f.ranking, f.err, f.ended = ranking, err, err != nil && ctx.Err() != nil
			c.mu.Lock()
			delete(c.flights, strconv.FormatUint(r.generation, 10)+" "+r.key)
			c.mu.Unlock()
			close(f.done)
		}()
	}
	ranking, err = pipeline.Ask(ctx, c.retriever, r.query) // a Guard further out lets nothing foreign into the store
	if err == nil && !ranking.Degraded() && ranking.Validate() == nil {
		c.save(ctx, r, ranking)
	}
	return ranking, err
}

// save hands the ranking to the store, and tells observers of it.
func (c *Cache) save(ctx context.Context, r *request, ranking pipeline.Ranking) {
	ctx, span := pipeline.Begin(ctx, pipeline.KindCache, c.o.Name)
	saved, err := c.keep(ctx, r, ranking)
	span.Flag("saved", saved)
	span.End(err)
}

// keep saves the ranking unless something was forgotten since it was begun.
func (c *Cache) keep(ctx context.Context, r *request, ranking pipeline.Ranking) (bool, error) {
	now := time.Now()
	e := Entry{Key: r.key, Scope: r.scope, Text: r.query.Text, Vector: r.vector, Ranking: ranking, Stored: now, Since: r.since}
	if c.o.TTL > 0 {
		e.Expires = now.Add(c.o.TTL)
	}
	c.forgetting.RLock()
	defer c.forgetting.RUnlock()
	if c.generation != r.generation {
		return false, nil
	}
	err := c.store.Save(ctx, e)
	c.count(err)
	return err == nil, err
}

// ended returns an error with ctx.Err() and its cause in the chain.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
