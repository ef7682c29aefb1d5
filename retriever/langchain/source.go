package langchain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// Source is a pipeline.Retriever over a store or a retriever of langchaingo.
// Make one with FromStore or FromRetriever. It is safe for concurrent use if the
// store is.
//
// The order in which documents come back is kept as rank, always. Where scores
// are used and contradict that order, or lie outside what the kind can return,
// or are NaN, the hits concerned are Imputed and a gap with ErrScores says so; a
// fixed contradiction is a declaration to correct in Options.
//
// Of documents with the same id the first, and so the best, is kept.
//
// A query's Filter goes to the store as vectorstores.WithFilters, after a check
// that the store of that kind takes its type. Turns are not used. Whether a query
// without text is an error is the store's business.
//
// A call returns within milliseconds of its context's end, even if the store
// ignores the context. The call into the store then goes on in its goroutine
// until the store returns; Wait joins what is left, and Options.MaxAbandoned
// bounds it. A panic of the store is a *pipeline.PanicError.
type Source struct {
	name      string
	kind      Kind
	limit     int // 0 if the schema.Retriever decides
	store     vectorstores.VectorStore
	retriever schema.Retriever
	options   Options
	fixed     vectorstores.Options
	scoring   scoring
	calls     *calls
	err       error
}

var (
	_ pipeline.Retriever = (*Source)(nil)
	_ pipeline.Describer = (*Source)(nil)
)

// FromStore makes a retriever of a vector store of that kind, which returns at
// most limit hits; limit is the candidate depth of what follows. At most one
// Options may be given.
//
// A mistake in the arguments is reported by Describe().Err and as the error of
// every call.
func FromStore(store vectorstores.VectorStore, kind Kind, limit int, options ...Options) *Source {
	s := newSource(kind, kind.String(), options)
	s.store, s.limit = store, limit
	switch {
	case store == nil:
		s.fault(errors.New("the store is nil: pass a vectorstores.VectorStore"))
	case !kind.Valid():
		s.fault(fmt.Errorf("kind %d is none of the constants", kind))
	case limit < 1:
		s.fault(fmt.Errorf("limit is %d, want at least 1", limit))
	}
	s.fault(kind.Traits().checkOptions(s.fixed))
	return s
}

// FromRetriever makes a retriever of a schema.Retriever, which decides itself
// how many documents there are. Scores are ignored unless Options.Score declares
// them; Options.Store must be empty. At most one Options may be given; mistakes
// are reported as by FromStore.
func FromRetriever(retriever schema.Retriever, options ...Options) *Source {
	s := newSource(AnyStore, "retriever", options)
	s.retriever = retriever
	if retriever == nil {
		s.fault(errors.New("the retriever is nil: pass a schema.Retriever"))
	}
	if len(s.options.Store) > 0 {
		s.fault(errors.New("Options.Store is set, but a schema.Retriever takes no options"))
	}
	return s
}

func newSource(kind Kind, name string, options []Options) *Source {
	s := &Source{name: name, kind: kind}
	var err error
	s.options, err = one(options)
	if s.options.Name != "" {
		s.name = s.options.Name
	}
	s.fault(err)
	if s.options.MaxAbandoned == 0 {
		s.options.MaxAbandoned = defaultMaxAbandoned
	}
	if s.options.MaxAbandoned < 0 {
		s.fault(fmt.Errorf("MaxAbandoned is %d, want at least 1, or 0 for %d", s.options.MaxAbandoned, defaultMaxAbandoned))
	}
	if s.options.OverFetch < 0 || s.options.OverFetch > maxOverFetch {
		s.fault(fmt.Errorf("OverFetch is %d, want 0 to %d", s.options.OverFetch, maxOverFetch))
	}
	s.calls = &calls{name: s.name, max: s.options.MaxAbandoned}
	s.scoring, err = s.options.scoring(kind)
	s.fault(err)
	if s.options.Unordered && s.scoring.policy == IgnoreScore {
		s.fault(errors.New("documents are unordered, but scores are ignored: set Options.Score"))
	}
	s.fixed, err = apply(s.options.Store)
	s.fault(err)
	return s
}

