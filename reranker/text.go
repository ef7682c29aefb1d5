package reranker

import (
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// TextOnly returns the document's text. It is what a stage sends if StageOptions.Text
// is nil.
func TextOnly(d pipeline.Document) string { return d.Text }

// WithFields returns a function for StageOptions.Text that puts metadata in front of
// the text, one field on a line in the given order. Strings, lists of strings
// and numbers are written as they read; fields that are missing, nil or empty
// are left out. WithFields("title") is title and text.
func WithFields(fields ...string) func(pipeline.Document) string {
	return func(d pipeline.Document) string {
		var b strings.Builder
		for _, f := range fields {
			line(&b, fieldText(d.Metadata[f]))
		}
		line(&b, d.Text)
		return b.String()
	}
}

// WithNames is WithFields where each line begins with the field's name, as in
// "author: Metzler"; the text has no name.
func WithNames(fields ...string) func(pipeline.Document) string {
	return func(d pipeline.Document) string {
		var b strings.Builder
		for _, f := range fields {
			if text := fieldText(d.Metadata[f]); text != "" {
				line(&b, f+": "+text)
			}
		}
		line(&b, d.Text)
		return b.String()
	}
}

func line(b *strings.Builder, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(text)
}

func fieldText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case []any:
		parts := make([]string, 0, len(v))
		for _, part := range v {
			if text := fieldText(part); text != "" {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}
