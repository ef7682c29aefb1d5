package qdranttest

import (
	"math"

	api "github.com/qdrant/go-client/qdrant"
)

// earth is the mean radius in metres.
const earth = 6371008.8

// inPlace tests a value that is a place against the tests on places.
func inPlace(f *api.FieldCondition, v *api.Value) bool {
	lat, lon, is := place(v)
	if !is {
		return false
	}
	switch {
	case f.GetGeoRadius() != nil:
		c := f.GetGeoRadius().GetCenter()
		return distance(c.GetLat(), c.GetLon(), lat, lon) < float64(f.GetGeoRadius().GetRadius())
	case f.GetGeoBoundingBox() != nil:
		return inBox(f.GetGeoBoundingBox(), lat, lon)
	case f.GetGeoPolygon() != nil:
		if !inRing(f.GetGeoPolygon().GetExterior(), lat, lon) {
			return false
		}
		for _, hole := range f.GetGeoPolygon().GetInteriors() {
			if inRing(hole, lat, lon) {
				return false
			}
		}
		return true
	}
	return false
}

// place reads an object with a latitude and a longitude.
func place(v *api.Value) (lat, lon float64, is bool) {
	fields := v.GetStructValue().GetFields()
	lat, okLat := number(fields["lat"])
	lon, okLon := number(fields["lon"])
	return lat, lon, okLat && okLon
}

func number(v *api.Value) (float64, bool) {
	switch k := v.GetKind().(type) {
	case *api.Value_DoubleValue:
		return k.DoubleValue, true
	case *api.Value_IntegerValue:
		return float64(k.IntegerValue), true
	}
	return 0, false
}

// distance is that of the haversine formula.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const degree = math.Pi / 180
	a := math.Sin((lat2 - lat1) * degree / 2)
	b := math.Sin((lon2 - lon1) * degree / 2)
	h := a*a + math.Cos(lat1*degree)*math.Cos(lat2*degree)*b*b
	return 2 * earth * math.Asin(math.Sqrt(min(1, h)))
}

func inBox(box *api.GeoBoundingBox, lat, lon float64) bool {
	a, b := box.GetTopLeft(), box.GetBottomRight()
	if lat > a.GetLat() || lat < b.GetLat() {
		return false
	}
	if a.GetLon() > b.GetLon() { // across the antimeridian
		return lon >= a.GetLon() || lon <= b.GetLon()
	}
	return lon >= a.GetLon() && lon <= b.GetLon()
}

// inRing counts how often a ray from the place crosses the ring.
func inRing(ring *api.GeoLineString, lat, lon float64) bool {
	inside := false
	points := ring.GetPoints()
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if (a.GetLat() > lat) != (b.GetLat() > lat) &&
			lon < (b.GetLon()-a.GetLon())*(lat-a.GetLat())/(b.GetLat()-a.GetLat())+a.GetLon() {
			inside = !inside
		}
	}
	return inside
}
