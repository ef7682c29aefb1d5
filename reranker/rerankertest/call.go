package rerankertest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Call is one request as the server received it.
type Call struct {
	// N counts the calls of the server, from 1.
	N int
	// Conn is the number of the connection that the call came on, from 1 in the
	// order in which connections were accepted.
	Conn int
	// InFlight is the number of calls that were being served when this one
	// arrived, itself included.
	InFlight int
	// At is the time of arrival.
	At time.Time
	// Proto is the protocol: "HTTP/1.1" or "HTTP/2.0".
	Proto string
	// Method, URL, Header and Body are the request; the header has Host added.
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
	// Model, Query and Documents are what the body asks for, whatever the dialect
	// calls it; empty if the body is not understood.
	Model     string
	Query     string
	Documents []string

	ctx context.Context
}

// Context ends when the caller hangs up or the server is closed.
func (c Call) Context() context.Context { return c.ctx }

// Fields returns the top-level members of the body; nil if it is no object.
func (c Call) Fields() map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.Body, &fields) != nil {
		return nil
	}
	return fields
}

// understand fills Model, Query and Documents from the keys of all dialects.
func (c *Call) understand() {
	fields := c.Fields()
	_ = json.Unmarshal(fields["model"], &c.Model)
	c.Query = firstText(fields["query"], fields["queries"])
	for _, key := range []string{"documents", "texts", "passages", "input"} {
		if raw, ok := fields[key]; ok {
			c.Documents = texts(raw)
			return
		}
	}
}

func firstText(candidates ...json.RawMessage) string {
	for _, raw := range candidates {
		if found := texts(raw); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// texts reads a string, an object with a text, or a list of either.
func texts(raw json.RawMessage) []string {
	switch strings.TrimLeft(string(raw), " \t\r\n")[:min(1, len(raw))] {
	case `"`:
		var s string
		_ = json.Unmarshal(raw, &s)
		return []string{s}
	case "{":
		var object struct{ Text string }
		_ = json.Unmarshal(raw, &object)
		return []string{object.Text}
	case "[":
		var items []json.RawMessage
		_ = json.Unmarshal(raw, &items)
		var all []string
		for _, item := range items {
			all = append(all, texts(item)...)
		}
		return all
	}
	return nil
}
