package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Query is what a retriever is asked. It is a value: stages that change it
// work on a copy, and nothing here is written after it has been handed over.
type Query struct {
	// Text is what the user wants to know.
	Text string
	// ID names the query in logs and runs: a topic in an experiment, a request
	// in a service. It may be empty.
	ID string
	// Turns are the earlier turns of the conversation, oldest first.
	Turns []Turn
	// Filter is handed to retrievers as it is. Each retriever says which types
	// it accepts and refuses the rest with an error; nil means no filter.
	Filter any
	// Trace asks every combinator to keep the rankings that it saw, so that
	// Explain can say where a document was lost. Off by default, because the
	// intermediate rankings then live as long as the final one.
	Trace bool

	attributes *attribute
	gaps       []Gap
}

// WithGaps returns a copy of q that says what went missing while it was made: a
// Rewriter whose model failed returns the question as it was, with a gap. Every
// retriever that a combinator asks such a query adds the gaps to its ranking.
func (q Query) WithGaps(gaps ...Gap) Query {
	q.gaps = slices.Concat(q.gaps, gaps)
	return q
}

// Gaps returns what went missing while q was made, oldest first; nil for nothing.
// The caller must not write to it.
func (q Query) Gaps() []Gap { return q.gaps }

// Attribute is what a query carries under a Key.
type Attribute struct {
	// Key is equal for equal keys, and different for keys that only share their
	// name. It means nothing outside this process.
	Key any
	// Name is the name that the key was made with.
	Name  string
	Value any
}

// Attributes returns what q carries, each key once with the value that Of
// returns, newest first; nil for nothing. It is for parts that have to tell
// queries apart, such as a cache: whoever needs one value uses its Key.
func (q Query) Attributes() []Attribute {
	var list []Attribute
	seen := map[*string]bool{}
	for a := q.attributes; a != nil; a = a.next {
		if a.key != nil && !seen[a.key] {
			seen[a.key] = true
			list = append(list, Attribute{Key: a.key, Name: *a.key, Value: a.value})
		}
	}
	return list
}

// jsonQuery is the form of a query.
type jsonQuery struct {
	Version    int        `json:"version"`
	Text       string     `json:"text"`
	ID         string     `json:"id,omitempty"`
	Turns      []Turn     `json:"turns,omitzero"`
	Filter     *Filter    `json:"filter,omitempty"`
	Trace      bool       `json:"trace,omitempty"`
	Attributes []jsonNote `json:"attributes,omitempty"`
	Gaps       []jsonGap  `json:"gaps,omitempty"`
}

// MarshalJSON writes the query with its filter, attributes and gaps. A filter that
// FilterOf does not know, as a store's own type, is an error: a recording without
// it would show more than the query did.
func (q Query) MarshalJSON() ([]byte, error) {
	j := jsonQuery{Version: JSONVersion, Text: q.Text, ID: q.ID, Turns: q.Turns, Trace: q.Trace}
	if q.Filter != nil {
		f, ok := FilterOf(q.Filter)
		if !ok {
			return nil, fmt.Errorf("pipeline: encode query: a filter of type %T cannot be written down: use a pipeline.Filter", q.Filter)
		}
		j.Filter = &f
	}
	for _, g := range q.gaps {
		j.Gaps = append(j.Gaps, writeGap(g))
	}
	var err error
	if j.Attributes, err = encodeNotes(q.attributes); err != nil {
		return nil, fmt.Errorf("pipeline: encode query: %w", err)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote. Attributes come back for keys of the
// same name, the filter as a Filter.
func (q *Query) UnmarshalJSON(text []byte) error {
	var j jsonQuery
	err := json.Unmarshal(text, &j)
	if err == nil {
		err = checkVersion(j.Version)
	}
	if err != nil {
		return fmt.Errorf("pipeline: decode query: %w", err)
	}
	*q = Query{Text: j.Text, ID: j.ID, Turns: j.Turns, Trace: j.Trace, attributes: decodeNotes(j.Attributes)}
	if j.Filter != nil {
		q.Filter = *j.Filter
	}
	for _, g := range j.Gaps {
		q.gaps = append(q.gaps, readGap(g))
	}
	return nil
}

// Turn is one utterance of a conversation.
type Turn struct {
	// Role says who spoke, by convention "user" or "assistant".
	Role string `json:"role"`
	// Text is what was said.
	Text string `json:"text"`
}

// inherit returns q, which a part made of the query from, with what it must not
// lose: id, filter, turns, attributes, gaps and trace.
//
// A filter is a permission, and so is an attribute that a guard reads, so those
// of from hold whatever q says: only the caller of the pipeline widens them. A
// part may add attributes of other keys. Turns that are empty and not nil stay
// empty: they say that a part has used the turns up.
func (q Query) inherit(from Query) (Query, error) {
	if q.ID == "" {
		q.ID = from.ID
	}
	if q.Turns == nil {
		q.Turns = from.Turns
	}
	filter, err := narrowed(from.Filter, q.Filter)
	if err != nil {
		return Query{}, err
	}
	q.Filter = filter
	q.Trace = q.Trace || from.Trace
	q.attributes = overlay(q.attributes, from.attributes)
	q.gaps = unionGaps(from.gaps, q.gaps)
	return q, nil
}

// ErrFilterChanged is in the chain of the error of a combinator whose rewriter
// put another filter in the place of the caller's that cannot be added to it.
var ErrFilterChanged = errors.New("the filter of the query was replaced")

// narrowed returns the filter that allows what both filters allow.
func narrowed(from, made any) (any, error) {
	switch {
	case made == nil, from != nil && reflect.DeepEqual(made, from):
		return from, nil
	case from == nil:
		return made, nil
	}
	if a, ok := FilterOf(from); ok {
		if b, ok := FilterOf(made); ok {
			return And(a, b), nil
		}
	}
	return nil, fmt.Errorf("%w: a filter of type %T cannot be added to one of type %T: leave it as it was, or make both a pipeline.Filter", ErrFilterChanged, made, from)
}
