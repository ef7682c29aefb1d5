package qdrant

import (
	"reflect"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"
)

// geo reads the three tests on places.
func (n node) geo(key string) (*api.Condition, error) {
	switch {
	case n.m["geo_bounding_box"] != nil:
		return n.geoBox(key)
	case n.m["geo_radius"] != nil:
		return n.geoRadius(key)
	case n.m["geo_polygon"] != nil:
		return n.geoPolygon(key)
	}
	return nil, unknown(n.path, "the test of the condition is null")
}

func (n node) geoBox(key string) (*api.Condition, error) {
	o, err := n.object("geo_bounding_box")
	if err != nil {
		return nil, err
	}
	if err := o.only("top_left", "bottom_right"); err != nil {
		return nil, err
	}
	a, err := o.point("top_left")
	if err != nil {
		return nil, err
	}
	b, err := o.point("bottom_right")
	if err != nil {
		return nil, err
	}
	return onPaths(o.path, key, true, func(path string) *api.Condition {
		return api.NewGeoBoundingBox(path, a.Lat, a.Lon, b.Lat, b.Lon)
	})
}

func (n node) geoRadius(key string) (*api.Condition, error) {
	o, err := n.object("geo_radius")
	if err != nil {
		return nil, err
	}
	if err := o.only("center", "radius"); err != nil {
		return nil, err
	}
	center, err := o.point("center")
	if err != nil {
		return nil, err
	}
	radius, err := o.number("radius")
	if err == nil && radius == nil {
		err = unknown(o.path, "radius is missing")
	}
	if err != nil {
		return nil, err
	}
	return onPaths(o.path, key, true, func(path string) *api.Condition {
		return api.NewGeoRadius(path, center.Lat, center.Lon, float32(*radius))
	})
}

func (n node) geoPolygon(key string) (*api.Condition, error) {
	o, err := n.object("geo_polygon")
	if err != nil {
		return nil, err
	}
	if err := o.only("exterior", "interiors"); err != nil {
		return nil, err
	}
	outer, err := o.object("exterior")
	if err != nil {
		return nil, err
	}
	exterior, err := outer.line()
	if err != nil {
		return nil, err
	}
	var interiors []*api.GeoLineString
	holes, err := o.objects("interiors")
	if err != nil {
		return nil, err
	}
	for _, hole := range holes {
		line, err := hole.line()
		if err != nil {
			return nil, err
		}
		interiors = append(interiors, line)
	}
	return onPaths(o.path, key, true, func(path string) *api.Condition {
		return api.NewGeoPolygon(path, exterior, interiors...)
	})
}

// line reads {"points": [{"lat": .., "lon": ..}, ..]}.
func (n node) line() (*api.GeoLineString, error) {
	if err := n.only("points"); err != nil {
		return nil, err
	}
	corners, err := n.objects("points")
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

func (n node) point(key string) (*api.GeoPoint, error) {
	o, err := n.object(key)
	if err != nil {
		return nil, err
	}
	return o.place()
}

func (n node) place() (*api.GeoPoint, error) {
	if err := n.only("lat", "lon"); err != nil {
		return nil, err
	}
	lat, err := n.number("lat")
	if err != nil {
		return nil, err
	}
	lon, err := n.number("lon")
	if err != nil {
		return nil, err
	}
	if lat == nil || lon == nil {
		return nil, unknown(n.path, "a place has lat and lon")
	}
	return &api.GeoPoint{Lat: *lat, Lon: *lon}, nil
}

// objects reads an optional list of objects.
func (n node) objects(key string) ([]node, error) {
	v, path := n.m[key], n.path+"."+key
	if v == nil {
		return nil, nil
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		return nil, unknown(path, "type %T: use a list", v)
	}
	nodes := make([]node, list.Len())
	for i := range nodes {
		m, ok := list.Index(i).Interface().(map[string]any)
		if !ok {
			return nil, unknown(path+"["+strconv.Itoa(i)+"]", "type %T: use an object", list.Index(i).Interface())
		}
		nodes[i] = node{path + "[" + strconv.Itoa(i) + "]", m, n.depth + 1}
	}
	return nodes, nil
}
