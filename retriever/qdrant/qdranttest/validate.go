package qdranttest

import (
	"fmt"
	"strconv"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The refusals of this file have the texts of Qdrant 1.19.0, as recorded.

func refusal(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, args...))
}

// inBody is the refusal of a field of a request.
func inBody(field, format string, args ...any) error {
	return refusal("Validation error in body: [%s: %s]", field, fmt.Sprintf(format, args...))
}

func missing(what string) error {
	return status.Errorf(codes.Unimplemented, "qdranttest: %s", what)
}

// checkName refuses the names that no request may hold, checkNewName those that
// no new collection may have.
func checkName(field, name string) error { return checkCharacters(field, name, "/\x00") }

func checkNewName(field, name string) error {
	return checkCharacters(field, name, "<>:\"/\\|?*\x00\u001f")
}

func checkCharacters(field, name, refused string) error {
	if len(name) == 0 || len(name) > 255 {
		return inBody(field, `value "%s" invalid, must be from 1 to 255 characters`, name)
	}
	for _, c := range name {
		if strings.ContainsRune(refused, c) {
			return inBody(field, `collection name cannot contain "%c" char`, c)
		}
	}
	return nil
}

func checkPositive(field string, v *uint64) error {
	if v != nil && *v == 0 {
		return inBody(field, "value 0 invalid, must be 1 or larger")
	}
	return nil
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkQuery refuses what the server refuses before it looks at a collection.
// at stands in front of every field, "query_points[0]." in a batch.
func checkQuery(at string, q *api.QueryPoints) error {
	if n := q.ReadConsistency; n != nil && n.GetType() == 0 {
		if factor, ok := n.GetValue().(*api.ReadConsistency_Factor); ok && factor.Factor == 0 {
			return refusal(`factor: Validation error: range [{"min": Number(1), "value": Number(0)}]`)
		}
	}
	err := first(
		checkName(at+"collection_name", q.GetCollectionName()),
		checkPositive(at+"limit", q.Limit), checkPositive(at+"timeout", q.Timeout),
		checkParams(at+"params", q.GetParams()), checkFilter(at+"filter", q.GetFilter()),
		checkVariant(at+"query", q.GetQuery()), checkPrefetches(at, q.GetPrefetch()),
		convertFilter(q.GetFilter()),
	)
	switch {
	case err != nil:
		return err
	case q.LookupFrom != nil:
		return missing("lookup_from")
	case len(q.GetShardKeySelector().GetShardKeys()) > 0:
		return refusal("Bad request: Shard key %q not found", q.GetShardKeySelector().GetShardKeys()[0].GetKeyword())
	}
	return checkSelector(q.GetWithPayload())
}

func checkSelector(with *api.WithPayloadSelector) error {
	if with != nil && with.GetSelectorOptions() == nil {
		return refusal("No PayloadSelector")
	}
	if with.GetExclude() != nil {
		return missing("payload with exceptions")
	}
	for _, field := range with.GetInclude().GetFields() {
		if _, err := parsePath(field); err != nil {
			return missing("a field to include that is no path")
		}
	}
	return nil
}

func checkPrefetches(at string, list []*api.PrefetchQuery) error {
	for i, p := range list {
		here := at + "prefetch[" + strconv.Itoa(i) + "]."
		err := first(
			checkPrefetches(here, p.GetPrefetch()), checkVariant(here+"query", p.GetQuery()),
			checkParams(here+"params", p.GetParams()), checkFilter(here+"filter", p.GetFilter()),
			checkPositive(here+"limit", p.Limit), convertFilter(p.GetFilter()),
		)
		if m := p.GetQuery().GetNearestWithMmr(); err == nil && m != nil {
			err = checkLeg(m, limit(p.Limit, defaultLimit))
		}
		if err != nil {
			return err
		}
		if p.LookupFrom != nil {
			return missing("lookup_from")
		}
	}
	return nil
}

// checkLeg refuses MMR in a prefetch but as it was recorded: the server answers it by
// relevance alone, from no fewer candidates than hits.
func checkLeg(m *api.NearestInputWithMmr, most uint64) error {
	if m.GetMmr().CandidatesLimit != nil && uint64(m.GetMmr().GetCandidatesLimit()) < most || m.GetNearest().GetDense() == nil {
		return missing("MMR in a prefetch over other than dense vectors, or with fewer candidates than hits")
	}
	return nil
}

func checkParams(field string, p *api.SearchParams) error {
	if p.GetIdf() != nil {
		return missing("idf parameters")
	}
	if o := p.GetQuantization(); o != nil && o.Oversampling != nil && o.GetOversampling() < 1 {
		return inBody(field+".quantization.oversampling", "value %v invalid, must be 1.0 or larger", o.GetOversampling())
	}
	if p == nil {
		return nil
	}
	return checkPositive(field+".hnsw_ef", p.HnswEf)
}

// checkVariant checks the query itself.
func checkVariant(field string, q *api.Query) error {
	if q == nil {
		return nil
	}
	switch v := q.GetVariant().(type) {
	case nil:
		return refusal("Query variant is missing")
	case *api.Query_Rrf:
		if v.Rrf.K != nil && v.Rrf.GetK() == 0 {
			return inBody(field+".variant.k", "value 0 invalid, must be 1 or larger")
		}
	case *api.Query_Fusion:
		if v.Fusion != api.Fusion_RRF && v.Fusion != api.Fusion_DBSF {
			return refusal("invalid fusion type value %d", v.Fusion)
		}
	case *api.Query_Nearest:
		return checkInput(field+".variant.variant", v.Nearest)
	case *api.Query_NearestWithMmr:
		if v.NearestWithMmr.GetMmr() == nil {
			return refusal("mmr is missing")
		}
		if d := v.NearestWithMmr.GetMmr().Diversity; d != nil && !(*d >= 0 && *d <= 1) {
			return inBody(field+".variant.mmr.diversity", "value %v invalid, must be from 0.0 to 1.0", *d)
		}
		return checkInput(field+".variant.nearest", v.NearestWithMmr.GetNearest())
	}
	return nil
}

func checkInput(field string, v *api.VectorInput) error {
	switch {
	case v.GetVariant() == nil:
		return refusal("VectorInput variant is missing")
	case v.GetId() != nil:
		if _, err := key(v.GetId()); err != nil {
			return err
		}
	case v.GetSparse() != nil:
		return checkSparse(field, v.GetSparse().GetIndices(), v.GetSparse().GetValues())
	case v.GetMultiDense() != nil:
		return checkMulti(field, v.GetMultiDense())
	}
	return nil
}

func checkSparse(field string, indices []uint32, values []float32) error {
	if len(indices) != len(values) {
		return inBody(field+".values", "Validation error: must be the same length as indices [{}]")
	}
	seen := map[uint32]bool{}
	for _, i := range indices {
		if seen[i] {
			return inBody(field+".indices", "Validation error: must be unique [{}]")
		}
		seen[i] = true
	}
	return nil
}

func checkMulti(field string, m *api.MultiDenseVector) error {
	if len(m.GetVectors()) == 0 {
		return inBody(field+".data", "multi vector must not be empty")
	}
	for _, row := range m.GetVectors() {
		switch n := len(row.GetData()); {
		case n == 0:
			return inBody(field+".data", "all vectors must be non-empty")
		case n != len(m.GetVectors()[0].GetData()):
			return inBody(field+".data", "all vectors must have the same dimension, found vector with dimension %d", n)
		}
	}
	return nil
}

// checkFilter checks the form of a filter.
func checkFilter(field string, f *api.Filter) error {
	if f.GetMinShould() != nil && f.GetMinShould().GetMinCount() == 0 {
		return inBody(field+".min_should.min_count", "min_count must be greater than 0")
	}
	for name, list := range map[string][]*api.Condition{"must": f.GetMust(), "should": f.GetShould(), "must_not": f.GetMustNot(), "min_should.conditions": f.GetMinShould().GetConditions()} {
		for i, c := range list {
			at := fmt.Sprintf("%s.%s[%d].condition_one_of", field, name, i)
			if err := checkCondition(at, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkCondition(at string, c *api.Condition) error {
	switch v := c.GetConditionOneOf().(type) {
	case *api.Condition_Filter:
		return checkFilter(at, v.Filter)
	case *api.Condition_Nested:
		return checkFilter(at+".filter", v.Nested.GetFilter())
	case *api.Condition_Field:
		return checkField(at, v.Field)
	}
	return nil
}

func checkField(at string, f *api.FieldCondition) error {
	if f.GetMatch() == nil && f.GetRange() == nil && f.GetDatetimeRange() == nil && f.GetValuesCount() == nil &&
		f.GetGeoRadius() == nil && f.GetGeoBoundingBox() == nil && f.GetGeoPolygon() == nil && f.IsEmpty == nil && f.IsNull == nil {
		return inBody(at+".match", "Validation error: At least one field condition must be specified [{}]")
	}
	if c := f.GetGeoRadius().GetCenter(); c != nil && (c.GetLat() < -90 || c.GetLat() > 90 || c.GetLon() < -180 || c.GetLon() > 180) {
		return inBody(at+".geo_radius.center.geo", "Wrong format of GeoPoint payload: expected `lat` = %v within [-90;90] and `lon` = %v within [-180;180]", c.GetLat(), c.GetLon())
	}
	if ring := f.GetGeoPolygon().GetExterior(); ring != nil && len(ring.GetPoints()) < 4 {
		return inBody(at+".geo_polygon.exterior", "value invalid, the size must be at least 4, got %d", len(ring.GetPoints()))
	}
	return nil
}

// convertFilter refuses what cannot be read: paths, ids, tests without content.
func convertFilter(f *api.Filter) error {
	for _, list := range [][]*api.Condition{f.GetShould(), f.GetMust(), f.GetMustNot(), f.GetMinShould().GetConditions()} {
		for _, c := range list {
			if err := convertCondition(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func convertCondition(c *api.Condition) error {
	path := func(text string) error { _, err := parsePath(text); return err }
	switch v := c.GetConditionOneOf().(type) {
	case *api.Condition_Filter:
		return convertFilter(v.Filter)
	case *api.Condition_Nested:
		if v.Nested.GetFilter() == nil {
			return refusal("Nested condition must have a filter")
		}
		return first(path(v.Nested.GetKey()), convertFilter(v.Nested.GetFilter()))
	case *api.Condition_IsEmpty:
		return path(v.IsEmpty.GetKey())
	case *api.Condition_IsNull:
		return path(v.IsNull.GetKey())
	case *api.Condition_HasId:
		for _, id := range v.HasId.GetHasId() {
			if _, err := key(id); err != nil {
				return err
			}
		}
	case *api.Condition_Field:
		return convertField(v.Field)
	case *api.Condition_HasVector, nil:
	default:
		return missing(fmt.Sprintf("condition %T", v))
	}
	return nil
}

func convertField(f *api.FieldCondition) error {
	if _, err := parsePath(f.GetKey()); err != nil {
		return err
	}
	switch {
	case f.GetMatch() != nil && f.GetMatch().GetMatchValue() == nil:
		return refusal("Malformed Match condition")
	case f.GetGeoRadius() != nil && f.GetGeoRadius().GetCenter() == nil:
		return refusal("Malformed GeoRadius type")
	case f.GetGeoBoundingBox() != nil && (f.GetGeoBoundingBox().GetTopLeft() == nil || f.GetGeoBoundingBox().GetBottomRight() == nil):
		return refusal("Malformed GeoBoundingBox type")
	case f.GetGeoPolygon() != nil && f.GetGeoPolygon().GetExterior() == nil:
		return refusal("Malformed GeoPolygon type - field `exterior` is required")
	}
	return nil
}
