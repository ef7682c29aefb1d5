package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// entry is a line of a corpus or of a file of queries.
type entry struct {
	ID    identifier `json:"_id"`
	Title string     `json:"title"`
	Text  string     `json:"text"`
	place string     // file:line
}

// identifier is a string, or a number as it is written.
type identifier string

func (i *identifier) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*i = identifier(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return errors.New("_id is neither a string nor a number")
	}
	*i = identifier(number)
	return nil
}

// entries reads a file of JSON lines. It yields an error, with file and line, for
// the first line that is not an object, has no _id, an _id with white space,
// which a run cannot hold, or one that came before, and ends there.
func entries(name string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		file, err := trec.Open(name)
		if err != nil {
			yield(entry{}, err)
			return
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(make([]byte, 1<<16), 1<<28)
		seen := map[identifier]int{}
		number := 0
		for lines.Scan() {
			number++
			if strings.TrimSpace(lines.Text()) == "" {
				continue
			}
			e, err := parse(lines.Bytes(), number, seen)
			if err != nil {
				yield(entry{}, trec.Problem{File: name, Line: number, Text: err.Error()})
				return
			}
			e.place = fmt.Sprintf("%s:%d", name, number)
			if !yield(e, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(entry{}, trec.Problem{File: name, Line: number + 1, Text: err.Error()})
		}
	}
}

func parse(line []byte, number int, seen map[identifier]int) (entry, error) {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	if e.ID == "" {
		return e, errors.New("there is no _id")
	}
	if strings.ContainsAny(string(e.ID), " \t\r\n") {
		return e, fmt.Errorf("_id %q holds white space, which a TREC run cannot", e.ID)
	}
	if first, dup := seen[e.ID]; dup {
		return e, fmt.Errorf("_id %q stands in line %d already", e.ID, first)
	}
	seen[e.ID] = number
	return e, nil
}

// readQuestions reads all queries; there must be one.
func readQuestions(name string) ([]entry, error) {
	var questions []entry
	for q, err := range entries(name) {
		if err != nil {
			return nil, err
		}
		questions = append(questions, q)
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("%s holds no queries", name)
	}
	return questions, nil
}

// document joins title and text: both are searched and reranked.
func (e entry) document() pipeline.Document {
	text := e.Text
	if e.Title != "" {
		text = e.Title + "\n" + e.Text
	}
	return pipeline.Document{ID: string(e.ID), Text: text}
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
