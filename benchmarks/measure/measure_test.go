package measure_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/collections"
)

func read(t testing.TB, qrels, run string) (*trec.Qrels, *trec.Run) {
	t.Helper()
	q, err := trec.ReadQrels(strings.NewReader(qrels), "qrels", trec.Options{})
	require.NoError(t, err)
	r, err := trec.ReadRun(strings.NewReader(run), "run", trec.Options{})
	require.NoError(t, err)
	return q, r
}

func value(t testing.TB, qrels, run, name string, o measure.Options) float64 {
	t.Helper()
	q, r := read(t, qrels, run)
	result, err := measure.Evaluate(q, r, measure.MustParse(name), o)
	require.NoError(t, err)
	return result.Mean(0)
}

// The reference case: seven documents of which trec_eval 9.0.4 and 10.0 say what
// stands below.
const (
	refQrels = "1 0 a 1\n1 0 b 2\n1 0 c 3\n1 0 n1 0\n1 0 n2 0\n1 0 n3 -1\n"
	refRun   = "1 Q0 n1 1 7 t\n1 Q0 b 2 6 t\n1 Q0 u1 3 5 t\n1 Q0 c 4 4 t\n1 Q0 n3 5 3 t\n1 Q0 n2 6 2 t\n1 Q0 a 7 1 t\n"
)

func TestReferenceCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"AP": "0.4762", "Rprec": "0.3333", "Bpref": "0.3333", "RR": "0.5000", "infAP": "0.5000", "nDCG": "0.6063",
		"nDCG@5": "0.5363", "AP@5": "0.3333", "SetP": "0.4286", "SetF": "0.6000", "RBPResidual(p=0.9)": "0.6249", "Unjudged@5": "0.4000",
	} {
		assert.Equal(t, want, fmt.Sprintf("%.4f", value(t, refQrels, refRun, name, measure.Options{})), name)
	}
}

func TestRecallCutsOfBothVersions(t *testing.T) {
	t.Parallel()
	old := measure.Options{OldRecallCuts: true}
	assert.InDelta(t, .5, value(t, refQrels, refRun, "IPrec@0.8", measure.Options{}), 1e-12)
	assert.InDelta(t, .4286, value(t, refQrels, refRun, "IPrec@0.8", old), 5e-5)
	assert.InDelta(t, .4870, value(t, refQrels, refRun, "IPrec11", measure.Options{}), 5e-5)
	assert.InDelta(t, .4805, value(t, refQrels, refRun, "IPrec11", old), 5e-5)
}

func TestTiesFollowTheNamedRule(t *testing.T) {
	t.Parallel()
	const run = "1 Q0 a 1 1 t\n1 Q0 b 2 1 t\n1 Q0 c 3 1 t\n"
	const near = "1 Q0 a 1 1.0000000001 t\n1 Q0 b 2 1 t\n"
	assert.InDelta(t, 1./3, value(t, "1 0 a 1\n", run, "RR", measure.Options{}), 0, "c, b, a")
	assert.InDelta(t, 1, value(t, "1 0 a 1\n", run, "RR", measure.Options{Order: trec.Order{Ties: trec.DocAscending}}), 0)
	assert.InDelta(t, 1./2, value(t, "1 0 b 1\n", run, "RR", measure.Options{Order: trec.Order{Ties: trec.InputOrder}}), 0)
	assert.InDelta(t, 1, value(t, "1 0 a 1\n", near, "RR", measure.Options{}), 0, "64 bits tell the scores apart")
	assert.InDelta(t, 1./2, value(t, "1 0 a 1\n", near, "RR", measure.Options{Order: trec.Order{Float32: true}}), 0, "32 bits do not")
}

