package langchain

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/vectorstores"
)

// request is what a caller of VectorStore.SimilaritySearch wants of the stores
// below, beyond the filter, which has a field of its own in a query.
type request struct {
	nameSpace string
	threshold float32
	embedder  embeddings.Embedder
}

// empty does not compare embedders, whose types may not be comparable.
func (r request) empty() bool { return r.nameSpace == "" && r.threshold == 0 && r.embedder == nil }

// requests carries the request through the pipeline. It is a name, not a state.
var requests = pipeline.NewKey[request]("langchain search options")

// apply collects options in a struct, as every store does.
func apply(options []vectorstores.Option) (vectorstores.Options, error) {
	var o vectorstores.Options
	for i, option := range options {
		if option == nil {
			return o, fmt.Errorf("search option %d is nil", i+1)
		}
		option(&o)
	}
	return o, nil
}

// checkOptions refuses what a store of these traits would not honour, because
// it would ignore it in silence.
func (t Traits) checkOptions(o vectorstores.Options) error {
	if o.Deduplicater != nil {
		return fmt.Errorf("WithDeduplicater: %w: it belongs to adding documents", ErrOption)
	}
	if o.NameSpace != "" && !t.NameSpace {
		return fmt.Errorf("WithNameSpace: %w: the store ignores it", ErrOption)
	}
	if t.breaksOut(o.NameSpace) {
		return fmt.Errorf("WithNameSpace: %w: the store pastes it into SQL, none of %s may stand in it", ErrOption, t.Pasted)
	}
	if o.Embedder != nil && !t.Embedder {
		return fmt.Errorf("WithEmbedder: %w: the store ignores it", ErrOption)
	}
	if err := t.checkThreshold(o.ScoreThreshold); err != nil {
		return err
	}
	if o.Filters != nil {
		return t.check(o.Filters)
	}
	return nil
}

func (t Traits) checkThreshold(v float32) error {
	if v == 0 {
		return nil
	}
	wants := ""
	switch t.Threshold {
	case ThresholdUnit:
		if !(v > 0 && v <= 1) {
			wants = "it must lie in (0, 1]"
		}
	case ThresholdComplement:
		if !(v > 0 && v < 1) {
			wants = "it must lie in (0, 1)"
		}
	case ThresholdRaw:
		if !(v > 0) {
			wants = "it must be positive"
		}
	case ThresholdIgnored:
		wants = "the store ignores it"
	}
	if wants == "" {
		return nil
	}
	return fmt.Errorf("WithScoreThreshold(%v): %w: %s", v, ErrOption, wants)
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