// fault keeps the first mistake.
func (s *Source) fault(err error) {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%s: %w", s.name, err)
	}
}

// Retrieve asks the store.
func (s *Source) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	if s.err != nil {
		return pipeline.Ranking{}, s.err
	}
	sieve, err := s.sieve(q.Filter)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if sieve.nothing {
		return pipeline.NewRanking(s.name, s.scoring.scale, nil)
	}
	q.Filter = sieve.native
	options, err := s.optionsFor(q)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.calls.do(ctx, func(ctx context.Context) (pipeline.Ranking, error) {
		docs, err := s.search(ctx, q.Text, sieve.ask, options)
		if err != nil {
			return pipeline.Ranking{}, fmt.Errorf("%s: search: %w", s.name, err)
		}
		kept, gap := sieve.keep(s, docs)
		r, err := s.ranking(kept)
		if err != nil || gap == nil {
			return r, err
		}
		return r.WithGaps(*gap), nil
	})
}

func (s *Source) search(ctx context.Context, query string, limit int, options []vectorstores.Option) ([]schema.Document, error) {
	if s.store == nil {
		return s.retriever.GetRelevantDocuments(ctx, query)
	}
	return s.store.SimilaritySearch(ctx, query, limit, options...)
}

// Wait returns when no abandoned call is running any more, or with an error
// when ctx ends. A program calls it before it closes the store.
func (s *Source) Wait(ctx context.Context) error { return s.calls.wait(ctx) }

// Describe returns the effective settings, and the mistake in them if there is
// one.
func (s *Source) Describe() pipeline.Node {
	facts := pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: max(s.limit, 0), Scale: s.scoring.scale}
	if high := s.scoring.high; s.scoring.policy == ScoreHigherIsBetter && high > 0 && !math.IsInf(high, 1) {
		facts.Max = high
	}
	return pipeline.Node{Name: s.name, Settings: s.settings(), Facts: facts, Err: s.err, Value: s}
}

func (s *Source) settings() []pipeline.Setting {
	var settings []pipeline.Setting
	add := func(name, value string) { settings = append(settings, pipeline.Setting{Name: name, Value: value}) }
	if s.store != nil {
		add("store", fmt.Sprintf("%T", s.store))
		add("kind", s.kind.String())
		add("limit", strconv.Itoa(s.limit))
		if !s.kind.Traits().Limit {
			add("warning", "the store returns as many documents as it was built for, whatever the limit")
		}
	} else {
		add("retriever", fmt.Sprintf("%T", s.retriever))
	}
	add("score", s.scoring.policy.String())
	add("scale", s.scoring.scale.String())
	if s.options.Unordered {
		add("order", "by score")
	}
	if n := len(s.options.Store); n > 0 {
		add("fixed options", strconv.Itoa(n))
	}
	return settings
}

// compile makes the store's own filter of a pipeline.Filter.
func (s *Source) compile(c pipeline.Condition) (filter any, exact bool, err error) {
	if own := s.options.Compile; own != nil {
		filter, err = own(c)
		return filter, false, err
	}
	if s.store == nil {
		return nil, false, unable("a schema.Retriever takes no filter")
	}
	build, ok := compilers[s.kind]
	if !ok {
		return nil, false, unable("%s: see Options.Compile and Options.OverFetch", s.kind)
	}
	filter, exact, err = build(s.kind.Traits(), c)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", s.kind, err)
	}
	return filter, exact, nil
}

// pushdown makes a filter of as much of the condition as the store can do. The
// filter is nil if that is nothing.
func (s *Source) pushdown(c pipeline.Condition) (filter any, exact bool) {
	if filter, exact, err := s.compile(c); err == nil {
		return filter, exact
	}
	if c.Op != pipeline.ConditionAnd {
		return nil, false
	}
	some := pipeline.Condition{Op: pipeline.ConditionAnd}
	for _, p := range c.Parts {
		if _, _, err := s.compile(p); err == nil {
			some.Parts = append(some.Parts, p)
		}
	}
	if len(some.Parts) == 0 {
		return nil, false
	}
	filter, _, err := s.compile(some)
	if err != nil { // parts that are possible alone and not together
		filter, _, _ = s.compile(some.Parts[0])
	}
	return filter, false
}