func TestQuerySets(t *testing.T) {
	t.Parallel()
	const qrels = "1 0 a 1\n2 0 a 1\n3 0 n 0\n"
	const run = "1 Q0 a 1 1 t\n3 Q0 a 1 1 t\n4 Q0 a 1 1 t\n"
	for set, want := range map[measure.QuerySet]float64{measure.Judged: 1. / 3, measure.Both: 1. / 2, measure.Union: 1. / 4} {
		assert.InDelta(t, want, value(t, qrels, run, "RR", measure.Options{Queries: set}), 0, set)
	}
	q, r := read(t, qrels, run)
	result, err := measure.Evaluate(q, r, measure.MustParse("RR"), measure.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"2"}, result.Missing)
	assert.Equal(t, []string{"4"}, result.Extra)
	assert.Equal(t, []string{"3"}, result.Barren)
	assert.Contains(t, result.Conventions(), "ties: document descending; 64-bit scores; mean over all judged topics; relevant from grade 1")
}

func TestFormulas(t *testing.T) {
	t.Parallel()
	const qrels = "1 0 a 3\n1 0 b 1\n1 0 n 0\n"
	const run = "1 Q0 b 1 9 t\n1 Q0 x 2 8 t\n1 Q0 a 3 7 t\n"
	ideal := 3/1. + 1/math.Log2(3)
	for name, want := range map[string]float64{
		"nDCG":                   (1 + 3/2.) / ideal,
		"nDCG(gain=exp)":         (1 + 7/2.) / (7 + 1/math.Log2(3)),
		"nDCG(gain=1:10;3:4)":    (10 + 4/2.) / (10 + 4/math.Log2(3)),
		"nDCG(discount=jk)":      (1 + 3/math.Log2(3)) / (3 + 1),
		"nDCG@1":                 1. / 3,
		"P@10":                   2. / 10,
		"R@1":                    1. / 2,
		"RCap@1":                 1,
		"AP":                     (1 + 2./3) / 2,
		"AP(rel=2)":              1. / 3,
		"RR(rel=2)@2":            0,
		"Success@1":              1,
		"Judged@3":               2. / 3,
		"RBP(p=0.5)":             .5 * (1 + .25),
		"RBP(p=0.5,gain=graded)": .5 * (1./3 + .25),
		"ERR@20":                 1./16 + (1-1./16)*7/16/3,
		"NumRelRet":              2,
		"Utility":                1,
		"SetF(beta=2)":           3 * (2. / 3) * 1 / (1 + 2*2./3),
		"RBPResidual(p=0.5)":     .125 + .5*.5,
		"Hits@3":                 2,
	} {
		assert.InDelta(t, want, value(t, qrels, run, name, measure.Options{}), 1e-15, name)
	}
}

func TestFractionalGainsAreNotTruncated(t *testing.T) {
	t.Parallel()
	// trec_eval orders the ideal by gain differences cut to whole numbers and
	// gives 0 here; multiplied by ten the same gains give it the value below.
	const qrels = "1 0 a 1\n1 0 b 2\n1 0 c 3\n"
	const run = "1 Q0 a 1 3 t\n1 Q0 c 2 2 t\n1 Q0 b 3 1 t\n"
	small := value(t, qrels, run, "nDCG(gain=1:0.5;2:0.9;3:0.2)", measure.Options{})
	large := value(t, qrels, run, "nDCG(gain=1:5;2:9;3:2)", measure.Options{})
	assert.InDelta(t, large, small, 1e-15)
	assert.Greater(t, small, .5)
}

func TestDropSelf(t *testing.T) {
	t.Parallel()
	const run = "q Q0 q 1 9 t\nq Q0 a 2 1 t\n"
	assert.InDelta(t, 1./2, value(t, "q 0 a 1\n", run, "RR", measure.Options{}), 0)
	assert.InDelta(t, 1, value(t, "q 0 a 1\n", run, "RR", measure.Options{DropSelf: true}), 0)
}

