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

// identities returns the ids of the documents, in their order, none of them
// empty. A metadata field serves as an id only if the caller or the kind named it,
// and only where no other passage of the answer has the same value; the rest is
// called by pipeline.PassageID.
func (s *Source) identities(docs []schema.Document) []string {
	found := make([]identity, len(docs))
	passages := map[string]string{} // the first passage with a value, "" once there are two
	for i, d := range docs {
		found[i] = s.identify(d)
		if id := found[i].id; id != "" && !found[i].given {
			passage := passageID(d)
			if first, seen := passages[id]; seen && first != passage {
				passage = ""
			}
			passages[id] = passage
		}
	}
	ids := make([]string, len(docs))
	for i, f := range found {
		switch {
		case f.given, f.id != "" && passages[f.id] != "":
			ids[i] = f.id
		default:
			ids[i] = passageID(docs[i])
		}
	}
	return ids
}

// identify returns what the user's function says; what our own record says, if
// the document has been through a pipeline before; else the named field.
func (s *Source) identify(d schema.Document) identity {
	if own := s.options.ID; own != nil {
		if id := own(d); id != "" {
			return identity{id, true}
		}
	}
	if id, ok := recordedID(d.Metadata[DefaultMetadataKey]); ok {
		return identity{id, true}
	}
	if s.options.IDKey != "" {
		return identity{id: idText(d.Metadata[s.options.IDKey])}
	}
	if key := s.kind.Traits().IDKey; key != "" {
		return identity{id: idText(d.Metadata[key])}
	}
	return identity{}
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
