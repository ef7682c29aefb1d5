package tune_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/benchmarks/tune/nulldata"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
)

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("t%03d", i)
	}
	return out
}

// noise is a value in [0, 1) that depends on its arguments alone.
func noise(parts ...int) float64 {
	h := uint64(1469598103934665603)
	for _, p := range parts {
		h = (h ^ uint64(p+1)) * 1099511628211
		h ^= h >> 29
	}
	return float64(h*0x9e3779b97f4a7c15>>11) / (1 << 53)
}

// settings have a gain over the default that grows with their number.
func settings(n, seed int, gain float64) tune.SpaceFunc {
	return func(_ context.Context, topics []string) ([]tune.Setting, error) {
		var out []tune.Setting
		for k := range n {
			s := tune.Setting{Name: fmt.Sprintf("k=%d", k), Numbers: []float64{float64(k)}}
			for i := range topics {
				s.Values = append(s.Values, .5*noise(seed, i, k)+gain*float64(k))
			}
			out = append(out, s)
		}
		return out, nil
	}
}

func TestAnySettingIsChosenHonestly(t *testing.T) {
	t.Parallel()
	r, err := tune.Choose(t.Context(), tune.Trial{Measure: "mine", Topics: ids(80)}, settings(5, 1, .05))
	require.NoError(t, err)
	assert.Equal(t, tune.Adopt, r.Verdict, r)
	assert.Equal(t, "k=4", r.Chosen)
	assert.Equal(t, "k=0", r.Default)
	assert.Less(t, r.P, .05)
	assert.Positive(t, r.Interval.Low)
	assert.Empty(t, r.Inputs)
	assert.Contains(t, r.String(), "verdict: adopt the chosen setting")

	few, err := tune.Choose(t.Context(), tune.Trial{Topics: ids(19)}, settings(5, 1, .05))
	require.NoError(t, err)
	assert.Equal(t, tune.TooFewTopics, few.Verdict)
}

func TestChooseRefuses(t *testing.T) {
	t.Parallel()
	broken := func(change func(s []tune.Setting) []tune.Setting) tune.SpaceFunc {
		return func(ctx context.Context, topics []string) ([]tune.Setting, error) {
			s, err := settings(3, 1, 0)(ctx, topics)
			return change(s), err
		}
	}
	for message, space := range map[string]tune.Space{
		"the space has 1 setting:":        broken(func(s []tune.Setting) []tune.Setting { return s[:1] }),
		`setting 2 has the name "k=0"`:    broken(func(s []tune.Setting) []tune.Setting { s[1].Name = "k=0"; return s }),
		"has 29 values of 30 topics":      broken(func(s []tune.Setting) []tune.Setting { s[2].Values = s[2].Values[1:]; return s }),
		"has 2 parameters, the default 1": nil,
		"k=1 has a value of NaN":          broken(func(s []tune.Setting) []tune.Setting { s[1].Values[3] = math.NaN(); return s }),
		"tune: choose: out of reach":      tune.SpaceFunc(func(context.Context, []string) ([]tune.Setting, error) { return nil, errors.New("out of reach") }),
	} {
		if space == nil {
			message, space = "has 2 parameters, the default has 1", broken(func(s []tune.Setting) []tune.Setting { s[1].Numbers = []float64{1, 2}; return s })
		}
		_, err := tune.Choose(t.Context(), tune.Trial{Topics: ids(30)}, space)
		require.ErrorContains(t, err, message)
	}
	_, err := tune.Choose(t.Context(), tune.Trial{}, settings(3, 1, 0))
	require.ErrorContains(t, err, "no topics")
	_, err = tune.Choose(t.Context(), tune.Trial{Topics: ids(30), Folds: 31}, settings(3, 1, 0))
	require.ErrorContains(t, err, "31 folds of 30 groups of topics")
}

