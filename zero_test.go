package cascade_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numeric is an exported field of an exported struct of settings.
type numeric struct {
	place, name, kind, comment string
}

// numbers reads the exported numeric fields of what a user fills in: structs whose
// name ends in Options, and the literals of fusion, cut, pipeline and the like that
// are used by value.
func numbers(t *testing.T) []numeric {
	t.Helper()
	var all []numeric
	for _, root := range []string{"pipeline", "fusion", "reranker", "retriever"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "internal" || d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")) {
				return filepath.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
					if s, ok := spec.Type.(*ast.StructType); ok {
						all = append(all, fieldsOf(filepath.ToSlash(filepath.Dir(path)), spec.Name.Name, s)...)
					}
				}
				return true
			})
			return nil
		}))
	}
	return all
}

func fieldsOf(dir, of string, s *ast.StructType) []numeric {
	var found []numeric
	comment := ""
	for _, f := range s.Fields.List {
		if f.Doc != nil {
			comment = f.Doc.Text() // fields below one comment share it
		}
		kind, ok := f.Type.(*ast.Ident)
		selector, isSelector := f.Type.(*ast.SelectorExpr)
		var name string
		switch {
		case ok && regexp.MustCompile(`^(?:u?int(?:8|16|32|64)?|float(?:32|64))$`).MatchString(kind.Name):
			name = kind.Name
		case isSelector && selector.Sel.Name == "Duration":
			name = "Duration"
		default:
			continue
		}
		for _, n := range f.Names {
			if n.IsExported() {
				found = append(found, numeric{dir + "." + of, n.Name, name, strings.Join(strings.Fields(comment), " ")})
			}
		}
	}
	return found
}

// standsForMore finds a zero that stands for something else than the number 0.
var standsForMore = regexp.MustCompile(`(?i)(?:\b(?:0|zero)\b(?: and [a-z]+ \w+)?,? (?:means|stands for|takes|learns?|leaves it|asks|sets|counts as|is the default|for)|both 0|all 0|= ?0 means|or 0 for)`)

// sayable finds how the number 0 itself, or nothing of it, is said.
var sayable = regexp.MustCompile(`(?i)(?:negative|below 0|less than 0|0 means (?:all|none|no |any|every|for ever|not|that|unlimited|without|the (?:first|text))|zero stands for (?:all|any|none|no |the caller)|at least (?:1|one)|\bZero\b|positive|must be|above 0|in \(0|from 1|of (?:them )?at least|is never 0|cannot be 0|0 would)`)

// counts finds that a whole number or a time bounds or counts what is done: none of
// it would be a part that does nothing.
var counts = regexp.MustCompile(`(?i)\b(?:how (?:many|often|long)|the (?:most|number|largest|longest|least number|length|budget|width|time)|bounds|cuts)\b`)

// TestZeroMeansZero lists every number of a setting whose zero stands for something
// else. Where 0 is a number that a user may mean, it must be sayable: by a negative
// value, as ARCHITECTURE.md has it, or because 0 makes no sense there, which its
// comment or the list below says.
func TestZeroMeansZero(t *testing.T) {
	t.Parallel()
	all := numbers(t)
	require.Greater(t, len(all), 100)
	reasons, used, seen := zeroMakesNoSense(), map[string]bool{}, map[string]bool{}
	for _, n := range all {
		if !standsForMore.MatchString(n.comment) {
			continue
		}
		id := n.place + "." + n.name
		seen[id] = true
		reason := reasons[n.name]
		used[n.name] = used[n.name] || reason != ""
		if strings.HasPrefix(n.kind, "float") {
			reason = reasons[id]
			used[id] = reason != ""
		}
		count := !strings.HasPrefix(n.kind, "float") && counts.MatchString(n.comment)
		if sayable.MatchString(n.comment) || reason != "" || count {
			continue
		}
		assert.Fail(t, "zero stands for another number and cannot be said", "%s (%s): %s", id, n.kind, n.comment)
	}
	for id := range reasons {
		assert.True(t, used[id], "%s has no zero of its own any more: take it off the list", id)
	}
	t.Logf("%d of %d numbers have a zero of their own", len(seen), len(all))
}

// zeroMakesNoSense are settings where the number 0 itself would be a mistake, so that
// it is free to stand for the default, each with the reason: whole numbers and times
// by their name, other numbers one by one.
func zeroMakesNoSense() map[string]string {
	const nothing, never, noTime, record = "nothing would be done", "it would never happen", "it would always be over", "a record and no setting"
	return map[string]string{
		"Tokens": nothing, "Passages": nothing, "FocusTokens": nothing, "PromptTokens": nothing, "AnswerTokens": nothing, "DocumentTokens": nothing,
		"MaxTokens": nothing, "Batch": nothing, "BatchBytes": nothing, "Concurrency": never, "Workers": never, "Parallel": never, "PoolSize": never,
		"Attempts": never, "Calls": never, "Requests": never, "Window": nothing, "Step": "the window would never move", "Size": nothing, "Vectors": nothing,
		"Documents": nothing, "Bytes": nothing, "Most": nothing, "MostText": nothing, "MaxDocuments": nothing, "MaxBytes": nothing, "MaxQuery": nothing,
		"MaxInFlight": nothing, "MaxHeld": nothing, "MaxReply": nothing, "MaxAbandoned": nothing, "Limit": nothing,
		"Best": "the mean of none", "Top": nothing, "Min": "the first hit is always kept", "Jumps": nothing,
		"Shingle": "a shingle has words", "Quorum": "a ranking of nothing", "KeepAlive": "a ping without pause",
		"Timeout": noTime, "Patience": noTime, "Pause": noTime, "Grace": noTime,
		"Candidates": nothing, "Number": record, "Depth": record,
		"pipeline.Derivation.Factor": record, "pipeline.Derivation.Divisor": record,
		"reranker/lexical.Options.Mu":    "without a prior a missing word makes a text impossible",
		"reranker/lexical.Options.Terms": "one of the three may be 0, all of them weigh nothing", "reranker/lexical.Options.Ordered": "as Terms",
		"reranker/lexical.Options.Unordered": "as Terms", "fusion.LogOdds.Clip": "the odds of 1 are infinite",
	}
}
