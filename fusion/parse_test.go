package fusion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/fusion"
)

func TestSpecificationsAreReadAndPrinted(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"rrf":                         "rrf(k=60)",
		"rrf()":                       "rrf(k=60)",
		" rrf ( k = 10 ) ":            "rrf(k=10)",
		"rrf(k=0)":                    "rrf(k=0)",
		"rrf(w=[1,2], ranks=dense)":   "rrf(k=60, w=[1, 2], ranks=dense)",
		"rrf(missing=rank(7))":        "rrf(k=60, missing=rank(7))",
		"rrf(window=10,toone=true)":   "rrf(k=60, toone=true, window=10)",
		"logn-isr":                    "log-isr(sigma=0.01)",
		"combmnz(norm=minmax)":        "combmnz(norm=minmax)",
		"qdrant-rrf(k=2, w=[1,2])":    "qdrant-rrf(k=2, w=[1, 2])",
		"weaviate-ranked":             "weaviate-ranked(k=60)",
		"typesense-rrf":               "typesense-rrf(w=[0.7, 0.3])",
		"opensearch":                  `opensearch(norm="min_max", mean="arithmetic_mean")`,
		"posfuse(p=[[0.5,1],[0.25]])": "posfuse(p=[[0.5, 1], [0.25]])",
		"convex(w=[0.3,0.7], norm=minmax, missing=listmin)":                      "convex(w=[0.3, 0.7], norm=minmax, missing=listmin)",
		"wsum(norms=[none, minmax(degenerate=half), tm2(infimum=-1)])":           "wsum(norms=[none, minmax(degenerate=half), tm2(infimum=-1)])",
		`opensearch(w=[0.5,0.5], norm="l2", mean="geometric_mean")`:              `opensearch(w=[0.5, 0.5], norm="l2", mean="geometric_mean")`,
		`combsum(norm=calibration(method="platt", params=[-1.5, 0.25]))`:         `combsum(norm=calibration(method="platt", params=[-1.5, 0.25]))`,
		"combsum(norm=sigmoid(temperature=2), nonfinite=drop, duplicates=first)": "combsum(norm=sigmoid(temperature=2), nonfinite=drop, duplicates=first)",
	} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err, spec)
		assert.Equal(t, want, m.String())
		again, err := fusion.Parse(want)
		require.NoError(t, err)
		assert.Equal(t, want, again.String())
	}
}

func TestWrongSpecificationsSayWhatToChange(t *testing.T) {
	t.Parallel()
	for spec, says := range map[string]string{
		"":                           "expected a name, a number or a list at byte 0, found the end",
		"rff":                        `no method is called "rff"; did you mean "rrf"?`,
		"xyzzyplugh":                 `no method is called "xyzzyplugh"`,
		"rrf(kk=3)":                  `rrf has no parameter "kk"; did you mean "k"?`,
		"rrf(weights=[1])":           `rrf has no parameter "weights"`,
		"rrf(k=3, k=4)":              `parameter "k" of rrf is given twice`,
		"rrf(k=abc)":                 "parameter k of rrf: unusable configuration: abc is not a finite number",
		"rrf(k=NaN)":                 "NaN is not a finite number",
		"rrf(k=-3)":                  "k is -3: it must be positive",
		"rrf(60)":                    `rrf has no parameter ""`,
		"rrf(k=60":                   `expected "," or ")" at byte 8, found the end`,
		"rrf(k=60) x":                `expected the end at byte 10, found "x"`,
		"rrf(w=1)":                   "1 is not a list in brackets",
		"rrf(w=[1,[2]])":             "a list is not a finite number",
		"rrf(ranks=dens)":            `"dens" is none of ["ordinal" "dense" "min" "average"]; did you mean "dense"?`,
		"rrf(missing=listmn)":        `did you mean "listmin"?`,
		"rrf(missing=rank(0))":       "does not name a rank from 1",
		"rrf(toone=yes)":             "yes is neither true nor false",
		"rrf(window=1.5)":            "1.5 is not a whole number",
		"convex(norm=minmaks)":       `no normaliser is called "minmaks"; did you mean "minmax"?`,
		"convex(norm=[1])":           "a list is not a normaliser",
		"convex(w=[0.5,0.6])":        "add up to 1.1 and not to 1",
		"opensearch(mean=harmonic)":  "harmonic must be in quotes",
		`opensearch(mean="harmonc")`: "is none of",
		"[rrf]":                      "a specification begins with a name",
		strings.Repeat("rrf(k=", 20): "nested deeper than 8",
	} {
		_, err := fusion.Parse(spec)
		require.ErrorIs(t, err, fusion.ErrConfig, spec)
		assert.ErrorContains(t, err, says)
		assert.True(t, strings.HasPrefix(err.Error(), "fusion: parse "))
	}
}

func TestParametersSurviveTheRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.Float64Range(0.001, 0.999).Draw(t, "w")
		f := fusion.Convex{
			Weights: []float64{w, 1 - w},
			Norms: []fusion.Normaliser{
				fusion.MinMax{Degenerate: fusion.Degenerate(rapid.IntRange(0, 3).Draw(t, "degenerate")), Clamp: rapid.Float64Range(0, 1).Draw(t, "clamp")},
				fusion.BoundedMinMax{Low: rapid.Float64Range(-1e9, 0).Draw(t, "low"), High: rapid.Float64Range(1e-9, 1e300).Draw(t, "high")},
			},
			Missing: fusion.Missing(rapid.IntRange(0, 6).Draw(t, "missing")),
			Options: fusion.Options{
				Window:      rapid.IntRange(0, 1000).Draw(t, "window"),
				NonFinite:   fusion.NonFinite(rapid.IntRange(0, 2).Draw(t, "nonfinite")),
				Duplicates:  fusion.Duplicates(rapid.IntRange(0, 2).Draw(t, "duplicates")),
				Compensated: rapid.Bool().Draw(t, "compensated"),
			},
		}
		got, err := fusion.Parse(f.String())
		require.NoError(t, err, f.String())
		assert.Equal(t, f.String(), got.String())
		back := got.(fusion.Convex)
		assert.Equal(t, f.Weights, back.Weights)
		assert.Equal(t, f.Norms, back.Norms)
		assert.Equal(t, f.Options, back.Options)
	})
}

func TestTheTableOfMethodsIsComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, info := range fusion.Methods() {
		assert.False(t, seen[info.Name], info.Name)
		seen[info.Name] = true
		assert.NotEmpty(t, info.Formula, info.Name)
		assert.NotEmpty(t, info.Source, info.Name)
		for _, p := range info.Parameters {
			assert.NotEmpty(t, p.Name)
			assert.NotEmpty(t, p.Type)
		}
	}
	for _, name := range []string{
		"combsum", "combmax", "combmin", "combmed", "combanz", "combmnz", "combgmnz", "wsum", "wmnz", "mixed", "isr", "log-isr", "logn-isr", "rrf", "rbc",
		"borda", "condorcet", "mapfuse", "posfuse", "probfuse", "segfuse", "slidefuse", "bayesfuse", // ranx, whose weighted forms are parameters
		"copeland", "schulze", "ranked-pairs", "median-rank", "smooth-rrf", "softmax-rrf", "log-odds", "interleave", "tm2c2",
	} {
		assert.True(t, seen[name], name)
	}
}

func ExampleMethods() {
	for _, info := range fusion.Methods() {
		if info.Name == "rbc" {
			fmt.Println(info.Name, "=", info.Formula)
			for _, p := range info.Parameters[:2] {
				fmt.Printf("  %s: %s, default %q\n", p.Name, p.Type, p.Default)
			}
		}
	}
	// Output:
	// rbc = Σ (1-phi)·phi^(r-1)
	//   phi: number, default "0.8"
	//   w: list of numbers, default ""
}

func FuzzParse(f *testing.F) {
	for _, info := range fusion.Methods() {
		f.Add(info.Name)
	}
	f.Add("convex(w=[0.3,0.7], norm=minmax(degenerate=half), missing=rank(3))")
	f.Add(`opensearch(mean="geometric_mean")`)
	f.Add("rrf(k=1e-320, w=[1,[2]], x")
	f.Fuzz(func(t *testing.T, spec string) {
		m, err := fusion.Parse(spec)
		if err != nil {
			require.ErrorIs(t, err, fusion.ErrConfig)
			return
		}
		again, err := fusion.Parse(m.String())
		require.NoError(t, err, m.String())
		assert.Equal(t, m.String(), again.String())
	})
}
