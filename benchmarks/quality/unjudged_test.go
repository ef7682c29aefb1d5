package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestE14RunsAreComparedWithoutJudgements(t *testing.T) {
	t.Parallel()
	_, a, b := files(t, 4)
	code, out, errs := do(t, "overlap", "-runs", a+","+b+","+a, "-k", "2", "-format", "csv")
	require.Equal(t, 0, code, errs)
	lines := strings.Split(out, "\n")
	assert.Equal(t, "run,topic,RBO,Jaccard@2,first,moved,entered,left", lines[0])
	assert.Equal(t, "second,all,0.2368421052631579,0.3333333333333333,0,1,4,4", lines[1], "one of three documents is common, a rank apart")
	assert.True(t, strings.HasSuffix(lines[2], ",all,1,1,1,0,0,0"), lines[2])
	short := rewrite(t, b, func(line string) string {
		if line < "t02" {
			return line
		}
		return ""
	})
	for _, format := range formats {
		_, out, _ = do(t, "overlap", "-runs", a+","+short, "-per-query", "-format", format)
		assert.Contains(t, out, "2 of 4 topics are in only one of first and second", format)
		assert.Contains(t, out, "t01", format)
	}
	for want, args := range map[string][]string{
		"at least two runs":    {"-runs", a},
		"-k 0":                 {"-runs", a + "," + b, "-k", "0"},
		"-p 1":                 {"-runs", a + "," + b, "-p", "1"},
		"-ties \"up\"":         {"-runs", a + "," + b, "-ties", "up"},
		"-format: table: no f": {"-runs", a + "," + b, "-format", "xml"},
	} {
		code, _, errs = do(t, append([]string{"overlap"}, args...)...)
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
}

func TestConfidenceTellsWhatPredictorsAreWorth(t *testing.T) {
	t.Parallel()
	qrels, a, _ := files(t, 12)
	// A system that is sure where it is right: margin .8 there, .1 elsewhere.
	dir := t.TempDir()
	var b strings.Builder
	for i := range 12 {
		id := "t" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		if i%2 == 0 {
			b.WriteString(id + " Q0 good 1 .9 sure\n" + id + " Q0 bad 2 .1 sure\n")
		} else {
			b.WriteString(id + " Q0 bad 1 .6 sure\n" + id + " Q0 good 2 .5 sure\n")
		}
	}
	sure := filepath.Join(dir, "sure.txt")
	require.NoError(t, os.WriteFile(sure, []byte(b.String()), 0o600))
	code, out, errs := do(t, "confidence", "-qrels", qrels, "-runs", sure+","+a, "-measure", "RR")
	require.Equal(t, 0, code, errs)
	assert.Regexp(t, `sure +margin +1\.0000 +0\.7500 +1\.0000 +1\.0000 +`, out)
	assert.Regexp(t, `first +margin +0\.5000 +0\.5000 +`, out, "all values are equal: no tau, no nAUC")
	assert.Contains(t, out, "agreement")
	assert.Regexp(t, `sure +0\.1575 +0\.3250 +0\.1 to 0\.2 +6 +0\.1000 +0\.0000`, out)
	assert.Contains(t, out, "first is left out: confidence: topic t00, document bad: score 3 is no probability")
	code, _, errs = do(t, "confidence", "-qrels", qrels, "-runs", sure, "-measure", "RR,AP")
	assert.Equal(t, 2, code)
	assert.Contains(t, errs, "one measure is predicted at a time")
}

func TestNullCountsAdoptions(t *testing.T) {
	t.Parallel()
	code, out, errs := do(t, "null", "-sets", "5", "-methods", "rrf", "-shapes", "few topics,near copies,equal partners", "-format", "csv")
	require.Equal(t, 0, code, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3, "equal partners are no null data for rrf")
	assert.True(t, strings.HasPrefix(lines[1], "rrf,few topics,5,"), out)
	for want, args := range map[string][]string{
		`-methods: no "rff"`: {"-methods", "rff"}, `-shapes: no "tie"`: {"-shapes", "tie"}, "-sets 0": {"-sets", "0"},
	} {
		code, _, errs = do(t, append([]string{"null"}, args...)...)
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
}

func TestKnownItemsMakeACollection(t *testing.T) {
	t.Parallel()
	root := collection(t, "tiny", 3)
	dir := filepath.Join(t.TempDir(), "mine")
	corpus := filepath.Join(t.TempDir(), "c.jsonl")
	require.NoError(t, os.WriteFile(corpus, []byte(`{"_id":"a","title":"How bread is baked","text":"Take flour."}`+"\n"+`{"_id":"b","title":"Short","text":"x"}`+"\n"), 0o600))
	code, out, errs := do(t, "known-item", "-corpus", corpus, "-out", dir)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "1 question of 2 documents (1 for testing, 0 for tuning)")
	code, _, errs = do(t, "known-item", "-corpus", filepath.Join(root, "tiny", "corpus.jsonl"), "-out", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "no document has a title that becomes a question")
	for want, args := range map[string][]string{"-corpus and -out": {}, "-train 1": {"-corpus", corpus, "-out", dir, "-train", "1"}} {
		code, _, errs = do(t, append([]string{"known-item"}, args...)...)
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
}
