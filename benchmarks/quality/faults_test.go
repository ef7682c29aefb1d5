package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

var formats = []string{"text", "md", "latex", "csv", "json"}

// rewrite changes the lines of a file and returns the name of the changed copy.
func rewrite(t *testing.T, file string, change func(line string) string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		out.WriteString(change(line))
	}
	name := filepath.Join(t.TempDir(), "changed-"+filepath.Base(file))
	require.NoError(t, os.WriteFile(name, []byte(out.String()), 0o600))
	return name
}

// rows reads the CSV of a command and leaves the warnings out.
func rows(t *testing.T, args ...string) [][]string {
	t.Helper()
	code, out, errs := do(t, append(args, "-format", "csv")...)
	require.Equal(t, 0, code, errs)
	all, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err, "every row has as many cells")
	var kept [][]string
	for _, r := range all {
		if !strings.HasPrefix(r[0], "# ") {
			kept = append(kept, r)
		}
	}
	return kept
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return v
}

func TestE1NothingIsMarkedAgainstAnIncompleteBaseline(t *testing.T) {
	t.Parallel()
	qrels, a, _ := files(t, 54)
	half := rewrite(t, a, func(line string) string {
		if line < "t27" {
			return line
		}
		return ""
	})
	for _, format := range formats {
		_, out, _ := do(t, "compare", "-qrels", qrels, "-baseline", half, "-runs", a, "-measures", "RR", "-format", format)
		assert.Contains(t, out, "27 judged topics are not in the run and count 0: t27, t28", format)
		assert.Contains(t, out, "the baseline is incomplete", format)
		for _, mark := range []string{"  *  ", "| * |", "& * &", ",*,", `"*"`} {
			assert.NotContains(t, out, mark, format)
		}
	}
	r := rows(t, "compare", "-qrels", qrels, "-baseline", half, "-runs", a, "-measures", "RR")
	assert.Equal(t, "0.25", r[2][3], "the control: the difference is there, and its p is small")
	assert.Less(t, number(t, r[2][8]), .05)
	r = rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", half, "-measures", "RR")
	assert.Empty(t, r[2][9], "nor is a loss that is made of missing topics")
	assert.Equal(t, half+" is incomplete", r[2][11])
}

func TestE1LinesThatCouldNotBeReadCountAsMissing(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 30)
	broken := rewrite(t, a, func(line string) string { return strings.Replace(line, "good 2 ", "good ", 1) })
	_, out, _ := do(t, "compare", "-qrels", qrels, "-baseline", broken, "-runs", b, "-measures", "RR", "-lenient")
	assert.Contains(t, out, "first: 30 lines could not be read and are missing, and nothing is marked against it")
	_, out, _ = do(t, "evaluate", "-qrels", qrels, "-runs", broken, "-measures", "RR", "-lenient", "-format", "json")
	assert.Contains(t, out, "first: 30 lines could not be read and are missing")
	badQrels := rewrite(t, qrels, func(line string) string { return strings.Replace(line, "bad 0", "bad x", 1) })
	_, out, _ = do(t, "evaluate", "-qrels", badQrels, "-runs", a, "-measures", "RR", "-lenient", "-format", "md")
	assert.Contains(t, out, "30 lines of the judgements")
}

func TestE2SystemsWithOneTagAreNamedAfterTheirFiles(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 12)
	same := rewrite(t, b, func(line string) string { return strings.ReplaceAll(line, "second", "first") })
	r := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", same+","+b, "-measures", "RR")
	assert.Equal(t, []string{a + " (baseline)", same, "second"}, []string{r[1][0], r[2][0], r[3][0]})
	r = rows(t, "evaluate", "-qrels", qrels, "-runs", a+", "+same+",,"+b, "-measures", "RR")
	assert.Equal(t, []string{a, same, "second"}, []string{r[1][0], r[2][0], r[3][0]})
	r = rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", a+","+a, "-measures", "RR")
	assert.Equal(t, []string{a + " (baseline)", a + ", given again #2", a + ", given again #3"}, []string{r[1][0], r[2][0], r[3][0]})
}

