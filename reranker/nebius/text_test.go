package nebius_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/nebius"
)

func TestEveryCharacterIsWrittenAsJSONHasItWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"\"", "\\", "\n", "\x01", "\x1f", " ", "!", "[", "]", "\x7f", "\xff", "é", "\u2028", "世"} {
		for before := range 20 {
			for after := range 10 {
				text := strings.Repeat("a", before) + odd + strings.Repeat("b", after)
				var want bytes.Buffer
				e := json.NewEncoder(&want)
				e.SetEscapeHTML(false)
				require.NoError(t, e.Encode(text))
				require.Equal(t, strings.TrimSuffix(want.String(), "\n"), string(nebius.AppendString(nil, text)))
			}
		}
	}
}