// One verdict: what is printed beside it supports it.
func TestE4TheVerdictAgreesWithItsOwnPAndInterval(t *testing.T) {
	t.Parallel()
	seen := map[tune.Verdict]int{}
	for seed := range 40 {
		r, err := tune.Choose(t.Context(), tune.Trial{Topics: ids(60), Sampling: stats.Sampling{Samples: 1000}}, settings(4, seed, .004*float64(seed%10)))
		require.NoError(t, err)
		seen[r.Verdict]++
		assert.Equal(t, r.P < .05 && r.Difference.Mean > 0, r.Interval.Low > 0, r)
		assert.Equal(t, r.Interval.Low > 0, r.Verdict == tune.Adopt, r)
		assert.LessOrEqual(t, r.P, 1.)
		assert.Positive(t, r.P)
	}
	assert.Positive(t, seen[tune.Adopt])
	assert.Positive(t, seen[tune.KeepDefault])
}

// The share of sets of data without a gain in which a gain is claimed. `quality
// null` counts 1,000 of each shape; here is a fast part. Of 320 sets, 8 are
// nominal; 18 or more would happen once in a thousand times.
func TestE4NothingIsAdoptedOnNullDataBeyondTheNominalRate(t *testing.T) {
	t.Parallel()
	adopted := map[string]int{}
	for _, s := range nulldata.Shapes() {
		if s.WeightsOnly {
			continue
		}
		for seed := range uint64(40) {
			r, err := tune.Tune(s.Make(seed), tune.Constants())
			require.NoError(t, err)
			if r.Verdict == tune.Adopt {
				adopted["rrf"]++
			}
		}
		for seed := range uint64(20) {
			r, err := tune.Choose(t.Context(), tune.Trial{Topics: ids(40), Sampling: stats.Sampling{Samples: 1000, Seed: seed}}, settings(12, 100+int(seed), 0))
			require.NoError(t, err)
			if r.Verdict == tune.Adopt {
				adopted["settings"]++
			}
		}
	}
	assert.Less(t, adopted["rrf"], 18, "of 320")
	assert.Less(t, adopted["settings"], 12, "of 160")
	base := fusion.Convex{Norm: fusion.MinMax{}}
	for name, space := range map[string]tune.Fusion{"simplex": tune.Simplex(base, 2, 10), "coordinate": tune.Coordinate(base, 2)} {
		weights := 0
		for seed := range uint64(15) {
			for _, shape := range []int{0, 8} { // judgements of other topics, equal partners
				r, err := tune.Tune(nulldata.Shapes()[shape].Make(seed), space)
				require.NoError(t, err)
				if r.Verdict == tune.Adopt {
					weights++
				}
			}
		}
		assert.Less(t, weights, 6, "%s, of 30", name)
	}
}

func TestTopicsOfAGroupAreOnePieceOfEvidence(t *testing.T) {
	t.Parallel()
	// 30 topics, each asked ten times: as 300 topics the gain would be beyond doubt.
	topics := ids(300)
	groups := map[string]string{}
	for i, id := range topics {
		groups[id] = fmt.Sprint(i / 10)
	}
	space := tune.SpaceFunc(func(_ context.Context, topics []string) ([]tune.Setting, error) {
		base, other := tune.Setting{Name: "a"}, tune.Setting{Name: "b"}
		for i := range topics {
			base.Values = append(base.Values, .5)
			other.Values = append(other.Values, .5+.4*(noise(5, i/10)-.42))
		}
		return []tune.Setting{base, other}, nil
	})
	alone, err := tune.Choose(t.Context(), tune.Trial{Topics: topics}, space)
	require.NoError(t, err)
	grouped, err := tune.Choose(t.Context(), tune.Trial{Topics: topics, Groups: groups}, space)
	require.NoError(t, err)
	assert.Less(t, alone.P, .01, "the control: taken for independent")
	assert.Greater(t, grouped.P, 5*alone.P)
	assert.Greater(t, grouped.Detectable, 2*alone.Detectable)
}

