package retrievertest

import (
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/require"
)

// Run checks the subject against every promise, one subtest for each. The
// subtests run one after the other, because the search for left goroutines
// cannot tell them from those of a neighbour; for the same reason the calling
// test must not be parallel.
func Run(t *testing.T, s Subject) {
	t.Helper()
	require.NotNil(t, s.New, "Subject.New is required")
	for _, c := range contract() {
		t.Run(c.promise, func(t *testing.T) { c.check(t, s) })
	}
}

// promise is one sentence of the contract and the check that can refute it.
type promise struct {
	promise string
	check   func(t testing.TB, s Subject)
}

func contract() []promise {
	return []promise{
		{"it describes itself as a retriever", describes},
		{"a ranking keeps the promises of every ranking", ranks},
		{"every hit carries the mark of the retriever", marks},
		{"documents come back as they went in", returnsDocuments},
		{"a document is found by its own text", finds},
		{"asking for more than there is is not an error", tolerantLimit},
		{"a smaller limit keeps the head of the ranking", prefix},
		{"a limit below one is refused", refusesLimit},
		{"equal scores stand in the order of their IDs", breaksTies},
		{"the same query gives the same ranking", repeats},
		{"no documents give an empty ranking that is not nil", emptyCorpus},
		{"a query without text follows the declared policy", blankQuery},
		{"no query text breaks it", hostileQueries},
		{"a filter keeps the documents that have the value", filters},
		{"an unknown type of filter is refused", refusesFilter},
		{"a context that has ended is an error with its cause", endedContext},
		{"a context that ends during the call is an error with its cause", endingContext},
		{"an error of the backend is in the chain", brokenBackend},
		{"a panic in user code is an error that names the stage", panickingBackend},
		{"it can be used concurrently", concurrentUse},
		{"arguments are not written to", leavesArguments},
		{"no goroutine outlives the call", leavesNoGoroutine},
	}
}

// build makes the retriever over the suite's corpus, or stops the test.
func build(t testing.TB, s Subject, documents []pipeline.Document, limit int) pipeline.Retriever {
	t.Helper()
	r, err := s.New(t, documents, limit)
	require.NoError(t, err, "Subject.New")
	require.NotNil(t, r, "Subject.New returned no retriever")
	return r
}

// ask asks one query and requires a valid ranking on the declared scale.
func ask(t testing.TB, s Subject, r pipeline.Retriever, q pipeline.Query) pipeline.Ranking {
	t.Helper()
	ranking, err := r.Retrieve(t.Context(), q)
	require.NoError(t, err, "query %q", q.Text)
	require.NotNil(t, ranking.Hits, "hits are nil beside a nil error")
	require.NoError(t, ranking.Validate(), "query %q", q.Text)
	require.Equal(t, s.Scale, ranking.Scale, "scale")
	return ranking
}