func TestE3TheUnjudgedShareStandsBesideEveryClaim(t *testing.T) {
	t.Parallel()
	qrels, a, _ := files(t, 30)
	unknown := rewrite(t, a, func(line string) string {
		return strings.NewReplacer("good", "x-good", "bad", "x-bad", "first", "foreign").Replace(line)
	})
	for _, format := range formats {
		_, out, _ := do(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", unknown, "-measures", "RR", "-format", format)
		assert.Contains(t, out, "foreign: none of its 60 documents is judged for its topic", format)
		assert.Contains(t, out, "no document of foreign is judged", format)
	}
	r := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", unknown, "-measures", "RR")
	assert.Equal(t, "unj", r[0][10])
	assert.Equal(t, []string{"0", "1"}, []string{r[1][10], r[2][10]})
	assert.Less(t, number(t, r[2][8]), .05, "the control: p is small")
	assert.Empty(t, r[2][9])

	// Half of what it returns was never judged: the loss may be that.
	half := rewrite(t, a, func(line string) string {
		return strings.NewReplacer("good 2", "new 2", "first", "other").Replace(line)
	})
	r = rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", half, "-measures", "RR")
	assert.Equal(t, "50 % of what other returned is not judged", r[2][11])
}

func TestE10PIsNamedAlikeAndNeverNothing(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 60)
	_, out, _ := do(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", b, "-measures", "RR", "-test", "t")
	assert.Regexp(t, `effect +p +corrected p`, out)
	assert.Contains(t, out, "<0.0001")
	assert.NotRegexp(t, ` 0\.0000 +0\.0000 +\*`, out)
	_, out, _ = do(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", b, "-measures", "RR", "-test", "wilcoxon", "-format", "md")
	assert.Contains(t, out, "| <0.0001 | <0.0001 | * |")
}

func TestComparisonsThatCannotDifferCountInNoCorrection(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 12)
	for _, test := range []string{"randomisation", "t", "wilcoxon", "tukey"} {
		alone := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", b, "-measures", "RR", "-test", test)
		many := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", b+","+a+","+a+","+a, "-measures", "RR", "-test", test)
		assert.Equal(t, alone[2][7:9], many[2][7:9], test)
		assert.Equal(t, []string{"1", "1", ""}, many[3][7:10], test)
	}
	_, out, _ := do(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", b+","+a, "-measures", "RR")
	assert.Contains(t, out, "a single comparison); 1 that cannot differ counts in no correction")
}

func TestTukeyInCompareIsCorrectedForTheMeasures(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 12)
	noisy := rewrite(t, b, func(line string) string {
		if line < "t05" {
			return strings.NewReplacer("good", "bad", "other", "good").Replace(line)
		}
		return line
	})
	one := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", noisy, "-measures", "RR", "-test", "tukey")
	two := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", noisy, "-measures", "RR,nDCG@10", "-test", "tukey")
	assert.InDelta(t, min(1, 2*number(t, one[2][8])), number(t, two[3][8]), 1e-12)
}

func TestE13ARunThatLearnedOnItsTopicsSaysSo(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 20)
	dir := t.TempDir()
	list := filepath.Join(dir, "topics")
	require.NoError(t, os.WriteFile(list, []byte("t01 t02 t03"), 0o600))
	for name, c := range map[string]struct {
		args   []string
		marked bool
	}{
		"all":     {[]string{"-train", "all"}, true},
		"file":    {[]string{"-train", list}, true},
		"crossed": {nil, false},
		"tagged":  {[]string{"-train", "all", "-tag", "mine"}, true},
	} {
		fused := filepath.Join(dir, name+".txt")
		code, out, errs := do(t, append([]string{"fuse", "-method", "mapfuse", "-runs", a + "," + b, "-qrels", qrels, "-out", fused}, c.args...)...)
		require.Equal(t, 0, code, errs)
		assert.Equal(t, c.marked, strings.Contains(out, "! the run was learned on topics that it ranks"), name)
		run, err := trec.ReadRunFile(fused, trec.Options{})
		require.NoError(t, err)
		assert.Equal(t, c.marked, run.InSample(), name)
		for _, format := range formats {
			_, out, _ = do(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", fused, "-measures", "RR", "-format", format)
			assert.Equal(t, c.marked, strings.Contains(out, "its figures are too high to be believed"), name+" "+format)
			_, out, _ = do(t, "evaluate", "-qrels", qrels, "-runs", fused, "-measures", "RR", "-format", format, "-stream")
			assert.Equal(t, c.marked, strings.Contains(out, "its figures are too high to be believed"), name+" "+format)
		}
		r := rows(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", fused, "-measures", "RR")
		assert.Equal(t, map[bool]string{true: "", false: "*"}[c.marked], r[2][9], name)
	}
	again := filepath.Join(dir, "again.txt")
	code, out, errs := do(t, "fuse", "-runs", filepath.Join(dir, "all.txt")+","+b, "-out", again)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "! mapfuse+in-sample was learned on topics that it ranks", "what is fused from it is no better")
	assert.Equal(t, "rrf+in-sample", trec.Tag(again))
}

func TestFuseSaysWhatIsWrongWithItsInputs(t *testing.T) {
	t.Parallel()
	_, a, b := files(t, 6)
	short := rewrite(t, b, func(line string) string {
		if line < "t04" {
			return line
		}
		return ""
	})
	fused := filepath.Join(t.TempDir(), "f")
	_, out, _ := do(t, "fuse", "-runs", a+","+short+","+a, "-out", fused)
	assert.Contains(t, out, "! second lacks 2 of 6 topics, which are fused without it: t04, t05\n")
	assert.Contains(t, out, "hold the same rankings: together they count twice\n")
	_, out, errs := do(t, "fuse", "-runs", a+","+short, "-out", "-")
	assert.NotContains(t, out, "!", "standard output is the run")
	assert.Contains(t, errs, "! second lacks 2 of 6 topics")
}

func TestE13ARunThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	qrels, spaced, rubbish := filepath.Join(dir, "q"), filepath.Join(dir, "r"), filepath.Join(dir, "x")
	require.NoError(t, os.WriteFile(qrels, []byte("q1 0 a 1\nq1 0 b 0\nq1 0 c 2\n"), 0o600))
	require.NoError(t, os.WriteFile(spaced, []byte("q1 Q0 a 1 2.0 BM25 + RM3\nq1 Q0 c 2 1.0 BM25 + RM3\n"), 0o600))
	require.NoError(t, os.WriteFile(rubbish, []byte("one two\n# three\n"), 0o600))
	code, _, errs := do(t, "evaluate", "-qrels", qrels, "-runs", spaced)
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, `does the tag "BM25 + RM3" hold spaces?`)
	code, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", spaced, "-lenient", "-measures", "nDCG@10")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "BM25 + RM3   0.8597")
	for _, args := range [][]string{{"evaluate"}, {"evaluate", "-stream"}, {"compare", "-baseline", spaced}, {"fuse", "-out", "-"}, {"tune"}} {
		args = append(args, "-runs", rubbish, "-lenient")
		if args[0] != "fuse" {
			args = append(args, "-qrels", qrels)
		}
		code, out, errs = do(t, args...)
		assert.Equal(t, 1, code, args)
		assert.Empty(t, out)
		assert.Contains(t, errs, rubbish+" holds no line of a run", args)
	}
	code, _, errs = do(t, "evaluate", "-qrels", rubbish, "-runs", spaced, "-lenient")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "holds no judgement")
}