// ranking makes a ranking of what the store returned, whose slice and maps are
// not written to. Of documents with the same id the first is kept, which is the
// best, because the order is the store's. That is no loss where they are the same
// passage, and a gap where they are not.
func (s *Source) ranking(docs []schema.Document) (pipeline.Ranking, error) {
	docs = s.ordered(docs)
	ids := s.identities(docs)
	hits := make([]pipeline.Hit, 0, len(docs))
	unique := make([]schema.Document, 0, len(docs))
	first := make(map[string]int, len(docs))
	lost := 0
	for i, d := range docs {
		if at, twice := first[ids[i]]; twice {
			if docs[at].PageContent != d.PageContent {
				lost++
			}
			continue
		}
		if s.limit > 0 && len(hits) == s.limit {
			break
		}
		first[ids[i]] = i
		unique = append(unique, d)
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: ids[i], Text: d.PageContent, Metadata: d.Metadata}})
	}
	scores := s.scoring.score(unique)
	for i := range hits {
		hits[i].Score = scores.values[i]
	}
	ranking, err := pipeline.NewRanking(s.name, s.scoring.scale, hits)
	if err != nil {
		return ranking, err
	}
	if lost > 0 {
		err := fmt.Errorf("%w: %d left out: see Options.ID", ErrSharedID, lost)
		ranking = ranking.WithGaps(pipeline.Gap{Stage: s.name, Reason: pipeline.ReasonBadResponse, Err: err})
	}
	if scores.imputed == nil {
		return ranking, nil
	}
	return s.withEstimates(ranking, scores), nil
}

// withEstimates marks the hits whose scores are estimates and says so in a gap.
// The hits were made by NewRanking for this call, with one mark each, and are ours
// to change.
func (s *Source) withEstimates(r pipeline.Ranking, scores scored) pipeline.Ranking {
	gap := pipeline.Gap{Stage: s.name, Reason: pipeline.ReasonBadResponse, Err: scores.err}
	for i, imputed := range scores.imputed {
		if !imputed {
			continue
		}
		m := r.Hits[i].Newest()
		m.Status, m.Reason = pipeline.Imputed, pipeline.ReasonBadResponse
		r.Hits[i].Trail = pipeline.TrailOf(m)
		gap.IDs = append(gap.IDs, r.Hits[i].Document.ID)
	}
	return r.WithGaps(gap)
}

// ordered returns the documents in the order of the store, or by their scores if
// the store has no order of its own. Sorting documents goes by the total order
// of the module, with the position as rank.
func (s *Source) ordered(docs []schema.Document) []schema.Document {
	if !s.options.Unordered {
		return docs
	}
	type placed struct {
		doc      schema.Document
		position int
		score    float64
	}
	list := make([]placed, len(docs))
	for i, d := range docs {
		list[i] = placed{d, i, s.scoring.key(d.Score)}
	}
	slices.SortFunc(list, func(a, b placed) int {
		return pipeline.Compare(a.score, b.score, a.position, b.position, "", "")
	})
	sorted := make([]schema.Document, len(docs))
	for i, p := range list {
		sorted[i] = p.doc
	}
	return sorted
}

// identities returns the ids of the documents, in their order, none of them
// empty. A metadata field serves as an id only if the caller or the kind named it,
// and only where no other passage of the answer has the same value; the rest is
// called by pipeline.PassageID.
func (s *Source) identities(docs []schema.Document) []string {
	found := make([]identity, len(docs))
	passages := map[string]string{} // the first passage with a value, "" once there are two
	for i, d := range docs {
		found[i] = s.identify(d)
		if id := found[i].id; id != "" && !found[i].given {
			passage := passageID(d)
			if first, seen := passages[id]; seen && first != passage {
				passage = ""
			}
			passages[id] = passage
		}
	}
	ids := make([]string, len(docs))
	for i, f := range found {
		switch {
		case f.given, f.id != "" && passages[f.id] != "":
			ids[i] = f.id
		default:
			ids[i] = passageID(docs[i])
		}
	}
	return ids
}

