package cache

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// run is one call of a Cache.
type run struct {
	c         *Cache
	query     string
	documents []string
	keys      []Key                        // of each document
	order     []Key                        // each once, in the order of the documents
	text      map[Key]string               // of each key
	cells     map[Key]*cell                // of each key
	own       reranker.Scores              // what the call's own questions brought besides scores
	progress  func(s reranker.Scores) bool // nil if nobody wants to know
	stopped   bool                         // progress has seen enough
	asked     int                          // documents of the newest call
	calls     int
}

func newRun(c *Cache, query string, documents []string, keys []Key, progress func(reranker.Scores) bool) *run {
	r := &run{
		c: c, query: query, documents: documents, keys: keys, progress: progress,
		text: make(map[Key]string, len(keys)), cells: make(map[Key]*cell, len(keys)),
	}
	cells := make([]cell, len(keys))
	for i, k := range keys {
		if r.cells[k] == nil {
			r.cells[k] = &cells[i]
			r.text[k] = documents[i]
			r.order = append(r.order, k)
		}
	}
	return r
}

// resolve closes every cell, or gives up with the context. Each round asks for
// what nobody asks for and then waits for the rest; a second round is needed
// only for pairs that their leader abandoned.
func (r *run) resolve(ctx context.Context) {
	for open := r.order; len(open) > 0 && ctx.Err() == nil && !r.stopped; open = r.open() {
		led, followed := r.c.flights.claim(ctx, open)
		r.lead(ctx, led)
		if !r.stopped {
			r.follow(ctx, followed)
		}
	}
	if ctx.Err() == nil && !r.stopped && !r.c.listwise() {
		r.agree(ctx)
	}
}

// whole reports whether all scores are of one call that asked for every document, so
// that they compare even if the scorer is listwise.
func (r *run) whole() bool { return r.calls == 1 && r.asked == len(r.documents) }

func (r *run) open() []Key {
	return slices.DeleteFunc(slices.Clone(r.order), func(k Key) bool { return !r.cells[k].open() })
}

// lead finds the scores of the led keys in the store, or asks for them, and lets
// the flights land whatever happens, a panic included.
func (r *run) lead(ctx context.Context, led []Key) {
	if len(led) == 0 {
		return
	}
	defer func() { r.c.flights.land(led, r.cells, ctx.Err() != nil || r.stopped, r.c.listwise()) }()
	found := r.look(ctx, led)
	var missing []Key
	for _, k := range led {
		if entry, ok := found[k]; ok {
			*r.cells[k] = cell{kept: entry, scored: true, cached: true}
		} else {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return
	}
	if len(missing) < len(led) && !r.show(ctx) {
		return
	}
	r.ask(ctx, missing)
}

// look asks the store for the keys, and tells observers what it has.
func (r *run) look(ctx context.Context, keys []Key) map[Key]kept {
	ctx, span := pipeline.Begin(ctx, pipeline.KindCache, name)
	defer span.End(nil)
	found := r.c.store.get(ctx, keys)
	tell(span, len(keys), len(found))
	return found
}

// tell says of a look into the cache how many pairs were wanted and how many of
// them have a score; "hit" is true where all do.
func tell(span *pipeline.Span, wanted, found int) {
	span.Flag("hit", found == wanted)
	span.Int("documents", wanted)
	span.Int("hits", found)
}

// show tells progress what is there so far and reports whether to go on.
func (r *run) show(ctx context.Context) bool {
	if r.progress != nil && !r.stopped {
		r.stopped = !r.progress(r.scores(ctx))
	}
	return !r.stopped
}

// ask scores the keys and keeps what may be kept.
func (r *run) ask(ctx context.Context, keys []Key) {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = r.text[k]
	}
	r.calls, r.asked = r.calls+1, len(keys)
	var scores reranker.Scores
	var err error
	if r.progress != nil {
		scores, err = r.askStream(ctx, keys, texts)
	} else {
		scores, err = reranker.Ask(ctx, r.c.scorer, r.query, texts)
	}
	if r.stopped {
		return
	}
	if err != nil {
		for _, k := range keys {
			r.cells[k].reason, r.cells[k].err = reranker.ReasonOf(err), err
		}
		r.own.Report, r.own.Usage = scores.Report, r.own.Usage.Add(scores.Usage)
		return
	}
	for i, k := range keys {
		r.cells[k].fill(scores, i, true)
	}
	r.take(scores)
	r.keep(ctx, keys, scores)
}

// askStream shows every answer but the last.
func (r *run) askStream(ctx context.Context, keys []Key, texts []string) (last reranker.Scores, err error) {
	for scores, failure := range reranker.Stream(ctx, r.c.scorer, r.query, texts) {
		if last.Values != nil {
			for i, k := range keys {
				r.cells[k].fill(last, i, false)
			}
			r.own.Report = last.Report
			if !r.show(ctx) {
				return last, nil
			}
		}
		if failure != nil {
			for _, k := range keys { // an error takes the scores before it back
				*r.cells[k] = cell{}
			}
			return reranker.Scores{}, failure
		}
		last = scores
	}
	return last, nil
}

