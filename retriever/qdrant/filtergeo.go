package qdrant

import (
	api "github.com/qdrant/go-client/qdrant"
)

// geo reads the three tests on places.
func geo(n node, key string) (*api.Condition, error) {
	switch {
	case n.m["geo_bounding_box"] != nil:
		return geoBox(n, key)
	case n.m["geo_radius"] != nil:
		return geoRadius(n, key)
	case n.m["geo_polygon"] != nil:
		return geoPolygon(n, key)
	}
	return nil, unknown(n.path, "the test of the condition is null")
}

func geoBox(n node, key string) (*api.Condition, error) {
	o, err := n.inner("geo_bounding_box")
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

func geoRadius(n node, key string) (*api.Condition, error) {
	o, err := n.inner("geo_radius")
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

func geoPolygon(n node, key string) (*api.Condition, error) {
	o, err := n.inner("geo_polygon")
	if err != nil {
		return nil, err
	}
	if err := o.only("exterior", "interiors"); err != nil {
		return nil, err
	}
	outer, err := o.inner("exterior")
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