func TestNamesParseBack(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"ndcg@10": "nDCG@10", "NDCG_cut_10": "nDCG@10", "map": "AP", "AP(rel=2)@1000": "AP(rel=2)@1000", "rbp": "RBP(p=0.8)",
		"RBP(p=0.9)@10": "RBP(p=0.9)@10", "P_5": "P@5", "mrr@10": "RR@10", "iprec_at_recall_0.30": "IPrec(recall=0.3)",
		"nDCG(gain=exp)@20": "nDCG(gain=exp)@20", "err@20": "ERR@20", "ERR(max=3)": "ERR(max=3)", "Rprec_mult_0.20": "RprecMult(factor=0.2)",
		"compat": "Compat(p=0.95)", "11pt_avg": "IPrec11", "SetF": "SetF",
	} {
		m, err := measure.Parse(given)
		require.NoError(t, err, given)
		require.Len(t, m, 1)
		assert.Equal(t, want, m[0].String())
		again, err := measure.Parse(want)
		require.NoError(t, err)
		assert.Equal(t, m[0], again[0])
	}
	for given, message := range map[string]string{
		"ndgc@10": `no measure has the name "ndgc"; did you mean "nDCG"?`, "P": "needs a cut-off, as in P@10", "P@0": "at least 1",
		"Bpref@10": "Bpref takes no cut-off", "AP(p=1)": `AP has no parameter "p", it has [rel]`, "AP(rel": "parenthesis", "RBP(p=1.5)": "above 0 and below 1",
		"": "no measure named", "AP(rel=x)": "whole number", "nDCG(gain=2)": "write exp", "IPrec@2": "in [0, 1]",
	} {
		_, err := measure.Parse(given)
		require.ErrorContains(t, err, message, given)
	}
	for _, e := range measure.Catalogue() {
		assert.NotEmpty(t, e.Summary, e.Name)
		assert.NotEmpty(t, e.Source, e.Name)
	}
}

// TestTrecEvalGolden compares every measure on every topic, and every mean,
// with what trec_eval 9.0.4 printed for the random set of testdata.
func TestTrecEvalGolden(t *testing.T) {
	t.Parallel()
	qrels, err := trec.ReadQrelsFile("testdata/random.qrels.gz", trec.Options{})
	require.NoError(t, err)
	run, err := trec.ReadRunFile("testdata/random.run.gz", trec.Options{})
	require.NoError(t, err)
	for file, level := range map[string]int{"testdata/trec_eval-9.0.4.gz": 1, "testdata/trec_eval-9.0.4-l2.gz": 2} {
		o, err := measure.Compat("trec9")
		require.NoError(t, err)
		o.Level, o.Queries = level, measure.Both
		compareWithTrecEval(t, file, qrels, run, o)
	}
}

func compareWithTrecEval(t *testing.T, file string, qrels *trec.Qrels, run *trec.Run, o measure.Options) {
	t.Helper()
	measures := measure.AllTrec()
	result, err := measure.Evaluate(qrels, run, measures, o)
	require.NoError(t, err)
	got := map[string]string{}
	for i, m := range measures {
		name, ok := m.TrecName()
		require.True(t, ok, m)
		got[name+" all"] = m.TrecText(result.Mean(i))
		for j, topic := range result.Topics {
			got[name+" "+topic] = m.TrecText(result.Values[i][j])
		}
	}
	f, err := trec.Open(file)
	require.NoError(t, err)
	defer f.Close()
	compared, unknown := 0, map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		value, ok := got[fields[0]+" "+fields[1]]
		if !ok {
			unknown[fields[0]] = true
			continue
		}
		compared++
		if value != fields[2] {
			assert.Equal(t, fields[2], value, "%s: %s on topic %s", file, fields[0], fields[1])
		}
	}
	assert.Greater(t, compared, 10000)
	for name := range unknown {
		assert.Contains(t, []string{"runid", "num_q", "relstring", "G", "binG", "Rndcg", "ndcg_rel", "gm_map", "gm_bpref", "num_nonrel_judged_ret"}, name)
	}
}