func inputs(n int, strong, weak float64) tune.Problem {
	var a, b []trec.Topic
	var judged []trec.Judgements
	for i, id := range ids(n) {
		x, y, j := trec.Topic{ID: id}, trec.Topic{ID: id}, trec.Judgements{ID: id}
		for d := range 20 {
			doc := fmt.Sprintf("d%02d", d)
			good := 0.
			if d < 4 {
				good = 1
				j.Judged = append(j.Judged, trec.Judgement{Document: doc, Grade: 1})
			}
			x.Entries = append(x.Entries, trec.Entry{Document: doc, Score: good*strong + noise(1, i, d)})
			y.Entries = append(y.Entries, trec.Entry{Document: doc, Score: good*weak + noise(2, i, d)})
		}
		a, b, judged = append(a, x), append(b, y), append(judged, j)
	}
	return tune.Problem{
		Runs: []*trec.Run{trec.NewRun("strong", a), trec.NewRun("weak", b)}, Qrels: trec.NewQrels(judged),
		Measure: measure.MustParse("nDCG@10")[0], Sampling: stats.Sampling{Samples: 2000},
	}
}

func TestE5AnInputThatBeatsTheFusionIsTheVerdict(t *testing.T) {
	t.Parallel()
	for name, space := range map[string]tune.Fusion{
		"rrf": tune.Constants(), "candidates": tune.Candidates(fusion.RRF{}, fusion.Borda{}),
	} {
		r, err := tune.Tune(inputs(40, .8, -.2), space)
		require.NoError(t, err)
		assert.Equal(t, tune.UseInput, r.Verdict, name)
		require.NotNil(t, r.Alone)
		assert.Equal(t, "strong", r.Alone.Name)
		assert.Greater(t, r.Alone.Score, max(r.DefaultScore, r.HeldOut))
		assert.InDelta(t, r.Alone.Score-r.DefaultScore, r.Alone.Difference.Mean, 1e-12)
		assert.Less(t, r.Alone.P, .05)
		assert.Contains(t, r.String(), "verdict: use that input alone: strong; nothing here shows a gain of fusing it")
	}
	equal, err := tune.Tune(inputs(40, .3, .3), tune.Constants())
	require.NoError(t, err)
	assert.NotEqual(t, tune.UseInput, equal.Verdict, "a fusion of equal partners is above both")
	assert.Nil(t, equal.Alone)
	few, err := tune.Tune(inputs(19, .8, -.2), tune.Constants())
	require.NoError(t, err)
	assert.Equal(t, tune.TooFewTopics, few.Verdict)
}

func TestTuneSaysWhatIsWrongWithItsRuns(t *testing.T) {
	t.Parallel()
	p := inputs(40, .5, .4)
	p.Runs[1] = trec.NewRun("weak"+trec.InSample, p.Runs[1].Topics[:30])
	p.Runs[1].Problems = []trec.Problem{{Text: "broken"}, {Text: "odd", Warning: true}}
	r, err := tune.Tune(p, tune.Constants())
	require.NoError(t, err)
	said := strings.Join(r.Warnings, "\n")
	assert.Contains(t, said, "weak+in-sample lacks 10 of 40 topics")
	assert.Contains(t, said, "weak+in-sample was learned on topics that it ranks")
	assert.Contains(t, said, "weak+in-sample: 1 line could not be read")
	assert.Equal(t, tune.KeepDefault, r.Verdict)
	assert.Contains(t, r.String(), "! weak+in-sample lacks")

	p = inputs(40, .5, .4)
	p.Runs[1] = trec.NewRun("again", p.Runs[0].Topics)
	r, err = tune.Tune(p, tune.Constants())
	require.NoError(t, err)
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "strong and again have the same value on every topic")
	assert.Equal(t, tune.KeepDefault, r.Verdict)
	assert.InDelta(t, 1, r.P, 0)
}

// E9: the figures of tuning are those of the fused run's file, ties included.
func TestE9TuningMeasuresTiesByTheRule(t *testing.T) {
	t.Parallel()
	for _, rule := range []trec.TieRule{trec.DocDescending, trec.DocAscending, trec.InputOrder} {
		p := nulldata.Shapes()[6].Make(3) // ties throughout
		p.Options.Order.Ties = rule
		for _, space := range []tune.Fusion{tune.Constants(), tune.Line(fusion.Convex{Norm: fusion.MinMax{}})} {
			r, err := tune.Tune(p, space)
			require.NoError(t, err)
			m, err := fusion.Parse(r.Default)
			require.NoError(t, err)
			assert.InDelta(t, fusedFigure(t, p, m), r.DefaultScore, 1e-12, "%v %s", rule, r.Default)
		}
		for i, in := range mustTune(t, p).Inputs {
			alone, err := measure.Evaluate(p.Qrels, p.Runs[i], []measure.Measure{p.Measure}, p.Options)
			require.NoError(t, err)
			assert.InDelta(t, alone.Mean(0), in.Score, 1e-12, "%v %s", rule, in.Name)
		}
	}
}