// follow waits for the flights of others and takes over what they bring. Pairs
// that were abandoned stay open. It returns early when the context ends.
func (r *run) follow(ctx context.Context, followed map[Key]*flight) {
	if len(followed) == 0 {
		return
	}
	_, span := pipeline.Begin(ctx, pipeline.KindCache, name)
	span.Flag("shared", true)
	found, leaders := 0, []*pipeline.Link(nil)
	defer func() { tell(span, len(followed), found); span.End(context.Cause(ctx)) }()
	for k, f := range followed {
		if !slices.Contains(leaders, f.leader) {
			leaders = append(leaders, f.leader)
			span.Link(*f.leader)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return
		}
		if f.abandoned {
			continue
		}
		*r.cells[k] = f.cell
		if r.cells[k].cached = f.cell.scored; f.cell.scored {
			found++
		}
	}
}

// take adds what an answer says besides scores to the call's own.
func (r *run) take(s reranker.Scores) {
	o := &r.own
	o.Usage = o.Usage.Add(s.Usage)
	o.Causes = append(o.Causes, s.Causes...)
	o.Warnings = append(o.Warnings, s.Warnings...)
	o.RequestIDs = append(o.RequestIDs, s.RequestIDs...)
	o.Limits, o.Report, o.Model, o.Scale = s.Limits, s.Report, s.Model, s.Scale
	if s.Attributes != nil {
		o.Attributes = s.Attributes
	}
	o.Values = s.Values // marks that there was an answer
}

// keep writes fresh real scores to the store, unless the scorer has turned out to be
// listwise, or the answer came from a model that was not asked for, which is a
// warning.
func (r *run) keep(ctx context.Context, keys []Key, s reranker.Scores) {
	wanted := r.c.o.Model
	if r.c.listwise() {
		return
	}
	if slices.ContainsFunc(s.Warnings, func(w reranker.Warning) bool { return w.Kind == reranker.WarnModelMismatch }) {
		return
	}
	if wanted != "" && s.Model != "" && !strings.EqualFold(wanted, s.Model) && !strings.EqualFold(r.c.o.ServedAs, s.Model) {
		r.own.Warnings = append(r.own.Warnings, reranker.Warning{Kind: reranker.WarnModelMismatch, Detail: fmt.Sprintf(
			"scores of model %.100q are not kept in the cache of %q; if that is an alias, set Options.ServedAs", s.Model, wanted)})
		return
	}
	var entries []Entry
	for _, k := range keys {
		if c := r.cells[k]; c.scored && !c.cached && c.valid() {
			entries = append(entries, Entry{Key: k, Value: encodeEntry(k, c.kept)})
		}
	}
	r.c.store.set(ctx, entries)
}

// agree makes sure that all scores are of one scale and one model: those of the
// call's own answer, else those of the first document. What differs is old, and
// is asked for again.
func (r *run) agree(ctx context.Context) {
	scale, model := r.standard()
	var old []Key
	for _, k := range r.order {
		if c := r.cells[k]; c.scored && (c.scale != scale || c.model != model) {
			*c = cell{}
			old = append(old, k)
		}
	}
	if len(old) == 0 {
		return
	}
	r.ask(ctx, old)
	for _, k := range r.order {
		if c := r.cells[k]; c.scored && (c.scale != r.own.Scale || c.model != r.own.Model) {
			*c = cell{reason: pipeline.ReasonBadResponse}
		}
	}
}

func (r *run) standard() (pipeline.Scale, string) {
	if r.own.Values != nil {
		return r.own.Scale, r.own.Model
	}
	for _, k := range r.order {
		if c := r.cells[k]; c.scored {
			return c.scale, c.model
		}
	}
	return pipeline.Unknown, ""
}

// scores puts together what is there, for each document.
func (r *run) scores(ctx context.Context) reranker.Scores {
	s := r.own
	s.Values = make([]float64, len(r.keys))
	s.Unscored, s.Cached = nil, nil
	s.Scale, s.Model = r.standard()
	for i, k := range r.keys {
		c := r.cells[k]
		switch {
		case !c.scored:
			if s.Unscored == nil {
				s.Unscored = make([]pipeline.Reason, len(r.keys))
			}
			s.Unscored[i] = r.reason(ctx, c)
			continue
		case c.cached:
			if s.Cached == nil {
				s.Cached = make([]bool, len(r.keys))
			}
			s.Cached[i] = true
		}
		s.Values[i] = c.value
	}
	r.addCauses(ctx, &s)
	return s
}

func (r *run) reason(ctx context.Context, c *cell) pipeline.Reason {
	switch {
	case c.reason != "":
		return c.reason
	case ctx.Err() != nil:
		return reranker.ReasonOf(r.c.ended(ctx))
	}
	return pipeline.ReasonNotSent
}

// addCauses adds the causes of the pairs that this call or others failed to get.
func (r *run) addCauses(ctx context.Context, s *reranker.Scores) {
	s.Causes = slices.Clone(s.Causes)
	for _, k := range r.order {
		c := r.cells[k]
		err := c.err
		if c.open() && ctx.Err() != nil {
			err = r.c.ended(ctx)
		}
		if err != nil && !slices.ContainsFunc(s.Causes, func(known error) bool { return known.Error() == err.Error() }) {
			s.Causes = append(s.Causes, err)
		}
	}
}

// failure returns an error if there is no score and no answer either.
func (r *run) failure(ctx context.Context) error {
	if r.own.Values != nil {
		return nil
	}
	var failed error
	for _, k := range r.order {
		switch c := r.cells[k]; {
		case c.scored:
			return nil
		case failed != nil:
		case c.err != nil:
			failed = c.err
		case c.open() && ctx.Err() != nil:
			failed = r.c.ended(ctx)
		}
	}
	return failed
}
