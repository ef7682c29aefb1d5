package bleve

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// addFilters indexes the metadata values that can be filtered on: strings as
// they are, numbers, booleans and times, and lists of these. Other values are
// kept with the document and cannot be filtered on.
func (x *Index) addFilters(d *document.Document, metadata map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if !x.schema.filterable(key) {
			continue
		}
		for v := range values(metadata[key]) {
			field, err := filterField(MetadataPrefix+key, v)
			if err != nil {
				return fmt.Errorf("metadata %q: %w", key, err)
			}
			if field != nil {
				d.AddField(field)
			}
		}
	}
	return nil
}

func filterField(name string, value any) (document.Field, error) {
	switch v := scalar(value).(type) {
	case string:
		return document.NewTextFieldCustom(name, nil, []byte(v), index.IndexField, nil), nil
	case float64:
		return document.NewNumericFieldWithIndexingOptions(name, nil, v, index.IndexField), nil
	case bool:
		return document.NewBooleanFieldWithIndexingOptions(name, nil, v, index.IndexField), nil
	case time.Time:
		return document.NewDateTimeFieldWithIndexingOptions(name, nil, v, time.RFC3339Nano, index.IndexField)
	}
	return nil, nil
}

// values yields the members of a list, else the value itself.
func values(v any) iter.Seq[any] {
	return func(yield func(any) bool) {
		r := reflect.ValueOf(v)
		if k := r.Kind(); k != reflect.Slice && k != reflect.Array {
			yield(v)
			return
		}
		for i := range r.Len() {
			if !yield(r.Index(i).Interface()) {
				return
			}
		}
	}
}

// scalar returns a string, float64, bool or time.Time, or nil for anything else
// and for NaN. Whole numbers beyond 2^53 lose their last digits.
func scalar(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	}
	r := reflect.ValueOf(value)
	switch {
	case r.Kind() == reflect.String:
		return r.String()
	case r.Kind() == reflect.Bool:
		return r.Bool()
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.CanFloat() && !math.IsNaN(r.Float()):
		return r.Float()
	}
	return nil
}

// filterQuery makes a bleve query of what Query.Filter accepts.
func (x *Index) filterQuery(filter any) (query.Query, error) {
	switch f := filter.(type) {
	case nil:
		return nil, nil
	case query.Query:
		return f, nil
	case map[string]any:
		return x.equalities(f)
	}
	return nil, fmt.Errorf("filter of type %T, want map[string]any or a bleve query.Query", filter)
}

// equalities is true of a document that has, under every key, the value or one
// of the values.
func (x *Index) equalities(f map[string]any) (query.Query, error) {
	if len(f) == 0 {
		return nil, nil
	}
	var all []query.Query
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if !x.schema.filterable(key) {
			return nil, fmt.Errorf("filter: metadata %q is not indexed for filters, see Options.Filters", key)
		}
		var alternatives []query.Query
		for v := range values(f[key]) {
			q, err := equality(MetadataPrefix+key, v)
			if err != nil {
				return nil, fmt.Errorf("filter: metadata %q: %w", key, err)
			}
			alternatives = append(alternatives, q)
		}
		if len(alternatives) == 0 {
			alternatives = append(alternatives, query.NewMatchNoneQuery())
		}
		all = append(all, query.NewDisjunctionQuery(alternatives))
	}
	return query.NewConjunctionQuery(all), nil
}

func equality(field string, value any) (query.Query, error) {
	switch v := scalar(value).(type) {
	case string:
		q := query.NewTermQuery(v)
		q.SetField(field)
		return q, nil
	case float64:
		inclusive := true
		q := query.NewNumericRangeInclusiveQuery(&v, &v, &inclusive, &inclusive)
		q.SetField(field)
		return q, nil
	case bool:
		q := query.NewBoolFieldQuery(v)
		q.SetField(field)
		return q, nil
	case time.Time:
		inclusive := true
		q := query.NewDateRangeInclusiveQuery(v, v, &inclusive, &inclusive)
		q.SetField(field)
		return q, nil
	}
	return nil, fmt.Errorf("cannot compare with a value of type %T, want a string, a number, a bool, a time or a list of these", value)
}

// allowed returns the set of documents that the filter keeps, nil for all.
func (x *Index) allowed(ctx context.Context, reader index.IndexReader, filter any) (map[uint64]struct{}, error) {
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