func TestE13AReportOfARunSaysHowToMakeIt(t *testing.T) {
	t.Parallel()
	_, a, _ := files(t, 3)
	code, _, errs := do(t, "report", "-in", a, "-out", filepath.Join(t.TempDir(), "r.html"))
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, a+" is a run and not a result: make its report with -qrels QRELS -runs "+a)
}

func TestE7AnAbsurdGradeEndsTheCommandWithFileAndLine(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 6)
	absurd := rewrite(t, qrels, func(line string) string { return strings.Replace(line, "t03 0 good 1", "t03 0 good 100000000000", 1) })
	for _, args := range [][]string{{"evaluate", "-runs", a}, {"compare", "-baseline", a, "-runs", b}, {"tune", "-runs", a + "," + b}, {"fuse", "-method", "mapfuse", "-runs", a, "-out", "-"}} {
		code, _, errs := do(t, append(args, "-qrels", absurd)...)
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, absurd+":7: grade 100000000000 of document good is absurd", args)
	}
}

func TestE8RunsOfAnySystemBecomeAReport(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 20)
	dir := t.TempDir()
	corpus, topics, out := filepath.Join(dir, "corpus.jsonl"), filepath.Join(dir, "queries.jsonl"), filepath.Join(dir, "r.html")
	require.NoError(t, os.WriteFile(corpus, []byte(`{"_id":"good","title":"A title","text":"what good says"}`+"\n"+`{"_id":"unseen","text":"x"}`+"\n"), 0o600))
	require.NoError(t, os.WriteFile(topics, []byte(`{"_id":"t03","text":"the third <question>"}`+"\n"), 0o600))
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	raw, err := os.ReadFile(b)
	require.NoError(t, err)
	_, err = z.Write(bytes.ReplaceAll(raw, []byte("second"), []byte("first")))
	require.NoError(t, errors.Join(err, z.Close()))
	packed := filepath.Join(dir, "c.txt.gz")
	require.NoError(t, os.WriteFile(packed, gz.Bytes(), 0o600))

	code, _, errs := do(t, "report", "-qrels", qrels, "-runs", a+","+b+","+packed, "-corpus", corpus, "-queries", topics, "-out", out, "-measures", "RR,nDCG@10", "-samples", "2000")
	require.Equal(t, 0, code, errs)
	page, err := os.ReadFile(out)
	require.NoError(t, err)
	text := string(page)
	for _, want := range []string{
		`"baseline":"` + a, `"name":"second"`, `"name":"` + packed, `2 runs carry the tag`, `the third \u003cquestion\u003e`,
		`give the same value on every topic`, `"mark":true`, `"documents":2`,
	} {
		assert.Contains(t, text, want)
	}
	code, _, errs = do(t, "report", "-qrels", qrels, "-runs", a, "-out", out, "-queries", "judged", "-name", "Mine")
	require.Equal(t, 0, code, errs)
	page, err = os.ReadFile(out)
	require.NoError(t, err)
	assert.Contains(t, string(page), "<title>Mine on "+filepath.Base(filepath.Dir(qrels))+"</title>", "a single run has a report too, and -queries still names a set")

	for want, args := range map[string][]string{
		"-in and -out, or -qrels, -runs and -out": {"report", "-runs", a, "-in", "x", "-out", out, "-qrels", qrels},
		"-qrels is missing":                       {"report", "-runs", a, "-out", out},
		`-test "anova"`:                           {"report", "-runs", a, "-out", out, "-qrels", qrels, "-test", "anova"},
	} {
		code, _, errs = do(t, args...)
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
	for want, args := range map[string][]string{
		"-corpus: ":  {"-corpus", filepath.Join(dir, "none")},
		"-queries: ": {"-queries", filepath.Join(dir, "none")},
	} {
		code, _, errs = do(t, append([]string{"report", "-runs", a, "-out", out, "-qrels", qrels}, args...)...)
		assert.Equal(t, 1, code, want)
		assert.Contains(t, errs, want)
	}
	code, _, errs = do(t, "report", "-qrels", qrels, "-runs", a, "-corpus", topics, "-out", out)
	require.Equal(t, 0, code, errs)
	page, err = os.ReadFile(out)
	require.NoError(t, err)
	assert.Contains(t, string(page), "none of the documents of the runs is in the corpus")
}

