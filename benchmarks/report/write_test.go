package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/report"
	"github.com/rankcascade/cascade/benchmarks/stats"
)

// embedded returns the page's data as the browser would parse it.
func embedded(t *testing.T, content string) map[string]any {
	t.Helper()
	_, rest, ok := strings.Cut(content, `<script type="application/json" id="data">`)
	require.True(t, ok)
	text, _, ok := strings.Cut(rest, "</script>")
	require.True(t, ok)
	var data map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &data))
	return data
}

func TestTextFromOutsideIsNeverMarkup(t *testing.T) {
	t.Parallel()
	_, content := written(t, report.Options{}, sample(t, hostile, 20))
	assert.Equal(t, hostile, embedded(t, content)["results"].([]any)[0].(map[string]any)["collection"])
	for _, dangerous := range []string{"window.hacked=1</script", "<img", "<!--", `onerror="`, "<b>"} {
		assert.NotContains(t, content, dangerous)
	}
	_, data, _ := strings.Cut(content, `id="data">`)
	data, _, _ = strings.Cut(data, "</script>")
	assert.NotContains(t, data, "\u2028")
	assert.NotContains(t, data, "\u2029")
	blocks := len(regexp.MustCompile(`<script type="text/plain" id="block-\d+">[A-Za-z0-9+/=]+</script>`).FindAllString(content, -1))
	assert.Equal(t, 2, blocks, "20 topics in blocks of 16")
	assert.Equal(t, blocks+2, strings.Count(content, "<script"), "and no script beside the data and the program")
	assert.Equal(t, blocks+2, strings.Count(content, "</script>"))
}

func TestTheFileAsksForNothing(t *testing.T) {
	t.Parallel()
	_, content := written(t, report.Options{}, sample(t, "c", 10))
	addresses := regexp.MustCompile(`https?://[^"' )]*`).FindAllString(content, -1)
	for _, a := range addresses {
		assert.Equal(t, "http://www.w3.org/2000/svg", a, "the name of a namespace, which nobody fetches")
	}
	assert.Regexp(t, `default-src &#39;none&#39;`, content)
	for _, part := range []struct{ tag, directive string }{{"script", "script-src"}, {"style", "style-src"}} {
		bodies := regexp.MustCompile(`(?s)<`+part.tag+`>(.*?)</`+part.tag+`>`).FindAllStringSubmatch(content, -1)
		require.Len(t, bodies, 1)
		sum := sha256.Sum256([]byte(bodies[0][1]))
		assert.Contains(t, html.UnescapeString(content), part.directive+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
}

func TestTheProgramMakesNoMarkupFromStrings(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("assets/*.js")
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser", "setAttribute(\"on", "fetch(", "XMLHttpRequest", "import(", "</script"} {
			assert.NotContains(t, string(raw), forbidden, name)
		}
	}
}

// compared returns what the page says of a system and the first measure.
func compared(t *testing.T, r *experiment.Result, system int) map[string]any {
	t.Helper()
	_, content := written(t, report.Options{}, r)
	s := embedded(t, content)["results"].([]any)[0].(map[string]any)["systems"].([]any)[system]
	return s.(map[string]any)["compared"].([]any)[0].(map[string]any)
}

func TestOnlyACorrectedPGivesAMark(t *testing.T) {
	t.Parallel()
	at := func(r *experiment.Result) *experiment.Comparison {
		for i := range r.Comparisons {
			if r.Comparisons[i].System == "BM25 > model" && r.Comparisons[i].Measure == r.Measures[0] {
				return &r.Comparisons[i]
			}
		}
		return nil
	}
	var file bytes.Buffer
	whole := sample(t, "c", 40)
	require.Equal(t, "BM25 > model", whole.Systems[3].Name)
	require.NoError(t, whole.WriteJSON(&file))
	for sentence, c := range map[string]struct {
		change func(r *experiment.Result)
		mark   bool
	}{
		"as the experiment says":                     {func(*experiment.Result) {}, true},
		"the experiment withheld it":                 {func(r *experiment.Result) { at(r).Significant = false }, false},
		"a file claims it without correction":        {func(r *experiment.Result) { r.Correction = "none" }, false},
		"a file claims it without naming one":        {func(r *experiment.Result) { r.Correction = "" }, false},
		"a file claims it for a high p":              {func(r *experiment.Result) { at(r).Corrected = .06 }, false},
		"a corrected p below its own p is no such":   {func(r *experiment.Result) { at(r).P, at(r).Corrected = .04, .01 }, false},
		"a single comparison needs no correction":    {func(r *experiment.Result) { r.Correction, r.Comparisons = "none", []experiment.Comparison{*at(r)} }, true},
		"tukey's test is its own over the systems":   {func(r *experiment.Result) { r.Correction, r.Test = "none", "tukey" }, true},
		"and a loss is marked like a gain":           {func(r *experiment.Result) { at(r).Summary.Mean = -.2 }, true},
		"with the interval on either side of it all": {func(r *experiment.Result) { at(r).Interval = stats.Interval{Low: -1, High: 1} }, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			r, err := experiment.ReadJSON(bytes.NewReader(file.Bytes()))
			require.NoError(t, err)
			c.change(r)
			assert.Equal(t, c.mark, compared(t, r, 3)["mark"])
		})
	}
}

