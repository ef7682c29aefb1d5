package langchain

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
)

// identity is what a document of an answer is called.
type identity struct {
	id string
	// given says that the id identifies the passage: the caller's function, our own
	// record or the store itself says so. Otherwise it is the value of a metadata
	// field that may name the parent.
	given bool
}

// passageID leaves our own record out, which tells of a query.
func passageID(d schema.Document) string {
	metadata := d.Metadata
	if isRecord(metadata[DefaultMetadataKey]) {
		metadata = maps.Clone(metadata)
		delete(metadata, DefaultMetadataKey)
	}
	return pipeline.PassageID(d.PageContent, metadata)
}

// idText writes a string or a number as an id; anything else gives "". A number
// has the same text whatever its Go type, because stores change it: 7, 7.0 and
// json.Number("7") are one id.
func idText(v any) string {
	switch v := v.(type) {
	case nil, bool:
		return ""
	case string:
		return v
	case json.Number:
		return numberText(v)
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return strconv.FormatInt(r.Int(), 10)
	case r.CanUint():
		return strconv.FormatUint(r.Uint(), 10)
	case r.CanFloat():
		return floatText(r.Float())
	case r.Kind() == reflect.String:
		return r.String()
	}
	return ""
}

// numberText keeps the digits of an integer, which a float64 may not hold.
func numberText(n json.Number) string {
	if _, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return n.String()
	}
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return floatText(f)
}

func floatText(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