func TestSyntheticJudgementsAreSaidInEveryTable(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 24)
	made := rewrite(t, qrels, func(line string) string { return strings.Replace(line, " 0 ", " synthetic-model ", 1) })
	for _, format := range formats {
		for _, args := range [][]string{{"evaluate", "-runs", a}, {"compare", "-baseline", a, "-runs", b}, {"confidence", "-runs", a}} {
			code, out, errs := do(t, append(args, "-qrels", made, "-format", format)...)
			require.Equal(t, 0, code, errs)
			assert.Contains(t, out, "are synthetic: no human gave them", format)
		}
	}
	_, out, _ := do(t, "evaluate", "-runs", a, "-qrels", qrels)
	assert.NotContains(t, out, "synthetic")
	_, out, _ = do(t, "tune", "-method", "rrf", "-runs", a+","+b, "-qrels", made)
	assert.Contains(t, out, "! the judgements are synthetic: no human gave them")
}

func TestEvaluateReadsTopicByTopicWhereItCan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	qrels := file("q.txt", "1 0 a 1\n2 0 b 1\n")
	together := file("together.txt", "1 Q0 a 1 2 tag\n1 Q0 x 2 1 tag\n2 Q0 b 1 2 tag\n")
	scattered := file("scattered.txt", "1 Q0 a 1 2 tag\n2 Q0 b 1 2 tag\n1 Q0 x 2 1 tag\n")
	object := file("object.json", `{"1": {"a": 2, "x": 1}, "2": {"b": 2}}`)
	for _, name := range []string{together, scattered, object} {
		code, out, errs := do(t, "evaluate", "-qrels", qrels, "-runs", name, "-measures", "AP,P@2", "-format", "trec")
		require.Equal(t, 0, code, errs)
		assert.Regexp(t, `map +\tall\t1\.0000\nP_2 +\tall\t0\.5000`, out, name)
		assert.Empty(t, errs, name)
	}
	code, out, errs := do(t, "evaluate", "-stream", "-qrels", qrels, "-runs", together, "-format", "trec")
	require.Equal(t, 0, code, errs)
	assert.Regexp(t, `runid +\tall\ttag\n`, out)
	for name, want := range map[string]string{scattered: "scattered.txt:3: topic 1 comes back", object: "only TREC columns can be read topic by topic"} {
		code, _, errs = do(t, "evaluate", "-stream", "-qrels", qrels, "-runs", name)
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, want)
	}
	odd := file("odd.txt", "1 Q0 a 1 2 tag\n1 Q0 x\n2 Q0 b 1 2 tag\n1 Q0 y 1 2 tag\n")
	_, _, errs = do(t, "evaluate", "-lenient", "-qrels", qrels, "-runs", odd)
	assert.Equal(t, 1, strings.Count(errs, "odd.txt:2: a run line has 6 fields"), "what is odd is told once: %s", errs)
}

