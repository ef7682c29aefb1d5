package measure_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// goldenCase is a small run with what other tools say of it: values by topic and
// measure. testdata/generate_cases.py made them and names the versions.
type goldenCase struct {
	Qrels, Run string
	TrecEval   map[string]map[string]map[string]string `json:"trec_eval"`
	GDEval     map[string]map[string]string
	IRMeasures map[string]map[string]float64 `json:"ir_measures"`
	BEIR       map[string]map[string]float64
	Ranx       map[string]map[string]any
	// Derived and Derived9 are by measure and topic.
	Derived, Derived9 map[string]map[string]float64
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	f, err := trec.Open(file)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, json.NewDecoder(f).Decode(into))
}

func goldenCases(t *testing.T) map[string]goldenCase {
	t.Helper()
	var file struct{ Cases map[string]goldenCase }
	decode(t, "testdata/cases.json.gz", &file)
	require.Len(t, file.Cases, 11)
	return file.Cases
}

// valueOf measures one topic of a case.
func valueOf(t *testing.T, c goldenCase, name, topic string, o measure.Options) float64 {
	t.Helper()
	return valuesOf(t, c)(name, topic, o)
}

// valuesOf returns valueOf for a case, which measures all topics at once.
func valuesOf(t *testing.T, c goldenCase) func(name, topic string, o measure.Options) float64 {
	t.Helper()
	q, r := read(t, c.Qrels, c.Run)
	known := map[string]*measure.Result{}
	return func(name, topic string, o measure.Options) float64 {
		t.Helper()
		o.Workers = 1
		key := fmt.Sprint(name, o)
		if known[key] == nil {
			result, err := measure.Evaluate(q, r, measure.MustParse(name), o)
			require.NoError(t, err)
			known[key] = result
		}
		i := slices.Index(known[key].Topics, topic)
		require.GreaterOrEqual(t, i, 0, "topic %s", topic)
		return known[key].Values[0][i]
	}
}

func compat(t *testing.T, tool string) measure.Options {
	t.Helper()
	o, err := measure.Compat(tool)
	require.NoError(t, err)
	return o
}

func TestCasesEqualTrecEval(t *testing.T) {
	t.Parallel()
	for name, c := range goldenCases(t) {
		for flags, topics := range c.TrecEval {
			o := compat(t, "trec9")
			o.Queries = measure.Both
			switch flags {
			case "-l 2":
				o.Level = 2
			case "-c":
				o.Queries = measure.Judged
			}
			q, r := read(t, c.Qrels, c.Run)
			result, err := measure.Evaluate(q, r, measure.AllTrec(), o)
			require.NoError(t, err)
			compared := 0
			for i, m := range result.Measures {
				trecName, ok := m.TrecName()
				require.True(t, ok, m)
				assert.Equal(t, topics["all"][trecName], m.TrecText(result.Mean(i)), "%s, %s: %s", name, flags, m)
				for j, topic := range result.Topics {
					want, printed := topics[topic][trecName]
					if !printed { // geometric means, and topics that -c adds
						continue
					}
					assert.Equal(t, want, m.TrecText(result.Values[i][j]), "%s, %s, topic %s: %s", name, flags, topic, m)
					compared++
				}
			}
			assert.Equal(t, topics["all"]["num_q"], fmt.Sprint(len(result.Topics)), "%s, %s", name, flags)
			assert.GreaterOrEqual(t, compared, 90, "%s, %s", name, flags)
		}
	}
}

func TestCasesEqualIRMeasures(t *testing.T) {
	t.Parallel()
	// Each provider of ir_measures has a tie rule of its own.
	ascending := []string{"RR@10", "Compat", "Compat(p=0.8)", "Judged@5", "Judged@10"}
	for name, c := range goldenCases(t) {
		of := valuesOf(t, c)
		for topic, values := range c.IRMeasures {
			for m, want := range values {
				if strings.HasPrefix(m, "Judged") && strings.Contains(c.Qrels, " -") {
					continue // there a negative grade is a judgement, in trec_eval it is none
				}
				var o measure.Options
				if slices.Contains(ascending, m) {
					o.Order.Ties = trec.DocAscending
				}
				assert.InDelta(t, want, of(m, topic, o), 0, "%s, topic %s: %s", name, topic, m)
			}
		}
	}
	tie := goldenCases(t)["three tied documents"].IRMeasures["1"]
	assert.Less(t, tie["RR"], tie["RR@10"], "so RR and RR@10 of ir_measures disagree on a tie, and ours do not")
	c := goldenCases(t)["three tied documents"]
	assert.InDelta(t, valueOf(t, c, "RR", "1", measure.Options{}), valueOf(t, c, "RR@10", "1", measure.Options{}), 0)
}

func TestCasesEqualGDEval(t *testing.T) {
	t.Parallel()
	compared := 0
	for name, c := range goldenCases(t) {
		of := valuesOf(t, c)
		for topic, values := range c.GDEval {
			for m, want := range values {
				assert.Equal(t, want, fmt.Sprintf("%.5f", of(m, topic, measure.Options{})), "%s, topic %s: %s", name, topic, m)
				compared++
			}
		}
	}
	assert.Greater(t, compared, 30)
}

func TestCasesEqualBEIR(t *testing.T) {
	t.Parallel()
	for name, c := range goldenCases(t) {
		of := valuesOf(t, c)
		for topic, values := range c.BEIR {
			for m, want := range values {
				assert.InDelta(t, want, of(m, topic, measure.Options{DropSelf: true}), 1e-15, "%s, topic %s: %s", name, topic, m)
			}
		}
	}
}