func mustTune(t *testing.T, p tune.Problem) *tune.Report {
	t.Helper()
	r, err := tune.Tune(p, tune.Constants())
	require.NoError(t, err)
	return r
}

// fusedFigure fuses whole lists and evaluates them as a run.
func fusedFigure(t *testing.T, p tune.Problem, m fusion.Method) float64 {
	t.Helper()
	var topics []trec.Topic
	for _, topic := range p.Runs[0].Topics {
		var in fusion.Interner
		var task fusion.Task
		for _, run := range p.Runs {
			entries, _ := run.Topic(topic.ID)
			entries = append([]trec.Entry{}, entries...)
			p.Options.Order.Sort(entries)
			l := fusion.List{Scale: pipeline.Unbounded}
			for _, e := range entries {
				l.IDs, l.Scores = append(l.IDs, in.ID(e.Document)), append(l.Scores, e.Score)
			}
			task.Lists = append(task.Lists, l)
		}
		task.Names = in.Names()
		fused, err := fusion.FuseAll(m, []fusion.Task{task})
		require.NoError(t, err)
		out := trec.Topic{ID: topic.ID}
		for _, s := range fused[0] {
			out.Entries = append(out.Entries, trec.Entry{Document: task.Names[s.ID], Score: s.Score})
		}
		topics = append(topics, out)
	}
	r, err := measure.Evaluate(p.Qrels, trec.NewRun("fused", topics), []measure.Measure{p.Measure}, p.Options)
	require.NoError(t, err)
	return r.Mean(0)
}

// shelf returns ten documents; the one that is relevant for the topic is at rank 6.
type shelf struct{ calls atomic.Int64 }

func (s *shelf) Retrieve(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	s.calls.Add(1)
	var hits []pipeline.Hit
	for i := range 10 {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%d", i), Text: fmt.Sprintf("text %d of %s", i, q.ID)}, Score: float64(10 - i)})
	}
	return pipeline.NewRanking("shelf", pipeline.BM25, hits)
}

func (*shelf) Describe() pipeline.Node {
	return pipeline.Node{Name: "shelf", Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: 10, Scale: pipeline.BM25}}
}

// keen finds document 5 on most topics.
type keen struct{ documents atomic.Int64 }

func (k *keen) Describe() pipeline.Node {
	return pipeline.Node{Name: "keen", Settings: []pipeline.Setting{{Name: "model", Value: "keen"}}}
}

func (k *keen) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	k.documents.Add(int64(len(documents)))
	values := make([]float64, len(documents))
	for i, d := range documents {
		values[i] = .1 + .001*float64(10-i)
		if strings.HasPrefix(d, "text 5") && !strings.HasSuffix(d, "7") {
			values[i] = .9
		}
	}
	return reranker.Scores{Values: values, Scale: pipeline.Probability, Model: "keen", Usage: reranker.Usage{Calls: 1, Documents: len(documents), Tokens: 10 * len(documents)}}, nil
}

func grid(store *shelf, scorer *keen, n int) tune.Grid {
	var queries []pipeline.Query
	var judged []trec.Judgements
	for _, id := range ids(n) {
		queries = append(queries, pipeline.Query{ID: id, Text: "find"})
		judged = append(judged, trec.Judgements{ID: id, Judged: []trec.Judgement{{Document: "d5", Grade: 1}}})
	}
	stages := map[float64]pipeline.Stage{}
	return tune.Grid{
		Parameters: []tune.Parameter{{Name: "depth", Values: []float64{3, 5, 8}}, {Name: "top", Values: []float64{10, 6}}},
		Build: func(v map[string]float64) (pipeline.Retriever, error) {
			if stages[v["depth"]] == nil {
				stages[v["depth"]] = reranker.Stage(scorer, reranker.StageOptions{Unscored: reranker.AllOrNothing, Depth: int(v["depth"])})
			}
			return pipeline.Chain(store, stages[v["depth"]], cut.TopK(int(v["top"]))), nil
		},
		Queries: append(queries, pipeline.Query{ID: "unjudged", Text: "x"}), Judgements: trec.NewQrels(judged), Measure: measure.MustParse("RR@10")[0],
		Plan: experiment.Plan{Prices: map[string]float64{"keen": 1}},
	}
}

