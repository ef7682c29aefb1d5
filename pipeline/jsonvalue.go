package pipeline

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// writable returns metadata in a form that JSON keeps: a float64 is written with a
// point or an exponent, so that it is told from a whole number, and one that is no
// number as the text "NaN", "+Inf" or "-Inf".
func writable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = writable(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = writable(value)
		}
		return out
	case float64:
		return writableFloat(v)
	case float32:
		return writableFloat(float64(v))
	}
	return v
}

func writableFloat(v float64) any {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return text
	}
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return json.Number(text)
}

// readMetadata reads metadata back: whole numbers become int64, or uint64 or
// json.Number where they are too large, others float64.
func readMetadata(text json.RawMessage) (map[string]any, error) {
	if len(text) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	for key, value := range m {
		m[key] = readable(value)
	}
	return m, nil
}

func readable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = readable(value)
		}
	case []any:
		for i, value := range v {
			v[i] = readable(value)
		}
	case json.Number:
		return readableNumber(v)
	}
	return v
}

func readableNumber(n json.Number) any {
	text := n.String()
	if strings.ContainsAny(text, ".eE") {
		if f, err := n.Float64(); err == nil {
			return f
		}
		return n
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u
	}
	return n
}
