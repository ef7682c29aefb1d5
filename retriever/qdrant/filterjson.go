package qdrant

import (
	"reflect"
	"strconv"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// isClause reports whether key is one of the keys of Qdrant's JSON filter.
func isClause(key string) bool {
	return key == "must" || key == "should" || key == "must_not" || key == "min_should"
}

// maxFilterDepth bounds the nesting of filters, which may come from outside.
const maxFilterDepth = 16

// node is an object of the JSON filter that stands for a filter or a condition.
type node struct{ object }

func jsonFilter(path string, m map[string]any) (*api.Filter, error) {
	f, err := node{object{path: path, m: m}}.filter()
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (n node) filter() (*api.Filter, error) {
	if n.depth > maxFilterDepth {
		return nil, unknown(n.path, "nested deeper than %d", maxFilterDepth)
	}
	if err := n.only("must", "should", "must_not", "min_should"); err != nil {
		return nil, err
	}
	if len(n.m) == 0 {
		return nil, unknown(n.path, "has no conditions")
	}
	f := &api.Filter{}
	var err error
	if f.Must, err = n.conditions("must"); err != nil {
		return nil, err
	}
	if f.Should, err = n.conditions("should"); err != nil {
		return nil, err
	}
	if f.MustNot, err = n.conditions("must_not"); err != nil {
		return nil, err
	}
	if _, set := n.m["min_should"]; set {
		f.MinShould, err = n.minShould()
	}
	return f, err
}

func (n node) minShould() (*api.MinShould, error) {
	s, err := n.inner("min_should")
	if err != nil {
		return nil, err
	}
	if err := s.only("conditions", "min_count"); err != nil {
		return nil, err
	}
	conditions, err := node{s}.conditions("conditions")
	if err != nil {
		return nil, err
	}
	count, err := s.count("min_count")
	if err == nil && count == nil {
		err = unknown(s.path, "min_count is missing")
	}
	if err == nil && *count == 0 {
		err = unknown(s.path, "min_count is 0: every document would pass")
	}
	if err != nil {
		return nil, err
	}
	return &api.MinShould{Conditions: conditions, MinCount: *count}, nil
}

// conditions reads a list of conditions, or a single one without a list.
func (n node) conditions(key string) ([]*api.Condition, error) {
	v, set := n.m[key]
	if !set {
		return nil, nil
	}
	path := n.path + "." + key
	if m, ok := v.(map[string]any); ok {
		c, err := node{object{path, m, n.depth + 1}}.condition()
		return []*api.Condition{c}, err
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		return nil, unknown(path, "type %T: use a list of conditions", v)
	}
	if list.Len() == 0 {
		return nil, unknown(path, "an empty list of conditions")
	}
	conditions := make([]*api.Condition, list.Len())
	for i := range conditions {
		at := path + "[" + strconv.Itoa(i) + "]"
		m, ok := list.Index(i).Interface().(map[string]any)
		if !ok {
			return nil, unknown(at, "type %T: a condition is an object", list.Index(i).Interface())
		}
		var err error
		if conditions[i], err = (node{object{at, m, n.depth + 1}}).condition(); err != nil {
			return nil, err
		}
	}
	return conditions, nil
}

func (n node) condition() (*api.Condition, error) {
	for key := range n.m {
		if isClause(key) {
			f, err := n.filter()
			return api.NewFilterAsCondition(f), err
		}
	}
	switch {
	case n.m["is_empty"] != nil:
		field, err := n.fieldOf("is_empty")
		if err != nil {
			return nil, err
		}
		return onPaths(n.path, field, false, api.NewIsEmpty)
	case n.m["is_null"] != nil:
		field, err := n.fieldOf("is_null")
		if err != nil {
			return nil, err
		}
		return onPaths(n.path, field, true, api.NewIsNull)
	case n.m["has_id"] != nil:
		return n.hasID()
	case n.m["has_vector"] != nil:
		if err := n.only("has_vector"); err != nil {
			return nil, err
		}
		name, err := n.text("has_vector")
		return api.NewHasVector(name), err
	case n.m["nested"] != nil:
		return n.nested()
	}
	return n.field()
}

// fieldOf reads {"is_empty": {"key": "field"}}.
func (n node) fieldOf(kind string) (string, error) {
	if err := n.only(kind); err != nil {
		return "", err
	}
	o, err := n.inner(kind)
	if err != nil {
		return "", err
	}
	if err := o.only("key"); err != nil {
		return "", err
	}
	return o.text("key")
}

// hasID takes document ids: numbers, UUIDs, and any text that PointID maps.
func (n node) hasID() (*api.Condition, error) {
	if err := n.only("has_id"); err != nil {
		return nil, err
	}
	path := n.path + ".has_id"
	list := reflect.ValueOf(n.m["has_id"])
	if list.Kind() != reflect.Slice {
		return nil, unknown(path, "type %T: use a list of ids", n.m["has_id"])
	}
	if list.Len() == 0 {
		return nil, unknown(path, "an empty list of ids would match nothing")
	}
	ids := make([]*api.PointId, list.Len())
	for i := range ids {
		at := path + "[" + strconv.Itoa(i) + "]"
		e := list.Index(i).Interface()
		if text, ok := e.(string); ok {
			ids[i] = PointID(text)
			continue
		}
		num, ok, err := integer(at, e)
		if err != nil || !ok || num < 0 {
			return nil, unknown(at, "%v is no id: use text or an integer of at least 0", e)
		}
		ids[i] = api.NewIDNum(uint64(num))
	}
	return api.NewHasID(ids...), nil
}

func (n node) nested() (*api.Condition, error) {
	if err := n.only("nested"); err != nil {
		return nil, err
	}
	o, err := n.inner("nested")
	if err != nil {
		return nil, err
	}
	if err := o.only("key", "filter"); err != nil {
		return nil, err
	}
	field, err := o.text("key")
	if err != nil {
		return nil, err
	}
	inner, err := o.inner("filter")
	if err != nil {
		return nil, err
	}
	f, err := node{inner}.filter()
	return api.NewNestedFilter(field, f), err
}

// field reads {"key": "field", "match": ...} with exactly one test.
func (n node) field() (*api.Condition, error) {
	if err := n.only("key", "match", "range", "geo_bounding_box", "geo_radius", "geo_polygon", "values_count"); err != nil {
		return nil, err
	}
	key, err := n.text("key")
	if err != nil {
		return nil, err
	}
	if len(n.m) != 2 {
		return nil, unknown(n.path, "a condition on a field has the key and exactly one test")
	}
	switch {
	case n.m["match"] != nil:
		return n.match(key)
	case n.m["range"] != nil:
		return n.between(key)
	case n.m["values_count"] != nil:
		return n.valuesCount(key)
	}
	return geo(n, key)
}

func (n node) match(key string) (*api.Condition, error) {
	o, err := n.inner("match")
	if err != nil {
		return nil, err
	}
	if err := o.only("value", "any", "except", "text", "text_any", "phrase", "prefix"); err != nil {
		return nil, err
	}
	if len(o.m) != 1 {
		return nil, unknown(o.path, "a match has exactly one of value, any, except, text, text_any, phrase and prefix")
	}
	for kind, v := range o.m {
		path := o.path + "." + kind
		switch kind {
		case "value":
			if r := reflect.ValueOf(v); r.IsValid() && r.Kind() != reflect.Slice {
				return match(path, key, v)
			}
			return nil, unknown(path, "type %T: use text, an integer or a boolean", v)
		case "any", "except":
			return matchList(path, key, kind, v)
		}
		return node{o}.matchText(key, kind)
	}
	return nil, nil
}

func matchList(path, key, kind string, v any) (*api.Condition, error) {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		return nil, unknown(path, "type %T: use a list", v)
	}
	texts, ints, err := anyOf(path, list)
	if err != nil {
		return nil, err
	}
	return onPaths(path, key, true, func(at string) *api.Condition {
		switch {
		case kind == "any" && texts != nil:
			return api.NewMatchKeywords(at, texts...)
		case kind == "any":
			return api.NewMatchInts(at, ints...)
		case texts != nil:
			return api.NewMatchExceptKeywords(at, texts...)
		}
		return api.NewMatchExceptInts(at, ints...)
	})
}

func (n node) matchText(key, kind string) (*api.Condition, error) {
	text, err := n.text(kind)
	if err != nil {
		return nil, err
	}
	test := map[string]func(string, string) *api.Condition{
		"text": api.NewMatchText, "text_any": api.NewMatchTextAny, "phrase": api.NewMatchPhrase, "prefix": api.NewMatchPrefix,
	}[kind]
	return onPaths(n.path, key, true, func(path string) *api.Condition { return test(path, text) })
}

// between reads a range of numbers, or of RFC 3339 times.
func (n node) between(key string) (*api.Condition, error) {
	o, err := n.inner("range")
	if err != nil {
		return nil, err
	}
	if err := o.only("gt", "gte", "lt", "lte"); err != nil {
		return nil, err
	}
	for _, v := range o.m {
		if _, ok := v.(string); ok {
			return node{o}.betweenTimes(key)
		}
	}
	r := &api.Range{}
	for bound, to := range map[string]**float64{"gt": &r.Gt, "gte": &r.Gte, "lt": &r.Lt, "lte": &r.Lte} {
		if *to, err = o.number(bound); err != nil {
			return nil, err
		}
	}
	if len(o.m) == 0 {
		return nil, unknown(o.path, "a range has at least one bound")
	}
	return onPaths(o.path, key, true, func(path string) *api.Condition { return api.NewRange(path, r) })
}

func (n node) betweenTimes(key string) (*api.Condition, error) {
	r := &api.DatetimeRange{}
	for bound, to := range map[string]**timestamppb.Timestamp{"gt": &r.Gt, "gte": &r.Gte, "lt": &r.Lt, "lte": &r.Lte} {
		if _, set := n.m[bound]; !set {
			continue
		}
		text, err := n.text(bound)
		if err != nil {
			return nil, err
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, text); err != nil {
				return nil, unknown(n.path+"."+bound, "%q is neither an RFC 3339 time nor a date", shorten(text))
			}
		}
		*to = timestamppb.New(at)
	}
	return onPaths(n.path, key, true, func(path string) *api.Condition { return api.NewDatetimeRange(path, r) })
}

func (n node) valuesCount(key string) (*api.Condition, error) {
	o, err := n.inner("values_count")
	if err != nil {
		return nil, err
	}
	if err := o.only("gt", "gte", "lt", "lte"); err != nil {
		return nil, err
	}
	c := &api.ValuesCount{}
	for bound, to := range map[string]**uint64{"gt": &c.Gt, "gte": &c.Gte, "lt": &c.Lt, "lte": &c.Lte} {
		if *to, err = o.count(bound); err != nil {
			return nil, err
		}
	}
	if len(o.m) == 0 {
		return nil, unknown(o.path, "a count has at least one bound")
	}
	// A field that is missing counts 0 values: without a lower bound both of the
	// fields that a key may mean must be few.
	lower := c.Gt != nil || c.GetGte() > 0
	return onPaths(o.path, key, lower, func(path string) *api.Condition { return api.NewValuesCount(path, c) })
}