func TestCasesEqualTheFormulas(t *testing.T) {
	t.Parallel()
	for name, c := range goldenCases(t) {
		of := valuesOf(t, c)
		for m, topics := range c.Derived {
			for topic, want := range topics {
				assert.InDelta(t, want, of(m, topic, measure.Options{}), 4e-16, "%s, topic %s: %s", name, topic, m)
			}
		}
		for m, topics := range c.Derived9 {
			for topic, want := range topics {
				assert.InDelta(t, want, of(m, topic, compat(t, "trec9")), 0, "%s, topic %s: %s of version 9", name, topic, m)
			}
		}
	}
}

// ranxNames has our measure for each of ranx's.
func ranxNames() map[string]string {
	return map[string]string{
		"ndcg": "nDCG", "ndcg@5": "nDCG@5", "ndcg@10": "nDCG@10", "ndcg_burges": "nDCG(gain=exp)", "ndcg_burges@5": "nDCG(gain=exp)@5", "ndcg_burges@10": "nDCG(gain=exp)@10",
		"mrr": "RR", "mrr@2": "RR@2", "mrr@10": "RR@10", "precision": "SetP", "precision@5": "P@5", "precision@10": "P@10", "f1": "SetF", "f1@5": "F@5", "f1@10": "F@10",
		"r-precision": "Rprec", "bpref": "Bpref", "rbp.80": "RBP(p=0.8)", "map": "AP", "map@5": "AP@5", "map@10": "AP@10",
		"recall@5": "R@5", "recall@10": "R@10", "hit_rate@5": "Success@5", "hit_rate@10": "Success@10", "hits@5": "Hits@5", "hits@10": "Hits@10",
	}
}

func TestCasesEqualRanxWhereTheDefinitionsDo(t *testing.T) {
	t.Parallel()
	for name, c := range goldenCases(t) {
		of := valuesOf(t, c)
		negative, graded := strings.Contains(c.Qrels, " -"), false
		for _, grade := range []string{" 2\n", " 3\n", " 4\n"} {
			graded = graded || strings.Contains(c.Qrels, grade)
		}
		for topic, values := range c.Ranx {
			for theirs, want := range values {
				got := of(ranxNames()[theirs], topic, compat(t, "ranx"))
				switch {
				case theirs == "bpref" && (negative || want == "nan" || want == "-inf"):
					// ranx counts negative grades as judged, and divides by 0 where
					// nothing is judged non-relevant.
					continue
				case theirs == "rbp.80" && graded:
					continue // ranx takes the grade as the gain, so RBP passes 1
				case theirs == "bpref" || theirs == "rbp.80" || theirs == "f1":
					assert.InDelta(t, want, got, 2e-16, "%s, topic %s: %s", name, topic, theirs)
				default:
					assert.InDelta(t, want, got, 0, "%s, topic %s: %s", name, topic, theirs)
				}
			}
		}
	}
	c := goldenCases(t)["no judged non-relevant"].Ranx["1"]
	assert.Equal(t, "nan", c["bpref"])
	assert.InDelta(t, 1, valueOf(t, goldenCases(t)["no judged non-relevant"], "Bpref", "1", measure.Options{}), 0, "trec_eval and we: nothing stands above")
}

func TestGainsOfTrecEval(t *testing.T) {
	t.Parallel()
	var file struct {
		Gains map[string]map[string]string
	}
	decode(t, "testdata/cases.json.gz", &file)
	c := goldenCases(t)["deeper than retrieved"]
	for gains, printed := range file.Gains {
		got := valueOf(t, c, "nDCG(gain="+strings.NewReplacer("=", ":", ",", ";").Replace(gains)+")", "1", measure.Options{})
		want := printed["ndcg_"+gains]
		if strings.Contains(gains, ".") {
			assert.Equal(t, "0.0000", want, "trec_eval cuts differences of gains to whole numbers")
			assert.Greater(t, got, .1, "we do not")
			continue
		}
		assert.Equal(t, want, fmt.Sprintf("%.4f", got), gains)
	}
}

// TestBitsOfOtherTools compares every bit of the doubles on the random set.
func TestBitsOfOtherTools(t *testing.T) {
	t.Parallel()
	var golden struct {
		PytrecEval map[string]map[string]float64 `json:"pytrec_eval"`
		Ranx       map[string]map[string]float64
		RanxMeans  map[string]float64 `json:"ranx_means"`
	}
	decode(t, "testdata/bits.json.gz", &golden)
	qrels, err := trec.ReadQrelsFile("testdata/random.qrels.gz", trec.Options{})
	require.NoError(t, err)
	run, err := trec.ReadRunFile("testdata/random.run.gz", trec.Options{})
	require.NoError(t, err)
	check := func(name, theirs string, want map[string]float64, o measure.Options) *measure.Result {
		o.Queries = measure.Both
		result, err := measure.Evaluate(qrels, run, measure.MustParse(name), o)
		require.NoError(t, err)
		require.Len(t, result.Topics, len(want))
		for i, topic := range result.Topics {
			if got := result.Values[0][i]; math.Float64bits(got) != math.Float64bits(want[topic]) {
				assert.Failf(t, "differs", "%s on topic %s: %v, not %v", theirs, topic, got, want[topic])
			}
		}
		return result
	}
	for theirs, want := range golden.PytrecEval {
		check(theirs, theirs, want, compat(t, "trec9")) // 32-bit scores too
	}
	for theirs, want := range golden.Ranx {
		if theirs == "rbp.80" {
			continue // grades above 1
		}
		result := check(ranxNames()[theirs], theirs, want, compat(t, "ranx"))
		assert.InDelta(t, golden.RanxMeans[theirs], result.Mean(0), 0, theirs)
	}
}
