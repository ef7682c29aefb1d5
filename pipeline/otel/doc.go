// Package otel makes OpenTelemetry spans and metrics of what happens in a
// pipeline:
//
//	observed, err := otel.Observe(search, otel.Options{
//		Tracer: tracerProvider, // from the SDK; nil for no spans
//		Meter:  meterProvider,  // nil for no metrics
//	})
//	ranking, err := observed.Retrieve(ctx, query)
//
// A file that imports OpenTelemetry's own package otel gives this one another name:
//
//	import observe "github.com/rankcascade/cascade/pipeline/otel"
//
// It is an observer: every part that runs, every attempt and every call of a
// server becomes a span under the one in which it happens, and the context of the
// part carries it, so that the spans of an instrumented HTTP client nest too. A wait
// for what another query is making, in a cache, has a link to the span of that one.
//
// For work around a pipeline, such as the whole answer of a chatbot, New makes the
// observer itself, for pipeline.WithObserver.
//
// Two conventions can be chosen. OpenInference (Phoenix, Arize and others) has the
// kinds RETRIEVER, RERANKER, LLM, EMBEDDING and CHAIN, and lists documents under
// retrieval.documents and reranker.input_documents. GenAI is the span "retrieval"
// of OpenTelemetry's conventions for generative AI. What neither has a name for
// stands under "cascade.".
//
// No text of a query, a document or an answer is exported unless Options.Texts asks
// for it. IDs, scores and the texts of errors are.
//
// The metrics:
//
//	cascade.part.duration      histogram, s        each part, attempt and call
//	cascade.part.hits          histogram, {hit}    what retrievers and stages return
//	cascade.rerank.coverage    histogram, 1        share of the candidates with a score
//	cascade.rerank.tokens      histogram, {token}  of one reranked query
//	cascade.rerank.cost        counter, 1          in the currency of the prices
//	cascade.gaps               counter, {gap}      by stage and reason
//	cascade.cache.events       counter, {event}    hit, miss, shared, bypassed, saved, stale or failed
//	cascade.endpoint.breaker   gauge, 1            1 for the state of each endpoint, see Endpoints
//	cascade.endpoint.in_flight gauge, {call}       calls on their way
//
// An exporter for Prometheus is a reader of the SDK's meter provider. The package
// itself needs the API of OpenTelemetry only, and neither reads nor sets its
// globals.
//
// Without a provider Observe returns the retriever itself, and an observer of New
// that is in force by pipeline.WithObserver is left out: the time of a query is
// 0.99 to 1.02 of what it is without the package, where the same pipeline against
// itself shows 0.99 to 1.01, and no allocation is added. So it is for a cache that
// answers within a few microseconds. A
// chain of a store in memory and two cuts, which takes some 10 microseconds, takes
// 3.0 to 3.3 times as long with spans that are not sampled (77 allocations more)
// and 8.3 to 9.2 times with spans that are recorded (128 more). Measured on two
// shared cores, three runs, as the median of runs by turns in one process:
//
//	go test ./pipeline/otel -run XXX -bench Observe -benchtime 3000x -count 3
package otel