func TestTrecColumnsHaveNoGeometricMeanOfOneTopic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	qrels, run := filepath.Join(dir, "q"), filepath.Join(dir, "r")
	require.NoError(t, os.WriteFile(qrels, []byte("1 0 a 1\n"), 0o600))
	require.NoError(t, os.WriteFile(run, []byte("1 Q0 a 1 2 tag\n"), 0o600))
	_, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", run, "-measures", "all_trec", "-format", "trec", "-per-query")
	assert.Regexp(t, `map +\t1\t1\.0000`, out)
	assert.NotRegexp(t, `gm_map +\t1\t`, out)
	assert.Regexp(t, `gm_map +\tall\t1\.0000`, out)
}

func TestOneSentenceForAllMeasuresOfOneShare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	qrels, run := filepath.Join(dir, "q"), filepath.Join(dir, "r")
	require.NoError(t, os.WriteFile(qrels, []byte("1 0 a 1\n"), 0o600))
	require.NoError(t, os.WriteFile(run, []byte("1 Q0 x 1 9 tag\n1 Q0 y 1 8 tag\n1 Q0 a 1 7 tag\n"), 0o600))
	_, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", run, "-measures", "all_trec", "-format", "trec")
	assert.Less(t, strings.Count(out, "warning"), 4, out)
	assert.Contains(t, out, "67 % of the documents that NumRet, NumRel, NumRelRet, AP, GMAP, ... look at are not judged")
}

// strange writes judgements of 24 topics and runs that differ from a plain one in one
// respect each.
func strange(t *testing.T, entry func(topic, rank int) string) (qrels, plain, odd string) {
	t.Helper()
	dir := t.TempDir()
	var q, p, o strings.Builder
	for topic := range 24 {
		for rank := range 12 {
			fmt.Fprintf(&q, "%d 0 d%02d %d\n", topic, rank, max(0, 1-rank%4))
			fmt.Fprintf(&p, "%d Q0 d%02d %d %d plain\n", topic, rank, rank+1, 20-rank)
			fmt.Fprintf(&o, "%d Q0 d%02d %s odd\n", topic, rank, entry(topic, rank))
		}
	}
	names := []string{filepath.Join(dir, "q.txt"), filepath.Join(dir, "plain.txt"), filepath.Join(dir, "odd.txt")}
	for i, text := range []string{q.String(), p.String(), o.String()} {
		require.NoError(t, os.WriteFile(names[i], []byte(text), 0o600))
	}
	return names[0], names[1], names[2]
}