func TestE16AGridTunesWhateverAPipelineHas(t *testing.T) {
	t.Parallel()
	store, scorer := &shelf{}, &keen{}
	g := grid(store, scorer, 40)
	estimated := 0
	g.Estimated = func(e experiment.Estimate) error { estimated = e.Documents; return nil }
	r, err := tune.Choose(t.Context(), g.Trial(), g)
	require.NoError(t, err)
	assert.Equal(t, "depth=3, top=10", r.Default)
	assert.Contains(t, r.Chosen, "depth=8")
	assert.Equal(t, tune.Adopt, r.Verdict, r)
	assert.Equal(t, 40, r.Topics)
	assert.Equal(t, []float64{8}, r.Low[:1])
	assert.EqualValues(t, 40*(3+5+8), scorer.documents.Load(), "settings that share a beginning share its run")
	assert.Positive(t, estimated)
	assert.EqualValues(t, 40+40, store.calls.Load(), "once for the estimate, once for all six settings")
}

func TestE16AGridStopsBeforeItCosts(t *testing.T) {
	t.Parallel()
	scorer := &keen{}
	g := grid(&shelf{}, scorer, 30)
	g.Plan.Budget = experiment.Budget{Tokens: 100}
	_, err := tune.Choose(t.Context(), g.Trial(), g)
	var budget *experiment.BudgetError
	require.ErrorAs(t, err, &budget)
	require.ErrorContains(t, err, "nothing was sent")
	g.Plan.Budget = experiment.Budget{}
	g.Estimated = func(experiment.Estimate) error { return errors.New("too dear") }
	_, err = tune.Choose(t.Context(), g.Trial(), g)
	require.ErrorContains(t, err, "too dear")
	assert.Zero(t, scorer.documents.Load())
}

func TestE16MistakesInAGrid(t *testing.T) {
	t.Parallel()
	for message, change := range map[string]func(*tune.Grid){
		"a grid needs parameters":            func(g *tune.Grid) { g.Parameters = nil },
		"needs a name of its own and values": func(g *tune.Grid) { g.Parameters[1].Name = "depth" },
		"more than 5000 combinations":        func(g *tune.Grid) { g.Parameters[0].Values = make([]float64, 2501) },
		"depth=3, top=10: no such depth": func(g *tune.Grid) {
			g.Build = func(map[string]float64) (pipeline.Retriever, error) { return nil, errors.New("no such depth") }
		},
		"failed on topic t000": func(g *tune.Grid) {
			g.Build = func(v map[string]float64) (pipeline.Retriever, error) {
				return pipeline.Chain(&shelf{}, pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
					return pipeline.Ranking{}, fmt.Errorf("broken %v", v)
				})), nil
			}
		},
	} {
		g := grid(&shelf{}, &keen{}, 30)
		change(&g)
		trial := g.Trial()
		_, err := tune.Choose(t.Context(), trial, g)
		require.ErrorContains(t, err, message)
	}
}

func ExampleChoose() {
	// Any program can measure its settings; here three depths over 40 topics.
	space := tune.SpaceFunc(func(_ context.Context, topics []string) ([]tune.Setting, error) {
		var out []tune.Setting
		for _, depth := range []float64{10, 50, 100} {
			s := tune.Setting{Name: fmt.Sprint("depth ", depth), Numbers: []float64{depth}}
			for i := range topics {
				s.Values = append(s.Values, .5+depth/1000+.05*noise(int(depth), i))
			}
			out = append(out, s)
		}
		return out, nil
	})
	report, err := tune.Choose(context.Background(), tune.Trial{Measure: "nDCG@10", Topics: ids(40)}, space)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Chosen+":", report.Verdict)
	// Output: depth 100: adopt the chosen setting
}
