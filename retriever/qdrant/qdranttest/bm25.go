package qdranttest

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recordedStems are the words of the recording, by language, as the server stems them;
// a stop word has no stem. Other words are refused, but for the language "none", which
// has neither stems nor stop words.
var recordedStems = map[string]map[string]string{
	"english": {
		"the": "", "an": "", "and": "", "by": "", "river": "river", "carries": "carri", "cold": "cold", "water": "water", "bread": "bread",
		"needs": "need", "oven": "oven", "time": "time", "die": "die", "kalten": "kalten", "flüsse": "flüsse", "tragen": "tragen",
		"wasser": "wasser", "running": "run", "runner": "runner", "runs": "run", "run": "run", "zebra": "zebra",
		"hello": "hello", "river,": "river,", "River": "River", "Flüsse": "Flüsse",
	},
	"german": {"cold": "cold", "bread": "bread", "by": "by", "the": "the", "river": "riv", "flüsse": "fluss"},
}

// bm25 is the model that the server has within itself.
type bm25 struct {
	k, b, length    float64
	language        string
	whitespace, raw bool
}

// inferred encodes a document of an upsert or a query. The server refuses every other
// model, for want of a service that serves it.
func inferred(d *api.Document, query bool) (vector, error) {
	if !strings.EqualFold(d.GetModel(), "qdrant/bm25") {
		return vector{}, unserved(query)
	}
	m, err := bm25Of(d.GetOptions(), query)
	if err != nil {
		return vector{}, err
	}
	terms, err := m.terms(d.GetText())
	if err != nil {
		return vector{}, err
	}
	times := map[string]int{}
	for _, term := range terms {
		times[term]++
	}
	v := vector{kind: sparseKind}
	for term, n := range times {
		value := float32(1)
		if query && n > 1 {
			return vector{}, missing("a query with one term several times")
		}
		if !query {
			value = m.weight(float64(n), float64(len(terms)))
		}
		v.indices, v.values = append(v.indices, murmur(term)), append(v.values, value)
	}
	return v.sorted(), nil
}

func unserved(query bool) error {
	return status.Error(codes.Internal, inference(query)+"Service internal error: InferenceService URL not configured - please provide valid address in config")
}

// inference stands in front of the server's texts about queries.
func inference(query bool) string {
	if query {
		return "Inference error: "
	}
	return ""
}

// bm25Of reads the options of the model; the server ignores those that it does not
// know.
func bm25Of(options map[string]*api.Value, query bool) (bm25, error) {
	m := bm25{k: 1.2, b: 0.75, length: 256, language: "english"}
	for name, to := range map[string]*float64{"k": &m.k, "b": &m.b, "avg_len": &m.length} {
		switch v := options[name].GetKind().(type) {
		case nil:
		case *api.Value_DoubleValue:
			*to = v.DoubleValue
		case *api.Value_StringValue:
			return m, badOption(query, fmt.Sprintf(`invalid type: string \"%s\", expected f64`, v.StringValue))
		default:
			return m, missing("option " + name + " of qdrant/bm25 as no float")
		}
	}
	if options["stopwords"].GetListValue() != nil {
		return m, badOption(query, "data did not match any variant of untagged enum StopwordsInterface")
	}
	for _, name := range []string{"stopwords", "stemmer", "ascii_folding", "min_token_len", "max_token_len"} {
		if options[name] != nil {
			return m, missing("option " + name + " of qdrant/bm25")
		}
	}
	if v := options["language"]; v != nil {
		m.language = v.GetStringValue()
	}
	switch v := options["tokenizer"]; {
	case v.GetStringValue() == "whitespace":
		m.whitespace = true
	case v != nil && v.GetStringValue() != "word":
		return m, missing("this tokenizer of qdrant/bm25")
	}
	if v, is := options["lowercase"].GetKind().(*api.Value_BoolValue); is {
		m.raw = !v.BoolValue
	} else if options["lowercase"] != nil {
		return m, missing("option lowercase of qdrant/bm25 as no boolean")
	}
	return m, nil
}

func badOption(query bool, what string) error {
	code := codes.InvalidArgument
	if query {
		code = codes.Internal
	}
	return status.Error(code, inference(query)+`Wrong input: Invalid BM25 config: Error("`+what+`", line: 0, column: 0)`)
}

// terms are the stems of a text without its stop words.
func (m bm25) terms(text string) ([]string, error) {
	if !m.raw {
		text = strings.ToLower(text)
	}
	cut := strings.Fields(text)
	if !m.whitespace {
		cut = strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	}
	if m.language == "none" {
		return cut, nil
	}
	for i, word := range cut {
		stem, known := recordedStems[m.language][word]
		if !known {
			return nil, missing(fmt.Sprintf("the stem of %q in the language %q: it was not recorded; the language \"none\" takes every word", word, m.language))
		}
		cut[i] = stem
	}
	return slices.DeleteFunc(cut, func(stem string) bool { return stem == "" }), nil
}

// weight is that of a term that stands n times in a text of that many terms.
func (m bm25) weight(n, all float64) float32 {
	return float32(n * (m.k + 1) / (n + m.k*(1-m.b+m.b*all/m.length)))
}

// murmur is the number of a term: MurmurHash3 in 32 bits, without its sign.
func murmur(term string) uint32 {
	const a, b = 0xcc9e2d51, 0x1b873593
	var h uint32
	rest := []byte(term)
	for ; len(rest) >= 4; rest = rest[4:] {
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(rest)*a, 15) * b
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	if len(rest) > 0 {
		var last [4]byte
		copy(last[:], rest)
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(last[:])*a, 15) * b
	}
	h ^= uint32(len(term))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	h ^= h >> 16
	if n := int32(h); n < 0 {
		return uint32(-int64(n))
	}
	return h
}
