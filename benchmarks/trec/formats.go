package trec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// format is a family of file formats.
type format uint8

const (
	formatColumns format = iota // TREC columns
	formatTable                 // header, then topic, document, value
	formatObject                // one JSON object of topics of documents
	formatRecords               // one JSON object on each line
)

// detect tells the formats apart by how the text begins.
func detect(text string) format {
	l := lines{rest: text}
	for line, ok := l.next(); ok; line, ok = l.next() {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if trimmed[0] == '{' {
			if looksLikeRecord(trimmed) {
				return formatRecords
			}
			return formatObject
		}
		if isHeader(trimmed) {
			return formatTable
		}
		return formatColumns
	}
	return formatColumns
}

// looksLikeRecord reports whether a line is a whole JSON object with a topic
// among its keys.
func looksLikeRecord(line string) bool {
	var r record
	return json.Unmarshal([]byte(line), &r) == nil && r.topic() != ""
}

func isHeader(line string) bool {
	first, _, _ := strings.Cut(line, "\t")
	switch strings.ToLower(strings.TrimSpace(first)) {
	case "query-id", "query_id", "qid", "topic":
		return strings.Count(line, "\t") == 2
	}
	return false
}

// readTable reads lines of "topic TAB document TAB value" below a header.
func readTable(text string, f *findings, add func(line int, topic, document, value string) error) error {
	l := lines{rest: text}
	header := true
	for line, ok := l.next(); ok; line, ok = l.next() {
		cells := strings.Split(line, "\t")
		comment := strings.HasPrefix(line, "#") && (header || len(cells) != 3)
		if strings.TrimSpace(line) == "" || comment {
			continue
		}
		if header {
			header = false
			continue
		}
		if len(cells) != 3 {
			if err := f.add(l.number, "a line has 3 tab-separated fields (topic, document, value), this one has %d", len(cells)); err != nil {
				return err
			}
			continue
		}
		if err := add(l.number, cells[0], cells[1], strings.TrimSpace(cells[2])); err != nil {
			return err
		}
	}
	return nil
}

// record is a line of a JSONL file, under the key names that are in use.
type record struct {
	Topic    string `json:"topic"`
	QID      string `json:"qid"`
	QueryID  string `json:"query_id"`
	QueryIDD string `json:"query-id"`

	Document  string `json:"document"`
	DocID     string `json:"doc_id"`
	DocIDPlus string `json:"docid"`
	DocNo     string `json:"docno"`
	CorpusID  string `json:"corpus_id"`
	CorpusIDD string `json:"corpus-id"`

	Score     *float64 `json:"score"`
	Grade     *float64 `json:"grade"`
	Relevance *float64 `json:"relevance"`
}

func (r record) topic() string { return firstOf(r.Topic, r.QID, r.QueryID, r.QueryIDD) }
func (r record) document() string {
	return firstOf(r.Document, r.DocID, r.DocIDPlus, r.DocNo, r.CorpusID, r.CorpusIDD)
}

func (r record) value() (float64, bool) {
	for _, v := range []*float64{r.Score, r.Grade, r.Relevance} {
		if v != nil {
			return *v, true
		}
	}
	return 0, false
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

func readRecords(text string, f *findings, add func(line int, topic, document string, value float64) error) error {
	l := lines{rest: text}
	for line, ok := l.next(); ok; line, ok = l.next() {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var r record
		err := json.Unmarshal([]byte(line), &r)
		value, has := r.value()
		if err == nil && !has {
			err = errors.New("no score, grade or relevance")
		}
		if err != nil {
			if err := f.add(l.number, "record: %v", err); err != nil {
				return err
			}
			continue
		}
		if err := add(l.number, r.topic(), r.document(), value); err != nil {
			return err
		}
	}
	return nil
}

// readObject reads {"topic": {"document": value}} in the order of the file. A
// key that stands twice is found by whoever collects the entries, which a map
// would hide.
func readObject(text, file string, add func(line int, topic, document string, value float64) error) error {
	d := json.NewDecoder(strings.NewReader(text))
	at, counted := 1, int64(0)
	line := func() int {
		at += strings.Count(text[counted:d.InputOffset()], "\n")
		counted = d.InputOffset()
		return at
	}
	fail := func(err error) error {
		return Problem{File: file, Line: line(), Text: fmt.Sprintf("JSON object of topics: %v", err)}
	}
	if err := expectOpen(d); err != nil {
		return fail(err)
	}
	for d.More() {
		topic, err := d.Token()
		if err != nil {
			return fail(err)
		}
		if err := expectOpen(d); err != nil {
			return fail(err)
		}
		for d.More() {
			document, err := d.Token()
			if err != nil {
				return fail(err)
			}
			var value float64
			if err := d.Decode(&value); err != nil {
				return fail(err)
			}
			if err := add(line(), topic.(string), document.(string), value); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return fail(err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fail(errors.New("more text after the object"))
	}
	return nil
}

func expectOpen(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("expected an object, found %v", t)
	}
	return nil
}
