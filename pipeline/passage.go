package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// passageNames are metadata keys whose value a reader knows a passage by. They
// only make an id readable: what tells passages apart is the hash behind it.
var passageNames = [...]string{"id", "_id", "doc_id", "chunk_id", "source", "file", "filename", "path", "url", "title"}

// maxPassageName bounds the readable part of a passage's id, in bytes.
const maxPassageName = 40

// PassageID makes an id for a passage that a store keeps without one. It is a
// readable name, "#" and 16 hexadecimal digits of a hash over the text and all
// metadata, so that different texts, and equal texts of different sources, are
// different documents: "handbook.pdf#9f86d081884c7d65". Metadata that went through
// JSON or another store gives the same id, as long as the values are the same:
// numbers are compared as in Filter. Values that a Filter does not know, such as
// NaN, count as nil.
func PassageID(text string, metadata map[string]any) string {
	h := sha256.New()
	hashText(h, text)
	hashValue(h, metadata)
	return passageName(metadata) + "#" + hex.EncodeToString(h.Sum(nil)[:8])
}

func passageName(metadata map[string]any) string {
	for _, key := range passageNames {
		v, err := NewValue(metadata[key])
		if err != nil {
			continue
		}
		if name := readableName(v.Text() + v.Literal()); name != "" {
			return name
		}
	}
	return "passage"
}

// readableName cuts a name to what fits into an id that a person reads.
func readableName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return '-'
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) <= maxPassageName {
		return s
	}
	cut := len(s) - maxPassageName // the end of a path tells more than its beginning
	for cut < len(s) && s[cut]&0xc0 == 0x80 {
		cut++
	}
	return s[cut:]
}

// hashText writes the length too, so that no two lists of texts look alike.
func hashText(h hash.Hash, s string) {
	h.Write(append(strconv.AppendInt(nil, int64(len(s)), 10), ':'))
	h.Write([]byte(s))
}

func hashValue(h hash.Hash, v any) {
	if value, err := NewValue(v); err == nil {
		if text, ok := value.counterpart(); ok && value.kind == TimeValue {
			value = text // as JSON writes it
		}
		hashText(h, value.Key())
		return
	}
	r := indirect(reflect.ValueOf(v))
	switch {
	case r.Kind() == reflect.Map && r.Type().Key().Kind() == reflect.String:
		fields := make(map[string]any, r.Len())
		for _, k := range r.MapKeys() {
			fields[k.String()] = r.MapIndex(k).Interface()
		}
		h.Write([]byte{'{'})
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			hashText(h, key)
			hashValue(h, fields[key])
		}
		h.Write([]byte{'}'})
	case r.IsValid() && isList(r):
		h.Write([]byte{'['})
		for i := range r.Len() {
			hashValue(h, r.Index(i).Interface())
		}
		h.Write([]byte{']'})
	default:
		h.Write([]byte{'0'})
	}
}
