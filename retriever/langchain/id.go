package langchain

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"reflect"
	"strconv"

	"github.com/tmc/langchaingo/schema"
)

// idKeys are the metadata keys under which documents carry an id, in the order
// in which they are asked.
var idKeys = [...]string{"id", "_id", "doc_id", "chunk_id"}

// identify returns the document's id, which is never empty: what the user's
// function says; what our own record says, if the document has been through a
// pipeline before; the first usable metadata key; else a hash of the text.
func identify(d schema.Document, own func(schema.Document) string, recordKey string) string {
	if own != nil {
		if id := own(d); id != "" {
			return id
		}
	}
	if id, ok := recordedID(d.Metadata[recordKey]); ok {
		return id
	}
	for _, key := range idKeys {
		if id := idText(d.Metadata[key]); id != "" {
			return id
		}
	}
	sum := sha256.Sum256([]byte(d.PageContent))
	return "sha256-" + hex.EncodeToString(sum[:])
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