// identify returns what the user's function says; what our own record says, if
// the document has been through a pipeline before; else the named field.
func (s *Source) identify(d schema.Document) identity {
	if own := s.options.ID; own != nil {
		if id := own(d); id != "" {
			return identity{id, true}
		}
	}
	if id, ok := recordedID(d.Metadata[DefaultMetadataKey]); ok {
		return identity{id, true}
	}
	if s.options.IDKey != "" {
		return identity{id: idText(d.Metadata[s.options.IDKey])}
	}
	if key := s.kind.Traits().IDKey; key != "" {
		return identity{id: idText(d.Metadata[key])}
	}
	return identity{}
}

// optionsFor are the fixed options followed by those of the query. What is
// fixed stays fixed: it may be what keeps one tenant from another's documents.
func (s *Source) optionsFor(q pipeline.Query) ([]vectorstores.Option, error) {
	r, _ := requests.Of(q)
	if q.Filter == nil && r.empty() {
		return s.options.Store, nil
	}
	wanted := vectorstores.Options{NameSpace: r.nameSpace, ScoreThreshold: r.threshold, Filters: q.Filter, Embedder: r.embedder}
	if err := s.checkWanted(wanted); err != nil {
		return nil, err
	}
	options := slices.Clip(s.options.Store)
	if wanted.Filters != nil {
		options = append(options, vectorstores.WithFilters(wanted.Filters))
	}
	if wanted.NameSpace != "" {
		options = append(options, vectorstores.WithNameSpace(wanted.NameSpace))
	}
	if wanted.ScoreThreshold != 0 {
		options = append(options, vectorstores.WithScoreThreshold(wanted.ScoreThreshold))
	}
	if wanted.Embedder != nil {
		options = append(options, vectorstores.WithEmbedder(wanted.Embedder))
	}
	return options, nil
}

func (s *Source) checkWanted(w vectorstores.Options) error {
	fixed := ""
	switch {
	case w.Filters != nil && s.fixed.Filters != nil:
		fixed = "filter"
	case w.NameSpace != "" && s.fixed.NameSpace != "":
		fixed = "name space"
	case w.ScoreThreshold != 0 && s.fixed.ScoreThreshold != 0:
		fixed = "score threshold"
	case w.Embedder != nil && s.fixed.Embedder != nil:
		fixed = "embedder"
	}
	if fixed != "" {
		return fmt.Errorf("%s of the query: %w: Options.Store fixes it", fixed, ErrOption)
	}
	if s.store == nil {
		if w.Filters != nil {
			return fmt.Errorf("filter of type %T: %w: a schema.Retriever takes none", w.Filters, ErrOption)
		}
		return fmt.Errorf("search options: %w: a schema.Retriever takes none", ErrOption)
	}
	return s.kind.Traits().checkOptions(w)
}

// sieve compiles a pipeline.Filter. Every other filter is the store's own.
func (s *Source) sieve(filter any) (sieve, error) {
	out := sieve{native: filter, ask: s.limit}
	f, ok := filter.(pipeline.Filter)
	if !ok {
		if p, isPointer := filter.(*pipeline.Filter); isPointer && p != nil {
			f, ok = *p, true
		}
	}
	if !ok {
		return out, nil
	}
	c, err := f.Condition()
	if err != nil {
		return out, err
	}
	if c.Op == pipeline.ConditionNothing {
		out.nothing = true
		return out, nil
	}
	var exact bool
	out.native, exact, err = s.compile(c)
	switch {
	case err != nil && s.options.OverFetch == 0:
		return out, err
	case err != nil:
		out.native, _ = s.pushdown(c)
		out.ask = s.limit * s.options.OverFetch
	}
	if err != nil || !exact {
		out.check = &c
	}
	return out, nil
}
