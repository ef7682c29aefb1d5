package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

func settingsConfig(systems ...string) string {
	return fmt.Sprintf(`{
  "name": "settings", "collections": ["tiny"], "measures": ["nDCG@5"], "samples": 200,
  "retrievers": {"bm25": {"kind": "bm25", "limit": 20}, "dense": {"kind": "minilm", "limit": 20}},
  "scorers": {"lexical": {"kind": "lexical"}, "minilm": {"kind": "minilm"}},
  "systems": [{"name": "BM25", "retrieve": "bm25"}, %s]
}`, strings.Join(systems, ",\n"))
}

// runSettings runs the systems on the small collection.
func runSettings(t *testing.T, systems ...string) (r *experiment.Result, dir, errs string) {
	t.Helper()
	dir = t.TempDir()
	code, _, errs := do(t, "run", "-config", configFile(t, settingsConfig(systems...)), "-collections", collection(t, "tiny", 30), "-out", dir)
	require.Equal(t, 0, code, errs)
	return readBack(t, filepath.Join(dir, "tiny", "result.json")), dir, errs
}

func systemNamed(t *testing.T, r *experiment.Result, name string) experiment.System {
	t.Helper()
	for _, s := range r.Systems {
		if s.Name == name {
			return s
		}
	}
	require.Fail(t, "no system "+name)
	return experiment.System{}
}

