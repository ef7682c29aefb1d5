package trec_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// latin1 turns a text whose characters are bytes back into those bytes.
func latin1(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func count(r *trec.Run) int {
	n := 0
	for _, t := range r.Topics {
		n += len(t.Entries)
	}
	return n
}

// TestVerdictsOnOddFiles sets our verdict on each file of a corpus beside those
// of trec_eval, pytrec_eval, ir_measures and ranx: a number of entries, or a
// refusal. testdata/generate_verdicts.py made theirs.
func TestVerdictsOnOddFiles(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/verdicts.json")
	require.NoError(t, err)
	var g struct {
		Corpus map[string]struct {
			Content  string
			Verdicts map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(raw, &g))
	ours := map[string]struct {
		strict        int
		refusal       string
		lenient       int
		asTrecEval    bool
		whyDifferent  string
		whatTrecEval9 any
	}{
		"sound":                 {strict: 2, lenient: 2, asTrecEval: true},
		"blank line":            {strict: 2, lenient: 2, asTrecEval: true},
		"tabs":                  {strict: 2, lenient: 2, asTrecEval: true},
		"CRLF":                  {strict: 2, lenient: 2, asTrecEval: true},
		"last line without end": {strict: 2, lenient: 2, asTrecEval: true},
		"not UTF-8":             {strict: 2, lenient: 2, asTrecEval: true},
		"five fields":           {refusal: ":2: a run line has 6 fields", lenient: 1, whatTrecEval9: "exit 2"},
		"duplicate":             {refusal: "document a is returned twice", lenient: 1, whatTrecEval9: "exit 4"},
		"comment":               {strict: 2, lenient: 2, whatTrecEval9: "exit 2", whyDifferent: "trec_eval 10 passes over comments"},
		"seven fields":          {refusal: ":2: a run line has 6 fields", lenient: 2, whatTrecEval9: 2., whyDifferent: "a space in a name moves the columns"},
		"NaN":                   {refusal: ":2: topic 1, document b: score NaN is not finite", lenient: 1, whatTrecEval9: 2., whyDifferent: "NaN has no place in an order"},
		"word as score":         {refusal: `:2: score "abc" is not a number`, lenient: 1, whatTrecEval9: 2., whyDifferent: "atof reads 0"},
		"byte order mark":       {strict: 2, lenient: 2, whatTrecEval9: 1., whyDifferent: "the mark becomes part of the first topic"},
		"gzip":                  {strict: 2, lenient: 2, whatTrecEval9: "exit -11", whyDifferent: "it ends by a signal"},
		"empty":                 {strict: 0, lenient: 0, whatTrecEval9: "exit 2", whyDifferent: "a run without topics is a run"},
	}
	require.Len(t, ours, len(g.Corpus))
	for name, c := range g.Corpus {
		want := ours[name]
		content := latin1(c.Content)
		strict, err := trec.ReadRun(strings.NewReader(content), "run.txt", trec.Options{})
		if want.refusal != "" {
			require.ErrorContains(t, err, want.refusal, name)
		} else {
			require.NoError(t, err, name)
			assert.Equal(t, want.strict, count(strict), name)
		}
		lenient, err := trec.ReadRun(strings.NewReader(content), "run.txt", trec.Options{Lenient: true})
		require.NoError(t, err, name)
		assert.Equal(t, want.lenient, count(lenient), name)
		if want.asTrecEval {
			assert.EqualValues(t, want.strict, c.Verdicts["trec_eval"], name)
			continue
		}
		assert.Equal(t, want.whatTrecEval9, c.Verdicts["trec_eval"], "%s: %s", name, want.whyDifferent)
	}
}
