package proof_test

import (
	"errors"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/require"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// TestMain fails when a goroutine is left at the end.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFaults has a row for each fault that a rerank can meet, by number, and says
// what the caller gets under the chat profile.
func TestFaults(t *testing.T) {
	t.Parallel()
	run(t, connectionFaults(), bodyFaults(), contentFaults(), statusFaults(), loadFaults(), callerFaults(), dataFaults())
}

// anyAs is errors.As over several errors.
func anyAs(errs []error, target any) bool { return errors.As(errors.Join(errs...), target) }

// TestFaultsOfManyKinds lets every shard fail in another way: no document may get
// the reason of another one, and no cause may be told twice.
func TestFaultsOfManyKinds(t *testing.T) {
	t.Parallel()
	run(t, []row{{"nothing scored", fake(func(t *testing.T) {
		r := memory(t, func(c rerankertest.Call) rerankertest.Reply {
			switch {
			case slices.Contains(c.Documents, "document number 1"):
				return rerankertest.JSON(500, ``)
			case seventh(c):
				return rerankertest.JSON(200, `{}`)
			case slices.Contains(c.Documents, "document number 12"):
				return rerankertest.Reply{Fault: rerankertest.Reset}
			}
			return rerankertest.Reply{Fault: rerankertest.Hang}
		}, setup{})
		g := r.ask()
		require.Equal(t, reranker.RetrievalOnly, g.report.Mode)
		for _, reason := range []pipeline.Reason{pipeline.ReasonServerError, pipeline.ReasonBadResponse, pipeline.ReasonTransport, pipeline.ReasonDeadline} {
			assert.Positive(t, g.report.Reasons[reason], reason)
		}
		assert.GreaterOrEqual(t, len(g.report.Causes), 4)
		for i, c := range g.report.Causes {
			for _, other := range g.report.Causes[i+1:] {
				assert.NotContains(t, other.Error(), c.Error())
			}
		}
	})}})
}
