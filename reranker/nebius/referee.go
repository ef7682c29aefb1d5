package nebius

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// referee reads an answer with encoding/json, uses what is sound, and tells what
// is wrong with an answer that cannot be trusted.
func referee(w Wire, body []byte, sent []string, o reading) (*reply, error) {
	body = bytes.TrimSpace(body)
	if err := wellFormed(body); err != nil {
		return nil, err
	}
	r := newReply(len(sent))
	list := json.RawMessage(body)
	var s sides
	if w.Envelope != "" || body[0] == '{' {
		top, err := openEnvelope(w, body)
		if err != nil {
			return nil, err
		}
		list, s = top.list, top.sides
	}
	var items []json.RawMessage
	if len(list) == 0 || list[0] != '[' || json.Unmarshal(list, &items) != nil {
		return nil, fmt.Errorf("the answer's %s is %s, not a list", quoteOr(w.Envelope, "body"), kindOf(list))
	}
	j := judge{wire: w, sent: sent, reading: o, echoes: &echoes{sent: sent, inner: o.inner}, reply: r}
	if err := j.all(items); err != nil {
		return nil, err
	}
	r.take(s, len(sent))
	return r, nil
}

func wellFormed(body []byte) error {
	switch {
	case len(body) == 0:
		return errors.New("the answer is empty")
	case body[0] == '<':
		return errors.New("the answer is a web page" + pageTitle(body))
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("the answer is not JSON: %s", err.Error())
	}
	return nil
}

// pageTitle returns a page's title as an excerpt without any markup.
func pageTitle(body []byte) string {
	body = body[:min(len(body), 4096)]
	lower := bytes.ToLower(body)
	start := bytes.Index(lower, []byte("<title"))
	if start < 0 || len(lower) != len(body) {
		return ""
	}
	_, rest, _ := bytes.Cut(body[start:], []byte(">"))
	title, _, ok := bytes.Cut(rest, []byte("<"))
	if !ok || len(bytes.TrimSpace(title)) == 0 {
		return ""
	}
	return fmt.Sprintf(" titled %q", printable(string(title), 80))
}

type member struct {
	key   string
	value json.RawMessage
}

