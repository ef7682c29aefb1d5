package chat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// evidence is a passage that is being put together.
type evidence struct {
	Passage
	fresh     bool
	documents []pipeline.Document // of a fresh one, in reading order
	like      *likeness
}

func (e *evidence) likeness() likeness {
	if e.like == nil {
		l := likenessOf(e.Text)
		e.like = &l
	}
	return *e.like
}

// name reads the metadata of the document that was found.
func (e *evidence) name(d pipeline.Document, o Options) {
	e.Title, e.Source = printed(d.Metadata[o.Title]), printed(d.Metadata[o.Source])
	e.Lines = nil
	for _, key := range o.Lines {
		if value := printed(d.Metadata[key]); value != "" {
			e.Lines = append(e.Lines, Line{Name: key, Value: value})
		}
	}
	_, e.Position, _ = pipeline.Place(d)
}

// join adds documents that are not there yet and puts all into reading order.
func (e *evidence) join(more []pipeline.Document) {
	for _, d := range more {
		if !slices.ContainsFunc(e.documents, func(o pipeline.Document) bool { return o.ID == d.ID }) {
			e.documents = append(slices.Clip(e.documents), d)
		}
	}
	slices.SortStableFunc(e.documents, func(a, b pipeline.Document) int {
		x, i, okA := pipeline.Place(a)
		y, j, okB := pipeline.Place(b)
		if !okA || !okB || x != y {
			return 0
		}
		return cmp.Compare(i, j)
	})
	texts := make([]string, len(e.documents))
	e.Parts = make([]Part, len(e.documents))
	for i, d := range e.documents {
		texts[i], e.Parts[i] = d.Text, part(d)
	}
	e.Text, e.like = strings.Join(texts, "\n\n"), nil
}

func printed(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
