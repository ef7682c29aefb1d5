package nebius_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// conformanceCase is one case of the contract; its name begins with its number.
type conformanceCase struct {
	name string
	run  func(t *testing.T)
}

// TestConformance runs the numbered cases of the rerank contract, group by
// group: what a server does, and what the client must do about it.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, group := range [][]conformanceCase{
		requestCases(), responseCases(), errorCases(), transportCases(), shardingCases(), fuseCases(), observeCases(),
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t)
			})
		}
	}
}

// fake runs a case in fake time.
func fake(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

// ask scores documents by a server with the script.
func ask(t *testing.T, script rerankertest.Script, o nebius.Options, documents ...string) (reranker.Scores, error) {
	t.Helper()
	return client(t, rerankertest.NewServer(t, script), o).Score(t.Context(), "panda", documents)
}

// sent returns the one call that scoring makes.
func sent(t *testing.T, o nebius.Options, query string, documents ...string) rerankertest.Call {
	t.Helper()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	_, err := client(t, s, o).Score(t.Context(), query, documents)
	require.NoError(t, err)
	require.Equal(t, 1, s.Count())
	return s.Last()
}

// kind demands a typed error of the kind.
func kind(t *testing.T, err error, want reranker.ErrorKind) *reranker.Error {
	t.Helper()
	var e *reranker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "got %v", err)
	return e
}

// body answers every call with a 200 and the bytes.
func body(s string) rerankertest.Script { return rerankertest.Status(200, s) }