// TestLeaderboard reproduces the official figures of TREC-COVID round 5.
func TestLeaderboard(t *testing.T) {
	t.Parallel()
	dir := collections.Dir(t, "trec-covid-r5-runs")
	qrels, err := trec.ReadQrelsFile(filepath.Join(dir, "qrels.tsv.gz"), trec.Options{})
	require.NoError(t, err)
	board, err := os.ReadFile(filepath.Join(dir, "leaderboard.csv"))
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSpace(string(board)), "\n")
	require.Greater(t, len(rows), 5)
	t.Log(rows[0])
	o, err := measure.Compat("trec9")
	require.NoError(t, err)
	measures := measure.MustParse("nDCG@20", "P@20", "Bpref", "AP")
	for _, row := range rows[1:] {
		cells := strings.Split(strings.TrimSpace(row), ",")
		run, err := trec.ReadRunFile(filepath.Join(dir, "runs", cells[0]+".txt.gz"), trec.Options{})
		require.NoError(t, err)
		result, err := measure.Evaluate(qrels, run, measures, o)
		require.NoError(t, err)
		for i, m := range measures {
			assert.Contains(t, row, fmt.Sprintf("%.4f", result.Mean(i)), "%s of %s", m, cells[0])
		}
	}
}

func TestWorkersNeverChangeAFigure(t *testing.T) {
	t.Parallel()
	qrels, err := trec.ReadQrelsFile("testdata/random.qrels.gz", trec.Options{})
	require.NoError(t, err)
	run, err := trec.ReadRunFile("testdata/random.run.gz", trec.Options{})
	require.NoError(t, err)
	one, err := measure.Evaluate(qrels, run, measure.AllTrec(), measure.Options{Workers: 1})
	require.NoError(t, err)
	many, err := measure.Evaluate(qrels, run, measure.AllTrec(), measure.Options{Workers: 7})
	require.NoError(t, err)
	assert.Equal(t, one.Values, many.Values)
	assert.Equal(t, one.Unjudged, many.Unjudged)
}

func TestMeasuresStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	measures := measure.MustParse("P@3", "R@3", "AP", "RR", "nDCG@3", "nDCG(gain=exp)", "Bpref", "infAP", "RBP", "ERR", "Compat", "IPrec11", "SetF", "Judged@3", "RBP(gain=graded)")
	rapid.Check(t, func(rt *rapid.T) {
		var qrels, run strings.Builder
		for i, g := range rapid.SliceOfN(rapid.IntRange(-2, 4), 1, 12).Draw(rt, "grades") {
			fmt.Fprintf(&qrels, "1 0 d%d %d\n", i, g)
		}
		for i, d := range rapid.SliceOfNDistinct(rapid.IntRange(0, 15), 1, 12, rapid.ID[int]).Draw(rt, "documents") {
			fmt.Fprintf(&run, "1 Q0 d%d %d %d t\n", d, i+1, rapid.IntRange(0, 5).Draw(rt, "score"))
		}
		q, r := read(t, qrels.String(), run.String())
		result, err := measure.Evaluate(q, r, measures, measure.Options{})
		require.NoError(t, err)
		for i, m := range measures {
			assert.GreaterOrEqual(t, result.Mean(i), 0., m)
			assert.LessOrEqual(t, result.Mean(i), 1+1e-4, m)
		}
	})
}

func ExampleEvaluate() {
	qrels, _ := trec.ReadQrels(strings.NewReader("q1 0 d1 2\nq1 0 d3 1\nq2 0 d5 1\n"), "qrels", trec.Options{})
	run, _ := trec.ReadRun(strings.NewReader("q1 Q0 d1 1 9.5 bm25\nq1 Q0 d2 2 7.25 bm25\n"), "run", trec.Options{})
	measures := measure.MustParse("nDCG@10", "R@10")
	result, err := measure.Evaluate(qrels, run, measures, measure.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, m := range measures {
		fmt.Printf("%s %.4f, %.0f %% of the documents unjudged\n", m, result.Mean(i), 100*result.MeanUnjudged(i))
	}
	fmt.Println("not returned:", result.Missing)
	// Output:
	// nDCG@10 0.3801, 25 % of the documents unjudged
	// R@10 0.2500, 25 % of the documents unjudged
	// not returned: [q2]
}
