package bleve

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	"github.com/blevesearch/bleve/v2/search/searcher"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/pipeline"
)

// A path has three fields. In that of exactPrefix stand the keys of its values as
// terms, whose order is that of the values, and existsTerm. In that of
// coarsePrefix stand its numbers and times as float64, which bleve finds ranges in
// without visiting each term; what the float64 cannot tell apart, the terms do.
// In that of MetadataPrefix, if it is one key, stand its values as bleve has them,
// for a caller's query.Query.
const (
	exactPrefix  = "exact."
	coarsePrefix = "coarse."
	existsTerm   = "e"
)

// filtering writes and reads what filters look at.
type filtering struct{ *Index }

// addFilters indexes the metadata values that can be filtered on.
func (x filtering) addFilters(d *document.Document, metadata map[string]any) {
	for path := range pipeline.Paths(metadata) {
		if !x.schema.filterable(path[0]) {
			continue
		}
		values, something := path.ValuesAt(metadata)
		exact := exactPrefix + path.String()
		if something {
			d.AddField(wholeTerm(exact, existsTerm))
		}
		for _, v := range values {
			d.AddField(wholeTerm(exact, v.Key()))
			if c, ok := coarse(v); ok {
				d.AddField(document.NewNumericFieldWithIndexingOptions(coarseField(path, v.Kind()), nil, c, index.IndexField))
			}
			if len(path) == 1 {
				addNative(d, MetadataPrefix+path[0], v)
			}
		}
	}
}

func wholeTerm(field, value string) document.Field {
	return document.NewTextFieldCustom(field, nil, []byte(value), index.IndexField, nil)
}

func coarseField(path pipeline.Path, kind pipeline.ValueKind) string {
	return coarsePrefix + kind.String() + "." + path.String()
}

// coarse returns a number that never falls where the values rise: the nearest
// float64 of a number, the second of a time.
func coarse(v pipeline.Value) (float64, bool) {
	switch v.Kind() {
	case pipeline.NumberValue:
		f, _ := v.Float64()
		return f, true
	case pipeline.TimeValue:
		return float64(v.Time().Unix()), true
	}
	return 0, false
}

// addNative adds a value as bleve's own queries find it.
func addNative(d *document.Document, field string, v pipeline.Value) {
	switch v.Kind() {
	case pipeline.TextValue:
		d.AddField(wholeTerm(field, v.Text()))
	case pipeline.NumberValue:
		f, _ := v.Float64()
		d.AddField(document.NewNumericFieldWithIndexingOptions(field, nil, f, index.IndexField))
	case pipeline.BoolValue:
		d.AddField(document.NewBooleanFieldWithIndexingOptions(field, nil, v.Bool(), index.IndexField))
	case pipeline.TimeValue:
		// Times that nanoseconds of 64 bits do not reach have no native form.
		if f, err := document.NewDateTimeFieldWithIndexingOptions(field, nil, v.Time(), time.RFC3339Nano, index.IndexField); err == nil {
			d.AddField(f)
		}
	}
}

// filterQuery makes a bleve query of what Query.Filter accepts.
func (x filtering) filterQuery(filter any) (query.Query, error) {
	if filter == nil {
		return nil, nil
	}
	if q, ok := filter.(query.Query); ok {
		return q, nil
	}
	f, ok := pipeline.FilterOf(filter)
	if !ok {
		return nil, fmt.Errorf("%w: type %T, want pipeline.Filter, map[string]any or a bleve query.Query", pipeline.ErrFilter, filter)
	}
	c, err := f.Condition()
	if err != nil {
		return nil, err
	}
	return x.compile(c)
}

// compile makes a bleve query of a condition.
func (x filtering) compile(c pipeline.Condition) (query.Query, error) {
	switch c.Op {
	case pipeline.ConditionNothing:
		return query.NewMatchNoneQuery(), nil
	case pipeline.ConditionAnd, pipeline.ConditionOr, pipeline.ConditionNot:
		return x.compileParts(c)
	}
	if !x.schema.filterable(c.Path[0]) {
		return nil, fmt.Errorf("%w: metadata %q is not indexed for filters, see Options.Filters", pipeline.ErrFilter, c.Path[0])
	}
	exact := exactPrefix + c.Path.String()
	switch c.Op {
	case pipeline.ConditionEq, pipeline.ConditionIn:
		terms := make([]string, len(c.Values))
		for i, v := range c.Values {
			terms[i] = v.Key()
		}
		slices.Sort(terms)
		return termsQuery{exact, slices.Compact(terms)}, nil
	case pipeline.ConditionExists:
		return termsQuery{exact, []string{existsTerm}}, nil
	case pipeline.ConditionRange:
		return rangeQuery(c), nil
	case pipeline.ConditionPrefix:
		prefix := c.Values[0].Key()
		return dictionaryQuery{exact, prefix, func(term string) (bool, bool) { return true, strings.HasPrefix(term, prefix) }}, nil
	case pipeline.ConditionContains:
		part, text := c.Values[0].Text(), key("") // which stands in front of all texts
		return dictionaryQuery{exact, text, func(term string) (bool, bool) {
			return strings.Contains(term[len(text):], part), strings.HasPrefix(term, text)
		}}, nil
	}
	return nil, fmt.Errorf("%w: %s", pipeline.ErrFilter, c.Op)
}

