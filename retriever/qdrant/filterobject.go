package qdrant

import (
	"encoding/json"
	"reflect"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"
)

// object is an object of the JSON filter with its path, for errors. It reads the
// values of keys; what they mean is for the readers of conditions.
type object struct {
	path  string
	m     map[string]any
	depth int
}

// only refuses every key but the given ones.
func (o object) only(keys ...string) error {
	for key := range o.m {
		known := false
		for _, k := range keys {
			known = known || k == key
		}
		if !known {
			return unknown(o.path, "key %q is not known here", shorten(key))
		}
	}
	return nil
}

func (o object) inner(key string) (object, error) {
	m, ok := o.m[key].(map[string]any)
	if !ok {
		return object{}, unknown(o.path+"."+key, "type %T: use an object", o.m[key])
	}
	return object{o.path + "." + key, m, o.depth + 1}, nil
}

func (o object) text(key string) (string, error) {
	s, ok := o.m[key].(string)
	if !ok || s == "" {
		return "", unknown(o.path+"."+key, "must be text that is not empty")
	}
	return s, nil
}

// number reads an optional number; nil if the key is not there.
func (o object) number(key string) (*float64, error) {
	v, set := o.m[key]
	if !set {
		return nil, nil
	}
	var f float64
	r := reflect.ValueOf(v)
	switch {
	case r.CanFloat():
		f = r.Float()
	case r.CanInt():
		f = float64(r.Int())
	case r.CanUint():
		f = float64(r.Uint())
	default:
		number, ok := v.(json.Number)
		if !ok {
			return nil, unknown(o.path+"."+key, "type %T: use a number", v)
		}
		var err error
		if f, err = number.Float64(); err != nil {
			return nil, unknown(o.path+"."+key, "%q is not a number", shorten(number.String()))
		}
	}
	return &f, checkBound(o.path+"."+key, f)
}

// count reads an optional integer of at least 0; nil if the key is not there.
func (o object) count(key string) (*uint64, error) {
	if _, set := o.m[key]; !set {
		return nil, nil
	}
	i, ok, err := integer(o.path+"."+key, o.m[key])
	if err != nil {
		return nil, err
	}
	if !ok || i < 0 {
		return nil, unknown(o.path+"."+key, "must be an integer of at least 0")
	}
	u := uint64(i)
	return &u, nil
}

// line reads {"points": [{"lat": .., "lon": ..}, ..]}.
func (o object) line() (*api.GeoLineString, error) {
	if err := o.only("points"); err != nil {
		return nil, err
	}
	corners, err := o.objects("points")
	if err != nil {
		return nil, err
	}
	line := &api.GeoLineString{}
	for _, corner := range corners {
		p, err := corner.place()
		if err != nil {
			return nil, err
		}
		line.Points = append(line.Points, p)
	}
	return line, nil
}

func (o object) point(key string) (*api.GeoPoint, error) {
	place, err := o.inner(key)
	if err != nil {
		return nil, err
	}
	return place.place()
}

func (o object) place() (*api.GeoPoint, error) {
	if err := o.only("lat", "lon"); err != nil {
		return nil, err
	}
	lat, err := o.number("lat")
	if err != nil {
		return nil, err
	}
	lon, err := o.number("lon")
	if err != nil {
		return nil, err
	}
	if lat == nil || lon == nil {
		return nil, unknown(o.path, "a place has lat and lon")
	}
	return &api.GeoPoint{Lat: *lat, Lon: *lon}, nil
}

// objects reads an optional list of objects.
func (o object) objects(key string) ([]object, error) {
	v, path := o.m[key], o.path+"."+key
	if v == nil {
		return nil, nil
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		return nil, unknown(path, "type %T: use a list", v)
	}
	objects := make([]object, list.Len())
	for i := range objects {
		m, ok := list.Index(i).Interface().(map[string]any)
		if !ok {
			return nil, unknown(path+"["+strconv.Itoa(i)+"]", "type %T: use an object", list.Index(i).Interface())
		}
		objects[i] = object{path + "[" + strconv.Itoa(i) + "]", m, o.depth + 1}
	}
	return objects, nil
}
