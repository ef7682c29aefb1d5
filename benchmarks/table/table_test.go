package table_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/table"
)

func sample() *table.Table {
	t := &table.Table{Title: "Figures", Columns: []string{"system", "topics", "nDCG@10"}, Notes: []string{"A note."}}
	t.Add("bm25|k_1", 50, 1./3)
	t.Add("größer", 7, math.NaN())
	return t
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[table.Format]string{
		table.Text:     "Figures\n\nsystem    topics  nDCG@10\nbm25|k_1      50   0.3333\ngrößer         7\n\nA note.\n",
		table.Markdown: "**Figures**\n\n| system | topics | nDCG@10 |\n|---|---:|---:|\n| bm25\\|k_1 | 50 | 0.3333 |\n| größer | 7 |  |\n\nA note.\n",
		table.LaTeX:    "\\begin{tabular}{lrr}\n\\hline\nsystem & topics & nDCG@10 \\\\\n\\hline\nbm25|k\\_1 & 50 & 0.3333 \\\\\ngrößer & 7 &  \\\\\n\\hline\n\\end{tabular}\n% Figures\n% A note.\n",
		table.CSV:      "system,topics,nDCG@10\nbm25|k_1,50,0.3333333333333333\ngrößer,7,\n",
	} {
		var b strings.Builder
		require.NoError(t, sample().Write(&b, format))
		assert.Equal(t, want, b.String(), format)
	}
	var b strings.Builder
	require.NoError(t, sample().Write(&b, table.JSON))
	assert.JSONEq(t, `{"title":"Figures","columns":["system","topics","nDCG@10"],"rows":[["bm25|k_1",50,0.3333333333333333],["größer",7,null]],"notes":["A note."]}`, b.String())
}

func TestEveryFormatHasTheWarnings(t *testing.T) {
	t.Parallel()
	for format, want := range map[table.Format]string{
		table.Text:     "\n! 50 % of it is_missing\nA note.\n",
		table.Markdown: "\n! 50 % of it is_missing\n\nA note.\n",
		table.LaTeX:    "\n\\par\\noindent\\footnotesize ! 50 \\% of it is\\_missing\n% Figures\n",
		table.CSV:      "größer,7,\n# ! 50 % of it is_missing,,\n",
		table.JSON:     `"warnings": [` + "\n    \"50 % of it is_missing\"",
	} {
		warned := sample()
		warned.Warnings = []string{"50 % of it is_missing"}
		var b strings.Builder
		require.NoError(t, warned.Write(&b, format))
		assert.Contains(t, b.String(), want, format)
	}
}

func TestE10APValueIsNeverPrintedAsNothing(t *testing.T) {
	t.Parallel()
	tiny := table.Table{Columns: []string{"p"}}
	for _, p := range []float64{.00001, .0000999, .0001, .05, 1, math.NaN()} {
		tiny.Add(table.P(p))
	}
	var text, csv, json strings.Builder
	require.NoError(t, tiny.Write(&text, table.Text))
	assert.Equal(t, "      p\n<0.0001\n<0.0001\n 0.0001\n 0.0500\n 1.0000\n\n", text.String())
	require.NoError(t, tiny.Write(&csv, table.CSV))
	assert.Contains(t, csv.String(), "p\n1e-05\n9.99e-05\n0.0001\n")
	require.NoError(t, tiny.Write(&json, table.JSON))
	assert.Contains(t, json.String(), "0.00001\n")
	assert.Contains(t, json.String(), "null")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	_, err := table.ParseFormat("jsn")
	require.ErrorContains(t, err, `did you mean "json"?`)
	short := sample()
	short.Add("only one cell")
	require.Error(t, short.Write(&strings.Builder{}, table.Text))
}

func ExampleTable_Write() {
	t := table.Table{Columns: []string{"system", "nDCG@10"}}
	t.Add("bm25", .6789)
	t.Add("bm25 + rerank", .7012)
	if err := t.Write(os.Stdout, table.Text); err != nil {
		fmt.Println(err)
	}
	// Output:
	// system         nDCG@10
	// bm25            0.6789
	// bm25 + rerank   0.7012
}

func TestMarkdownHoldsNoTagOfARun(t *testing.T) {
	t.Parallel()
	odd := table.Table{Title: "<b>", Columns: []string{"run", "p"}, Warnings: []string{"</td> is odd"}, Notes: []string{"1 < 2 and <0.0001"}}
	odd.Add("<script>alert(1)</script>", table.P(.000001))
	var b strings.Builder
	require.NoError(t, odd.Write(&b, table.Markdown))
	assert.Equal(t, "**&lt;b>**\n\n| run | p |\n|---|---:|\n| &lt;script>alert(1)&lt;/script> | <0.0001 |\n\n! &lt;/td> is odd\n\n1 < 2 and <0.0001\n", b.String())
}