// Every field of a system can be tuned, and each topic has exactly the figure that
// it has under the setting which the others chose.
func TestE16AnySettingOfASystemIsTunedInARun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ system, field, values string }{
		"depth of the rerank":    {`"retrieve": "bm25", "rerank": "lexical"`, "depth", "20, 3"},
		"k1 and b of BM25":       {`"retrieve": "bm25", "b": 0.9`, "k1", "0.9, 0.2, 3"},
		"the size of passages":   {`"retrieve": "bm25", "rerank": "lexical", "depth": 5`, "passage", "64, 4"},
		"lambda of a diversity":  {`"retrieve": "bm25"`, "lambda", "1, 0.2"},
		"a threshold":            {`"retrieve": "bm25"`, "least", "0, 3"},
		"a blend and its weight": {`"retrieve": "bm25", "rerank": "lexical"`, "blend", `"convex(w=[.5,.5],norm=minmax)", "convex(w=[.1,.9],norm=minmax)"`},
		"the scorer":             {`"retrieve": "bm25", "depth": 5`, "rerank", `"lexical", "minilm"`},
		"the retrievers":         {`"fuse": "rrf(k=60)"`, "retrieve", `"bm25", ["bm25", "dense"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			systems := []string{fmt.Sprintf(`{"name": "tuned", %s, "tune": {"folds": 3, "over": {%q: [%s]}}}`, c.system, c.field, c.values)}
			systems = append(systems, fmt.Sprintf(`{"name": "{%s}", %s, "grid": {%q: [%s]}}`, c.field, c.system, c.field, c.values))
			if c.field == "rerank" {
				systems[0] = strings.Replace(systems[0], `"retrieve"`, `"rerank": "lexical", "retrieve"`, 1)
				systems[1] = strings.Replace(systems[1], `"retrieve"`, `"rerank": "lexical", "retrieve"`, 1)
			}
			if c.field == "retrieve" {
				systems[0] = strings.Replace(systems[0], `"fuse"`, `"retrieve": "bm25", "fuse"`, 1)
				systems[1] = strings.Replace(systems[1], `"fuse"`, `"retrieve": "bm25", "fuse"`, 1)
			}
			r, _, _ := runSettings(t, systems...)
			tuned := systemNamed(t, r, "tuned")
			require.NotNil(t, tuned.Tuning)
			require.Len(t, tuned.Tuning.Folds, 3)
			assert.Regexp(t, `^(keep the default|adopt the chosen setting) \(held out [+-]0\.\d{4} over the default, p = `, tuned.Tuning.Verdict)
			held := 0
			for _, f := range tuned.Tuning.Folds {
				plain := systemNamed(t, r, strings.TrimPrefix(f.Chosen, c.field+" "))
				for _, id := range f.Held {
					assert.NotContains(t, f.Trained, id)
					for i, topic := range r.Topics {
						if topic.ID == id {
							held++
							assert.Equal(t, plain.Values[0][i], tuned.Values[0][i], "%s under %s", id, f.Chosen)
						}
					}
				}
			}
			assert.Equal(t, 30, held)
		})
	}
}

func TestCombinationsAreNumberedInTheirOrder(t *testing.T) {
	t.Parallel()
	c, err := readConfig(configFile(t, settingsConfig(`{"name": "tuned", "retrieve": "bm25", "rerank": "lexical", "tune": {"over": {"depth": [9, 3], "blend": ["rrf(k=60)", "borda", "combmnz(norm=minmax)"]}}}`)))
	require.NoError(t, err)
	candidates, err := c.Systems[1].candidates()
	require.NoError(t, err)
	require.Len(t, candidates, 6)
	assert.Equal(t, "blend rrf(k=60), depth 9", candidates[0].Name)
	assert.Equal(t, "blend borda, depth 3", candidates[3].Name)
	e := &experimenter{config: c, collections: collection(t, "tiny", 10), dir: t.TempDir(), errs: &strings.Builder{}, bar: &bar{out: &strings.Builder{}}, runs: map[string]inputs{}}
	corpora, err := e.openCorpora()
	require.NoError(t, err)
	b := e.builder(corpora[0], false)
	space, err := variants{b}.space(t.Context(), c.Systems[1])
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 9}, space.Candidates[0].Numbers)
	assert.Equal(t, []float64{1, 3}, space.Candidates[3].Numbers)
	require.NoError(t, b.close())
}

func TestALearntModelIsMeasuredOnTopicsThatDidNotTeachIt(t *testing.T) {
	t.Parallel()
	r, dir, errs := runSettings(t,
		`{"name": "learnt", "retrieve": ["bm25", "dense"], "fuse": "rrf(k=60)", "rerank": "lexical",
		  "learn": {"features": ["norm(bm25)", "score(dense)", "norm(lexical)", "length"], "folds": 3}}`,
		`{"name": "learnt logits", "retrieve": "bm25", "learn": {"features": ["norm(bm25)"], "kind": "logistic"}, "least": -9}`)
	learnt := systemNamed(t, r, "learnt")
	require.NotNil(t, learnt.Tuning)
	require.Len(t, learnt.Tuning.Folds, 3)
	for _, f := range learnt.Tuning.Folds {
		assert.Contains(t, f.Chosen, "model ")
		assert.Len(t, f.Trained, 30-len(f.Held))
	}
	name := filepath.Join(dir, "tiny", "model-learnt.json")
	assert.Contains(t, errs, "wrote "+name)
	model, err := ltr.Open(name)
	require.NoError(t, err)
	assert.Equal(t, []string{"norm(bm25)", "score(dense)", "norm(lexical)", "length"}, model.Features())
	assert.Contains(t, model.Note, "tiny, learnt; learnt from")
	assert.Positive(t, systemNamed(t, r, "learnt logits").Means[0])
	for _, w := range r.Warnings {
		assert.NotContains(t, w, "took part in choosing", "nothing leaked")
	}
}

func TestMistakesInWhatIsTunedOrLearntTeach(t *testing.T) {
	t.Parallel()
	for want, system := range map[string]string{
		`no field "dept" here; did you mean "depth"?`:   `{"name": "x", "retrieve": "bm25", "rerank": "lexical", "tune": {"over": {"dept": [1, 2]}}}`,
		"over has 1 combinations":                       `{"name": "x", "retrieve": "bm25", "rerank": "lexical", "tune": {"over": {"depth": [1]}}}`,
		"two ways to say what to choose from":           `{"name": "x", "retrieve": "bm25", "rerank": "lexical", "blend": "borda", "tune": {"space": "k", "over": {"depth": [1, 2]}}}`,
		"would each see what the other held out":        `{"name": "x", "retrieve": "bm25", "learn": {"features": ["length"]}, "tune": {"over": {"k1": [1, 2]}}}`,
		"depth 2: blend, depth, passage":                `{"name": "x", "retrieve": "bm25", "tune": {"over": {"depth": [2, 3]}}}`,
		"learn: features is wrong or empty":             `{"name": "x", "retrieve": "bm25", "learn": {"features": []}}`,
		"no such feature":                               `{"name": "x", "retrieve": "bm25", "learn": {"features": ["bm25"]}}`,
		"tune is no field to choose":                    `{"name": "x", "retrieve": "bm25", "tune": {"over": {"tune": [1, 2]}}}`,
		`tune: measure "nDCG@5,P@5": one measure`:       `{"name": "x", "retrieve": "bm25", "tune": {"measure": "nDCG@5,P@5", "over": {"k1": [1, 2]}}}`,
		"tune: rerank bm26: no scorer \"bm26\"":         `{"name": "x", "retrieve": "bm25", "tune": {"over": {"rerank": ["lexical", "bm26"]}}}`,
		"blend, depth, passage and tune's space":        `{"name": "x", "retrieve": "bm25", "passage": 9}`,
		"tune chooses a blend's setting, and blend nam": `{"name": "x", "retrieve": "bm25", "rerank": "lexical", "tune": {}}`,
	} {
		code, _, errs := do(t, "run", "-config", configFile(t, settingsConfig(system)), "-collections", t.TempDir(), "-out", t.TempDir())
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
}
