package otel_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/otel"
)

// receiver is an OTLP receiver over HTTP that keeps the spans that it is sent.
type receiver struct {
	mu    sync.Mutex
	spans map[string]*tracev1.Span // by name
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &export)
	}
	if err != nil || request.URL.Path != "/v1/traces" {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				r.spans[span.GetName()] = span
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func TestSpansArriveAtAnOTLPReceiver(t *testing.T) {
	r := &receiver{spans: map[string]*tracev1.Span{}}
	server := httptest.NewServer(r)
	defer server.Close()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	require.NoError(t, err)
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	search, err := otel.Observe(whole(t, provider), otel.Options{Tracer: provider})
	require.NoError(t, err)
	_, err = search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	require.NoError(t, provider.Shutdown(t.Context()))
	for child, parent := range map[string]string{
		"HTTP POST": "call rerank", "apply rerank": "apply blend", "apply blend": "apply within", "retrieval a": "retrieve fan", "retrieve fan": "retrieve chain",
	} {
		require.Contains(t, r.spans, child)
		require.Contains(t, r.spans, parent)
		assert.Equal(t, r.spans[parent].GetSpanId(), r.spans[child].GetParentSpanId(), "%s is inside %s", child, parent)
		assert.GreaterOrEqual(t, r.spans[child].GetStartTimeUnixNano(), r.spans[parent].GetStartTimeUnixNano())
	}
	assert.Empty(t, r.spans["retrieve rewrite"].GetParentSpanId())
	assert.Equal(t, tracev1.Status_STATUS_CODE_ERROR, r.spans["retrieval c"].GetStatus().GetCode())
}
