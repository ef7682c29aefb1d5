package report_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/report"
)

// FuzzWrite gives results from files that nobody vouches for: they are refused,
// or the report is a whole file in which no text has become markup.
func FuzzWrite(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, sample(f, hostile, 3).WriteJSON(&b))
	f.Add(b.Bytes())
	f.Add([]byte(`{"measures":["m"],"topics":[{"id":"t"}],"baseline":"a","systems":[{"name":"a","values":[[1]],"means":[1],"unjudged":[0]}]}`))
	f.Add([]byte(`{"measures":["m"],"topics":[{"id":"t"}],"baseline":"a","systems":[{"name":"a","values":[[1e308]],"means":[0],"unjudged":[0],"stages":[{"means":[1],"rankings":[[{"id":"</script>"}]]}]}],"comparisons":[{"system":"a","measure":"m"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := experiment.ReadJSON(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var out strings.Builder
		if report.Write(io.Writer(&out), r) != nil {
			return
		}
		text := out.String()
		require.True(t, strings.HasSuffix(text, "</html>\n"))
		require.Equal(t, strings.Count(text, "<script"), strings.Count(text, "</script>"))
		require.Equal(t, 2+(len(r.Topics)+15)/16, strings.Count(text, "<script"))
	})
}
