package tracing_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rankcascade/cascade/examples/internal/tracing"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpansArriveBeforeCloseReturns(t *testing.T) {
	t.Parallel()
	for address, path := range map[string]string{"": "/v1/traces", "/": "/v1/traces", "/opentelemetry/v1/traces": "/opentelemetry/v1/traces"} {
		var paths []string
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths = append(paths, r.URL.Path) }))
		defer receiver.Close()
		spans, err := tracing.Open(t.Context(), receiver.URL+address, tracing.Options{Service: "test"})
		require.NoError(t, err)
		h := spans.Handler("test", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, span := pipeline.Begin(r.Context(), "question", "test")
			assert.True(t, span.Active())
			span.End(nil)
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		require.NoError(t, spans.Close())
		assert.Equal(t, []string{path}, paths)
	}
}

func TestWithoutAnAddressNothingIsSent(t *testing.T) {
	t.Parallel()
	spans, err := tracing.Open(t.Context(), "", tracing.Options{})
	require.NoError(t, err)
	assert.Nil(t, spans)
	assert.Equal(t, t.Context(), spans.Context(t.Context()))
	h := http.NotFoundHandler()
	assert.NotNil(t, spans.Handler("test", h))
	require.NoError(t, spans.Close())
	for _, address := range []string{"127.0.0.1:4318", "ftp://x", "://", "http://"} {
		_, err := tracing.Open(t.Context(), address, tracing.Options{})
		require.ErrorContains(t, err, "is no URL", address)
	}
}