// members lists the members of a valid JSON object in their order, repeated
// ones included.
func members(object []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	var all []member
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{key: key.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	_, err := d.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return all, nil
}

// find returns the value with the name. Other letter case is forgiven when the
// name itself is not there. A name that stands there twice is an error, because
// two readers could believe two different values.
func find(all []member, name string) (json.RawMessage, error) {
	var exact, folded []json.RawMessage
	for _, m := range all {
		if m.key == name {
			exact = append(exact, m.value)
		} else if strings.EqualFold(m.key, name) {
			folded = append(folded, m.value)
		}
	}
	if len(exact) == 0 {
		exact = folded
	}
	switch len(exact) {
	case 0:
		return nil, nil
	case 1:
		return exact[0], nil
	}
	return nil, fmt.Errorf("%q stands there %d times", name, len(exact))
}

// last returns the value of the last member with the name, in any letter case.
func last(all []member, name string) json.RawMessage {
	for i := len(all) - 1; i >= 0; i-- {
		if strings.EqualFold(all[i].key, name) {
			return all[i].value
		}
	}
	return nil
}

type opened struct {
	list  json.RawMessage
	sides sides
}

func openEnvelope(w Wire, body []byte) (opened, error) {
	if body[0] == '[' {
		return opened{}, fmt.Errorf("the answer is a bare list, and the dialect expects an object with %q: servers that answer so need dialect %q", w.Envelope, string(TEI))
	}
	if body[0] != '{' {
		return opened{}, fmt.Errorf("the answer is %s, not an object", kindOf(body))
	}
	all, err := members(body)
	if err != nil {
		return opened{}, fmt.Errorf("the answer cannot be read: %w", err)
	}
	for _, key := range []string{"error", "detail"} {
		if v := last(all, key); v != nil && kindOf(v) != "null" {
			return opened{}, fmt.Errorf("the answer is a success with an error in it: %s", message(body))
		}
	}
	if w.Envelope == "" {
		return opened{}, errors.New("the answer is an object, and the dialect expects a bare list: choose another dialect")
	}
	list, err := find(all, w.Envelope)
	if err != nil {
		return opened{}, fmt.Errorf("the answer is ambiguous: %w", err)
	}
	if list == nil {
		return opened{}, noEnvelope(w, all)
	}
	return opened{list: list, sides: sides{
		id: last(all, "id"), model: last(all, "model"), usage: last(all, "usage"),
		tokens: last(all, "tokens"), meta: last(all, "meta"), inputTokens: last(all, "input_tokens"),
	}}, nil
}

func noEnvelope(w Wire, all []member) error {
	for _, other := range []string{"results", "data", "rankings", "scores", "records"} {
		if v := last(all, other); len(v) > 0 && v[0] == '[' {
			return fmt.Errorf("the answer has its list in %q, and the dialect expects it in %q: choose another dialect", other, w.Envelope)
		}
	}
	return fmt.Errorf("the answer has no %q", w.Envelope)
}

// judge decides over the items of a list. What a result says of its own score
// may be bad and costs that document its score; what it says of its place must
// be right in every result, since one wrong place proves that all are in doubt.
type judge struct {
	wire    Wire
	sent    []string
	reading reading
	echoes  *echoes
	reply   *reply
}

func (j judge) all(items []json.RawMessage) error {
	n := len(j.sent)
	if len(items) > n || j.wire.bare() && len(items) != n {
		return fmt.Errorf("the answer has %d results for %d documents", len(items), n)
	}
	var doubt error
	for i, raw := range items {
		soft, err := j.one(i, raw)
		if err != nil {
			return fmt.Errorf("result %d: %w", i+1, err)
		}
		if soft != nil && doubt == nil {
			doubt = fmt.Errorf("result %d: %w", i+1, soft)
		}
	}
	switch scored := j.reply.count(); {
	case n == 0 || scored == n:
	case scored == 0 && doubt != nil:
		return doubt
	case scored == 0:
		return fmt.Errorf("the answer has usable scores for 0 of %d documents", n)
	default:
		j.reply.doubt = doubt
	}
	return nil
}

// one reads a result: soft is what is wrong with its score alone, and err what
// is wrong with its place.
func (j judge) one(position int, raw json.RawMessage) (soft, err error) {
	if j.wire.bare() {
		return j.score(position, raw), nil
	}
	if len(raw) == 0 || raw[0] != '{' {
		return nil, fmt.Errorf("it is %s, not an object", kindOf(raw))
	}
	all, err := members(raw)
	if err != nil {
		return nil, err
	}
	index, err := j.index(all)
	if err != nil {
		return nil, err
	}
	if err := j.echo(all, index); err != nil {
		return nil, err
	}
	score, err := find(all, j.wire.ScoreKey)
	if err != nil {
		j.reply.state[index] = refused
		return err, nil
	}
	return j.score(index, score), nil
}

func (j judge) index(all []member) (int, error) {
	raw, err := find(all, j.wire.IndexKey)
	if err != nil {
		return 0, err
	}
	if raw == nil {
		return 0, fmt.Errorf("it has no %q", j.wire.IndexKey)
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || v != math.Trunc(v) {
		return 0, fmt.Errorf("its %q is %s, not a whole number", j.wire.IndexKey, kindOf(raw))
	}
	if v < 0 || v >= float64(len(j.sent)) {
		return 0, fmt.Errorf("its %q is %s, outside of 0 to %d", j.wire.IndexKey, printable(string(raw), 20), len(j.sent)-1)
	}
	if j.reply.state[int(v)] != absent {
		return 0, fmt.Errorf("its %q is %d, as in a result before it", j.wire.IndexKey, int(v))
	}
	return int(v), nil
}

func (j judge) score(index int, raw json.RawMessage) error {
	j.reply.state[index] = refused
	switch kind := kindOf(raw); kind {
	case "null":
		return nil // NaN, as real servers write it
	case "nothing":
		return fmt.Errorf("it has no %q", j.wire.ScoreKey)
	case "a number":
		v, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.IsInf(v, 0) {
			return fmt.Errorf("its %q is out of the range of a 64-bit number", j.wire.ScoreKey)
		}
		j.reply.values[index], j.reply.state[index] = v, scored
		return nil
	default:
		return fmt.Errorf("its %q is %s, not a number", j.wire.ScoreKey, kind)
	}
}

func (j judge) echo(all []member, index int) error {
	if j.reading.ignoreEcho || j.wire.EchoKey == "" {
		return nil
	}
	switch j.echoes.like(index, echoText(last(all, j.wire.EchoKey))) {
	case cut:
		j.reply.cut++
	case other:
		return &echoError{index: index}
	}
	return nil
}

// echoText reads a repeated document, a string or an object with a text; empty
// if it is neither.
func echoText(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '{' {
		var object struct{ Text *string }
		if json.Unmarshal(raw, &object) == nil && object.Text != nil {
			text = *object.Text
		}
	} else {
		_ = json.Unmarshal(raw, &text)
	}
	return text
}

// kindOf says in words what a JSON value is.
func kindOf(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func quoteOr(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return strconv.Quote(name)
}