func TestAStrangeRunIsSaidInEveryFormatAndNotMarked(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		entry  func(topic, rank int) string
		reason string
	}{
		"odd: 100 % of its first ten documents have a score that others have too": {
			func(_, rank int) string { return fmt.Sprint(rank+1, " 1") }, "another order of tied documents would turn it around",
		},
		"odd: the rank column contradicts the scores on 24 topics": {
			func(_, rank int) string { return fmt.Sprint(rank+1, " ", rank) }, "the rank column of odd contradicts its scores",
		},
	} {
		qrels, plain, odd := strange(t, c.entry)
		for _, format := range formats {
			_, out, errs := do(t, "compare", "-qrels", qrels, "-runs", plain+","+odd, "-format", format)
			text := strings.ReplaceAll(out, `\%`, "%")
			assert.Contains(t, text, want, format)
			assert.Contains(t, text, c.reason, format)
			assert.LessOrEqual(t, strings.Count(errs, "contradicts"), 1, "one line of a kind: %s", errs)
		}
		for _, format := range append(formats, "trec") {
			_, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", odd, "-format", format)
			assert.Contains(t, strings.ReplaceAll(out, `\%`, "%"), want, format)
		}
		page := filepath.Join(t.TempDir(), "r.html")
		code, _, errs := do(t, "report", "-qrels", qrels, "-runs", plain+","+odd, "-out", page)
		require.Equal(t, 0, code, errs)
		html, err := os.ReadFile(page)
		require.NoError(t, err)
		assert.Contains(t, string(html), want)
	}
	qrels, plain, odd := strange(t, func(_, rank int) string { return fmt.Sprint(rank+1, " 1") })
	for _, args := range [][]string{{"fuse", "-runs", plain + "," + odd, "-out", filepath.Join(t.TempDir(), "f.txt")}, {"tune", "-qrels", qrels, "-runs", plain + "," + odd}} {
		_, out, _ := do(t, args...)
		assert.Contains(t, out, "odd: most of its first documents have a score that others have too", args[0])
	}
	_, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", odd, "-ties", "expected")
	assert.NotContains(t, out, "ids order them", "the mean over all orders needs no ids")
}

func TestDamagedFilesAreRefused(t *testing.T) {
	t.Parallel()
	qrels, plain, odd := strange(t, func(topic, rank int) string {
		if topic == 20 && rank == 3 {
			return "4 7 x\x00y"
		}
		return fmt.Sprint(rank+1, " ", 20-rank)
	})
	for _, args := range [][]string{
		{"evaluate", "-qrels", qrels, "-runs", odd}, {"compare", "-qrels", qrels, "-runs", plain + "," + odd}, {"evaluate", "-stream", "-qrels", qrels, "-runs", odd},
	} {
		code, _, errs := do(t, args...)
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, "odd.txt:244: a NUL byte: the file is damaged, or of 16-bit characters, and must be UTF-8")
	}
	code, _, errs := do(t, "evaluate", "-qrels", odd, "-runs", plain)
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "odd.txt:244: a NUL byte")
	code, out, errs := do(t, "evaluate", "-lenient", "-qrels", qrels, "-runs", odd)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, errs, "a NUL byte")
	assert.Contains(t, out, "1 line could not be read")
}

func TestTheFirstRunIsTheBaseline(t *testing.T) {
	t.Parallel()
	qrels, plain, odd := strange(t, func(_, rank int) string { return fmt.Sprint(rank+1, " ", rank) })
	_, named, _ := do(t, "compare", "-qrels", qrels, "-baseline", plain, "-runs", odd)
	_, first, _ := do(t, "compare", "-qrels", qrels, "-runs", plain+","+odd)
	assert.Equal(t, named, first)
	code, _, errs := do(t, "compare", "-qrels", qrels, "-runs", plain)
	assert.Equal(t, 2, code)
	assert.Contains(t, errs, "at least two runs are needed: -runs BASELINE,OTHER")
}
