package nebius_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// TestHandlerAnswersForAScorerThatBreaksTheContract covers P13: no answer of a
// scorer makes ServeHTTP panic, and none of it reaches the caller as a success.
func TestHandlerAnswersForAScorerThatBreaksTheContract(t *testing.T) {
	t.Parallel()
	for name, b := range rerankertest.Breaches() {
		for policy, documents := range map[string]string{"with text": `"a","b","c"`, "one blank": `"a"," ","b"`} {
			t.Run(name+", "+policy, func(t *testing.T) {
				t.Parallel()
				scorer := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
					s := reranker.Scores{Values: make([]float64, len(documents))}
					b.Break(&s)
					return s, nil
				})
				for _, o := range []nebius.HandlerOptions{{}, {Partial: nebius.OmitPartial}, {Blank: nebius.ScoreBlank}} {
					w := httptest.NewRecorder()
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/v1/rerank", strings.NewReader(`{"model":"m","query":"q","documents":[`+documents+`]}`))
					r.Header.Set("Content-Type", "application/json")
					require.NotPanics(t, func() { nebius.Handler(scorer, o).ServeHTTP(w, r) })
					require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
					if b.Last && o.Partial == nebius.OmitPartial {
						assert.Equal(t, http.StatusOK, w.Code, w.Body.String())
						continue
					}
					assert.GreaterOrEqual(t, w.Code, 500, w.Body.String())
				}
			})
		}
	}
}
