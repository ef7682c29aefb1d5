package nebius

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// request is a checked rerank request.
type request struct {
	model     string
	query     string
	documents []string
	topN      int  // 0 means all
	echo      bool // repeat the documents
}

// read reads and checks a request. All faults of its members are told at once.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (request, *answer) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return request{}, detail(http.StatusUnsupportedMediaType, "Content-Encoding is not supported; send the body as it is")
	}
	limit := or(h.o.MaxBytes, defaultMaxBytes)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return request{}, detail(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes", limit))
	}
	if err != nil {
		return request{}, detail(http.StatusBadRequest, "The body could not be read")
	}
	var fields map[string]json.RawMessage
	if fault := topLevel(body, &fields); fault != nil {
		return request{}, fault
	}
	in := request{echo: true}
	c := checker{fields: fields}
	in.model = c.text("model", true)
	in.query = c.text("query", true)
	if _, ok := fields["query"]; ok && len(c.faults) == 0 && blank(in.query) {
		c.fault("string_too_short", "String should have at least 1 character", "query")
	}
	in.documents = c.documents(or(h.o.MaxDocuments, defaultMaxDocuments))
	c.text("user", false)
	c.tier()
	h.extras(&c, &in)
	if len(c.faults) > 0 {
		return request{}, validationAnswer(c.faults)
	}
	if len(h.o.Models) > 0 && !slices.Contains(h.o.Models, in.model) {
		return request{}, detail(http.StatusNotFound, "The model `"+printable(in.model, 100)+"` does not exist")
	}
	return in, nil
}

func topLevel(body []byte, fields *map[string]json.RawMessage) *answer {
	err := json.Unmarshal(body, fields)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return validationAnswer([]fault{{Type: "json_invalid", Loc: []any{"body", syntax.Offset}, Msg: "JSON decode error"}})
	case err != nil || *fields == nil:
		return validationAnswer([]fault{{Type: "model_attributes_type", Loc: []any{"body"}, Msg: "Input should be a valid dictionary or object to extract fields from"}})
	}
	return nil
}

// extras refuses or honours what the contract does not have.
func (h *handler) extras(c *checker, in *request) {
	for _, name := range slices.Sorted(maps.Keys(c.fields)) {
		switch name {
		case "model", "query", "documents", "user", "service_tier":
			continue
		}
		if !h.o.AllowExtra {
			c.fault("extra_forbidden", "Extra inputs are not permitted", printable(name, 60))
			continue
		}
		switch raw := c.fields[name]; name {
		case "top_n":
			if kindOf(raw) == "null" {
				continue
			}
			if n, err := strconv.Atoi(string(raw)); err != nil || n < 1 {
				c.fault("greater_than_equal", "Input should be a valid integer greater than or equal to 1", name)
			} else {
				in.topN = n
			}
		case "return_documents":
			in.echo = string(raw) != "false"
		}
	}
}

// fault is one entry of a validation error. It has no input member: that would
// repeat what was sent.
type fault struct {
	Type string `json:"type"`
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
}

// checker collects the faults of a request.
type checker struct {
	fields map[string]json.RawMessage
	faults []fault
}

// maxFaults is the most faults that are told of one request.
const maxFaults = 20

func (c *checker) fault(kind, msg string, loc ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, fault{Type: kind, Loc: append([]any{"body"}, loc...), Msg: msg})
	}
}

func (c *checker) text(name string, required bool) string {
	raw, ok := c.fields[name]
	if !ok || !required && kindOf(raw) == "null" {
		if required {
			c.fault("missing", "Field required", name)
		}
		return ""
	}
	var s string
	if kindOf(raw) != "a string" || json.Unmarshal(raw, &s) != nil {
		c.fault("string_type", "Input should be a valid string", name)
	}
	return s
}

func (c *checker) tier() {
	raw, ok := c.fields["service_tier"]
	if !ok || kindOf(raw) == "null" {
		return
	}
	var tier string
	if json.Unmarshal(raw, &tier) != nil || !slices.Contains([]string{"auto", "default", "over-limit", "flex", "no-limit"}, tier) {
		c.fault("enum", "Input should be 'auto', 'default', 'over-limit', 'flex' or 'no-limit'", "service_tier")
	}
}

func (c *checker) documents(most int) []string {
	raw, ok := c.fields["documents"]
	if !ok {
		c.fault("missing", "Field required", "documents")
		return nil
	}
	if kindOf(raw) != "a list" {
		c.fault("list_type", "Input should be a valid list", "documents")
		return nil
	}
	var items []json.RawMessage
	_ = json.Unmarshal(raw, &items)
	switch {
	case len(items) == 0:
		c.fault("too_short", "List should have at least 1 item after validation, not 0", "documents")
	case len(items) > most:
		c.fault("too_long", fmt.Sprintf("List should have at most %d items after validation, not %d", most, len(items)), "documents")
		return nil
	}
	documents := make([]string, len(items))
	for i, item := range items {
		if kindOf(item) != "a string" {
			c.fault("string_type", "Input should be a valid string", "documents", i)
			continue
		}
		_ = json.Unmarshal(item, &documents[i])
	}
	return documents
}
