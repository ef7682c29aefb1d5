package rewrite_test

import (
	"testing"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline/rewrite"
)

// Whatever a model answers, the queries are usable: at least one, none blank, and
// none longer than the bound.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"a?\nb?", `["a"]`, `{"a":[["b"]]}`, "<think>", "```\n1. a", "Q: \"x\"", "\xff", "Question: Question: "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		for by, r := range all(says(answer), rewrite.Options{AnswerTokens: 20}) {
			q := followUp()
			queries, err := r.Rewrite(t.Context(), q)
			if err != nil || len(queries) == 0 || len(queries) > 4 {
				t.Fatalf("%s: %v, %d queries", by, err, len(queries))
			}
			for _, made := range queries {
				if len(prose.Words(made.Text)) == 0 || prose.Tokens(made.Text) > 20+prose.Tokens(q.Text) {
					t.Fatalf("%s made %q of %q", by, made.Text, answer)
				}
			}
		}
	})
}
