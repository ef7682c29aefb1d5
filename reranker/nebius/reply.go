package nebius

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/rankcascade/cascade/reranker"
)

// reply is a decoded answer. The slices have one entry for each text sent.
type reply struct {
	values []float64
	state  []verdict
	id     string
	model  string
	usage  reranker.Usage
	// cut counts the echoes that were shorter than what was sent, and doubt is what
	// was wrong with the first score that could not be used.
	cut   int
	doubt error
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
	if r, ok := scan(w, body, sent, o); ok {
		return r, nil
	}
	return referee(w, body, sent, o)
}

// reading says how an answer is read.
type reading struct {
	ignoreEcho bool
	inner      []string // the texts without the prompt that was written around them, or nil
}

// take reads id, model and usage. What has another type is left out.
func (r *reply) take(s sides, documents int) {
	_ = json.Unmarshal(s.id, &r.id)
	_ = json.Unmarshal(s.model, &r.model)
	r.id, r.model = printable(r.id, 128), printable(r.model, 200)
	r.usage = reranker.Usage{Calls: 1, Documents: documents}
	r.tally(s)
}

// tally finds the counters wherever servers put them: tokens of the prompt in
// usage.prompt_tokens, usage.input_tokens, tokens.input_tokens,
// meta.tokens.input_tokens and input_tokens, all tokens in usage.total_tokens and
// its like, billed units in meta.billed_units.search_units and
// usage.rerank_units. A count that cannot be true is none; a server that has one
// of the two counters of tokens means both.
func (r *reply) tally(s sides) {
	u := &r.usage
	u.Tokens, u.TotalTokens = plainCount(s.usage, `"prompt_tokens":`), plainCount(s.usage, `"total_tokens":`)
	if u.Tokens > 0 && u.TotalTokens > 0 {
		return // as nearly every server has it, without decoding anything
	}
	type counts struct {
		Prompt      json.Number `json:"prompt_tokens"`
		Total       json.Number `json:"total_tokens"`
		Input       json.Number `json:"input_tokens"`
		SearchUnits json.Number `json:"search_units"`
		RerankUnits json.Number `json:"rerank_units"`
	}
	var usage, plain counts
	var meta struct {
		Tokens counts
		Billed counts `json:"billed_units"`
	}
	var input json.Number
	for _, side := range []struct {
		raw  []byte
		into any
	}{{s.usage, &usage}, {s.tokens, &plain}, {s.meta, &meta}, {s.inputTokens, &input}} {
		if len(side.raw) > 0 {
			_ = json.Unmarshal(side.raw, side.into)
		}
	}
	total := firstCount(json.Number(strconv.Itoa(u.TotalTokens)), usage.Total, plain.Total, meta.Tokens.Total, meta.Billed.Total)
	u.Tokens = firstCount(json.Number(strconv.Itoa(u.Tokens)), usage.Prompt, usage.Input, plain.Input, meta.Tokens.Input, meta.Billed.Input, input)
	u.Tokens = or(u.Tokens, total)
	u.TotalTokens = or(total, u.Tokens)
	u.Units = firstCount(meta.Billed.SearchUnits, usage.RerankUnits, usage.SearchUnits)
}

// firstCount returns the first of the numbers that is a count, rounded up.
func firstCount(numbers ...json.Number) int {
	for _, n := range numbers {
		if v, err := n.Float64(); err == nil && v > 0 && v < 1<<40 {
			return int(math.Ceil(v))
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
