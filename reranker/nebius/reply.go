package nebius

import (
	"bytes"
	"encoding/json"

	"github.com/rankcascade/cascade/reranker"
)

// reply is a decoded answer. The slices have one entry for each text sent.
type reply struct {
	values []float64
	state  []verdict
	id     string
	model  string
	usage  reranker.Usage
	// dropped counts results that a lenient reading left out, cut the echoes that
	// were shorter than what was sent.
	dropped, cut int
}

// verdict is what is known about the score of one text.
type verdict uint8

const (
	absent  verdict = iota // no result has this index
	scored                 // a finite number
	refused                // null, or nothing that is a finite number
)

func newReply(n int) *reply {
	return &reply{values: make([]float64, n), state: make([]verdict, n)}
}

func (r *reply) count() int {
	n := 0
	for _, s := range r.state {
		if s == scored {
			n++
		}
	}
	return n
}

// sides are the members of an answer that are not the results.
type sides struct{ id, model, usage, tokens, meta, inputTokens []byte }

// byteOrderMark may stand before JSON that went through a careless proxy.
var byteOrderMark = []byte("\xef\xbb\xbf")

// read decodes an answer: by the scanner if it is as it should be, else by the
// referee, whose word on anything unusual is final.
func read(w Wire, body []byte, sent []string, o reading) (*reply, error) {
	body = bytes.TrimPrefix(body, byteOrderMark)
	if !o.checkEcho {
		if r, ok := scan(w, body, len(sent)); ok {
			return r, nil
		}
	}
	return referee(w, body, sent, o)
}

// reading says how forgiving the referee is.
type reading struct{ lenient, checkEcho bool }

// take reads id, model and usage. What has another type is left out.
func (r *reply) take(s sides, documents int) {
	_ = json.Unmarshal(s.id, &r.id)
	_ = json.Unmarshal(s.model, &r.model)
	r.id, r.model = printable(r.id, 128), printable(r.model, 200)
	r.usage = reranker.Usage{Calls: 1, Documents: documents, Tokens: tokens(s)}
}

// tokens finds the token count wherever servers put it: usage.prompt_tokens,
// usage.total_tokens, tokens.input_tokens, meta.tokens.input_tokens,
// input_tokens. A count that cannot be true is none.
func tokens(s sides) int {
	if n := plainCount(s.usage, `"prompt_tokens":`); n > 0 {
		return n
	}
	type counts struct {
		Prompt json.Number `json:"prompt_tokens"`
		Total  json.Number `json:"total_tokens"`
		Input  json.Number `json:"input_tokens"`
	}
	var usage, plain counts
	var meta struct{ Tokens counts }
	var input json.Number
	for _, side := range []struct {
		raw  []byte
		into any
	}{{s.usage, &usage}, {s.tokens, &plain}, {s.meta, &meta}, {s.inputTokens, &input}} {
		if len(side.raw) > 0 {
			_ = json.Unmarshal(side.raw, side.into)
		}
	}
	for _, n := range []json.Number{usage.Prompt, usage.Total, usage.Input, plain.Input, plain.Total, meta.Tokens.Input, input} {
		if n == "" {
			continue
		}
		if v, err := n.Float64(); err == nil && v > 0 && v < 1<<40 {
			return int(v)
		}
	}
	return 0
}

// plainCount reads the whole number that follows the first key in raw, without
// allocating; 0 where anything is out of the ordinary.
func plainCount(raw []byte, key string) int {
	at := bytes.Index(raw, []byte(key))
	if at < 0 {
		return 0
	}
	n, digits := 0, 0
	for _, c := range bytes.TrimLeft(raw[at+len(key):], " ") {
		switch {
		case c >= '0' && c <= '9' && digits < 12:
			n, digits = n*10+int(c-'0'), digits+1
		case c == ',' || c == '}':
			return n
		default:
			return 0
		}
	}
	return 0
}