func (x filtering) compileParts(c pipeline.Condition) (query.Query, error) {
	parts := make([]query.Query, len(c.Parts))
	for i, p := range c.Parts {
		var err error
		if parts[i], err = x.compile(p); err != nil {
			return nil, err
		}
	}
	switch c.Op {
	case pipeline.ConditionAnd:
		return query.NewConjunctionQuery(parts), nil
	case pipeline.ConditionOr:
		return query.NewDisjunctionQuery(parts), nil
	}
	return query.NewBooleanQuery([]query.Query{query.NewMatchAllQuery()}, nil, parts), nil
}

// rangeQuery finds the values whose coarse number lies between those of the
// bounds, and by their terms the few whose coarse number is that of a bound.
func rangeQuery(c pipeline.Condition) query.Query {
	var either []query.Query
	var low, high *float64
	var kind pipeline.ValueKind
	for _, b := range []*pipeline.Bound{c.Lower, c.Upper} {
		if b == nil {
			continue
		}
		kind = b.Value.Kind()
		f, _ := coarse(b.Value)
		if b == c.Lower {
			low = &f
		} else {
			high = &f
		}
		either = append(either, edgeQuery(c, f, kind))
	}
	if low == nil || high == nil || *low < *high {
		exclusive := false
		between := query.NewNumericRangeInclusiveQuery(low, high, &exclusive, &exclusive)
		between.SetField(coarseField(c.Path, kind))
		either = append(either, between)
	}
	return query.NewDisjunctionQuery(either)
}

// edgeQuery finds the values of the range that are close to a coarse number.
func edgeQuery(c pipeline.Condition, at float64, kind pipeline.ValueKind) query.Query {
	from, to := around(at, kind)
	above, below := true, true // whether the ends belong to the range
	if c.Lower != nil && c.Lower.Value.Key() >= from {
		from, above = c.Lower.Value.Key(), !c.Lower.Open
	}
	if c.Upper != nil && c.Upper.Value.Key() <= to {
		to, below = c.Upper.Value.Key(), !c.Upper.Open
	}
	return dictionaryQuery{exactPrefix + c.Path.String(), from, func(term string) (bool, bool) {
		return (term != from || above) && (term != to || below), term <= to
	}}
}

// around returns keys below and above all values of the kind that have the coarse
// number, or the ends of the kind.
func around(at float64, kind pipeline.ValueKind) (below, above string) {
	if kind == pipeline.TimeValue {
		first := key(time.Time{})[:1]
		return max(first, key(time.Unix(int64(at), 0))), keyOr(time.Unix(int64(at)+1, 0), string(first[0]+1))
	}
	first := key(0)[:1]
	return max(first, key(math.Nextafter(at, math.Inf(-1)))), keyOr(math.Nextafter(at, math.Inf(1)), string(first[0]+1))
}

// key returns the key of what is a value, else "".
func key(v any) string { return keyOr(v, "") }

func keyOr(v any, otherwise string) string {
	value, err := pipeline.NewValue(v)
	if err != nil {
		return otherwise
	}
	return value.Key()
}

// termsQuery finds the documents that have one of the terms, which are sorted.
type termsQuery struct {
	field string
	terms []string
}

// Searcher implements query.Query.
func (q termsQuery) Searcher(ctx context.Context, r index.IndexReader, _ mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	if len(q.terms) == 0 {
		return searcher.NewMatchNoneSearcher(r)
	}
	return searcher.NewMultiTermSearcher(ctx, r, q.terms, q.field, 1, o, false)
}

// dictionaryQuery finds the documents that have one of the terms, from the first
// on, that keep takes, up to the one at which it says that there are no more.
type dictionaryQuery struct {
	field, first string
	keep         func(term string) (take, more bool)
}

// Searcher implements query.Query.
func (q dictionaryQuery) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	terms, err := q.enumerate(ctx, r)
	if err != nil {
		return nil, err
	}
	return termsQuery{q.field, terms}.Searcher(ctx, r, m, o)
}

func (q dictionaryQuery) enumerate(ctx context.Context, r index.IndexReader) (terms []string, err error) {
	dictionary, err := r.FieldDictRange(q.field, []byte(q.first), nil)
	if err != nil {
		return nil, err
	}
	defer dictionary.Close()
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		entry, err := dictionary.Next()
		if err != nil || entry == nil {
			return terms, err
		}
		take, more := q.keep(entry.Term)
		if !more {
			return terms, nil
		}
		if take {
			terms = append(terms, entry.Term)
		}
	}
}

// allowed returns the set of documents that the filter keeps, nil for all.
func (x filtering) allowed(ctx context.Context, reader index.IndexReader, filter any) (map[uint64]struct{}, error) {
	q, err := x.filterQuery(filter)
	if q == nil || err != nil {
		return nil, err
	}
	searcher, err := q.Searcher(ctx, reader, x.mapping, search.SearcherOptions{Score: "none"})
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	defer searcher.Close()
	sc := &search.SearchContext{
		DocumentMatchPool: search.NewDocumentMatchPool(searcher.DocumentMatchPoolSize()+1, 0),
		IndexReader:       reader,
	}
	keep := map[uint64]struct{}{}
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		match, err := searcher.Next(sc)
		if err != nil {
			return nil, fmt.Errorf("filter: %w", err)
		}
		if match == nil {
			return keep, nil
		}
		keep[match.IndexInternalID.Value()] = struct{}{}
		sc.DocumentMatchPool.Put(match)
	}
}