func TestWhatDoesNotFitIsCutAndTheFileSaysSo(t *testing.T) {
	t.Parallel()
	r := sample(t, "c", 40)
	said := func(o report.Options) (string, int) {
		_, content := written(t, o, r)
		cut, _ := embedded(t, content)["results"].([]any)[0].(map[string]any)["cut"].(string)
		return cut, len(content)
	}
	cut, whole := said(report.Options{})
	assert.Empty(t, cut, "nothing was lost")
	cut, _ = said(report.Options{Hits: 5, Text: 50})
	assert.Equal(t, "In this file rankings are shown to rank 5 and texts of documents are cut at 50 bytes; the result's JSON and its run files have the rest.", cut)
	cut, small := said(report.Options{MaxBytes: 8000})
	assert.Contains(t, cut, "to keep the file small")
	assert.Less(t, small, whole)
	cut, _ = said(report.Options{MaxBytes: 1})
	assert.Contains(t, cut, "rankings are shown to rank 0")
}

func TestAResultThatDoesNotFitTogetherIsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(r *experiment.Result){
		"nothing to show":                func(r *experiment.Result) { r.Measures = nil },
		"is not the baseline":            func(r *experiment.Result) { r.Baseline = "x" },
		"two systems have the name":      func(r *experiment.Result) { r.Systems[1].Name = r.Systems[0].Name },
		"values of 2 and means of 3":     func(r *experiment.Result) { r.Systems[1].Values = r.Systems[1].Values[:2] },
		"values of 12 topics":            func(r *experiment.Result) { r.Systems[1].Values[0] = r.Systems[1].Values[0][:3] },
		"rankings of 12 topics":          func(r *experiment.Result) { r.Systems[1].Stages[0].Rankings = r.Systems[1].Stages[0].Rankings[:1] },
		"unjudged shares of 1":           func(r *experiment.Result) { r.Systems[1].Unjudged = r.Systems[1].Unjudged[:1] },
		"means of 2 measures":            func(r *experiment.Result) { r.Systems[1].Stages[0].Means = r.Systems[1].Stages[0].Means[:2] },
		"which the result does not have": func(r *experiment.Result) { r.Comparisons[0].System = "x" },
		"input \"rerank\": 1 rankings": func(r *experiment.Result) {
			in := &r.Systems[4].Stages[1].Inputs[1]
			in.Rankings = in.Rankings[:1]
		},
	} {
		r := sample(t, "c", 12)
		change(r)
		err := report.Write(&bytes.Buffer{}, r)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "result 1 of 1")
	}
	require.ErrorContains(t, report.Write(&bytes.Buffer{}), "no results")
	require.ErrorContains(t, report.Write(&bytes.Buffer{}, nil), "nil")
	assert.ErrorIs(t, report.Write(full{}, sample(t, "c", 12)), errFull)
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAReportDoesNotDependOnTheWayOfItsResult(t *testing.T) {
	t.Parallel()
	r := sample(t, "c", 12)
	var file bytes.Buffer
	require.NoError(t, r.WriteJSON(&file))
	back, err := experiment.ReadJSON(&file)
	require.NoError(t, err)
	_, straight := written(t, report.Options{}, r)
	_, throughJSON := written(t, report.Options{}, back)
	assert.Equal(t, straight, throughJSON)
}

func TestWithoutJavaScriptThereAreTheTables(t *testing.T) {
	t.Parallel()
	_, content := written(t, report.Options{}, sample(t, "c", 12))
	_, rest, ok := strings.Cut(content, "<noscript>")
	require.True(t, ok)
	plain, _, ok := strings.Cut(rest, "</noscript>")
	require.True(t, ok)
	assert.Contains(t, html.UnescapeString(plain), "BM25 > rrf(BM25, model)")
	assert.Contains(t, plain, "corrected p below 0.05")
	assert.NotContains(t, plain, "<script")
}
