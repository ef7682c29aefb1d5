package otel

import (
	"encoding/json"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// retrieves reports whether the event is a search of a store, and not a part that
// is made of others.
func retrieves(e pipeline.Event) bool {
	return e.Kind == pipeline.KindRetrieve && e.Role == pipeline.RoleRetrieve
}

func reranks(e pipeline.Event) bool {
	return e.Kind == pipeline.KindApply && e.Role == pipeline.RoleRerank
}

// spanName is "retrieval NAME" for a search of a store where OpenTelemetry's
// convention is chosen, else the kind and the name.
func (o *Observer) spanName(e pipeline.Event) string {
	if retrieves(e) && o.options.genAI() {
		return "retrieval " + e.Name
	}
	return e.Kind + " " + e.Name
}

func spanKind(e pipeline.Event) trace.SpanKind {
	if retrieves(e) || e.Kind == pipeline.KindCall {
		return trace.SpanKindClient
	}
	return trace.SpanKindInternal
}

func (o *Observer) attributes(e pipeline.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("cascade.name", e.Name),
		attribute.String("cascade.kind", e.Kind),
	}
	if e.Query.ID != "" {
		list = append(list, attribute.String("cascade.query.id", e.Query.ID))
	}
	switch e.Kind {
	case pipeline.KindRetrieve, pipeline.KindApply, pipeline.KindFuse:
		list = append(list,
			attribute.Int("cascade.hits.in", e.In), attribute.Int("cascade.hits.out", e.Out),
			attribute.String("cascade.scale", e.Output.Scale.String()), attribute.Int("cascade.gaps", len(e.Gaps)))
	case pipeline.KindRewrite:
		list = append(list, attribute.Int("cascade.queries", len(e.Queries)))
	}
	for _, d := range e.Details {
		if kv, ok := detail(d); ok {
			list = append(list, kv)
		}
	}
	if reranks(e) {
		list = append(list, reportAttributes(e)...)
	}
	if o.options.openInference() {
		list = append(list, o.inference(e)...)
	}
	if o.options.genAI() {
		list = append(list, o.generative(e)...)
	}
	return list
}

// detail is what a part said of itself. A name without a point gets the prefix of
// this module.
func detail(d pipeline.Detail) (attribute.KeyValue, bool) {
	name := d.Name
	if !hasPoint(name) {
		name = "cascade." + name
	}
	switch v := d.Value.(type) {
	case string:
		return attribute.String(name, v), true
	case int64:
		return attribute.Int64(name, v), true
	case float64:
		return attribute.Float64(name, v), true
	case bool:
		return attribute.Bool(name, v), true
	}
	return attribute.KeyValue{}, false
}

func hasPoint(name string) bool {
	for i := range len(name) {
		if name[i] == '.' {
			return true
		}
	}
	return false
}

func gapAttributes(g pipeline.Gap) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("cascade.gap.stage", g.Stage),
		attribute.String("cascade.gap.reason", string(g.Reason)),
		attribute.Int("cascade.gap.documents", len(g.IDs)),
	}
	if g.Err != nil {
		list = append(list, attribute.String("cascade.gap.cause", g.Err.Error()))
	}
	return list
}

// report returns the report of the rerank that the event is, the newest one on
// what it returned.
func report(e pipeline.Event) (reranker.Report, bool) { return reranker.ReportKey.Noted(e.Output) }

func reportAttributes(e pipeline.Event) []attribute.KeyValue {
	r, ok := report(e)
	if !ok {
		return nil
	}
	return []attribute.KeyValue{
		attribute.Int("cascade.rerank.candidates", r.Candidates),
		attribute.Int("cascade.rerank.scored", r.Scored),
		attribute.Int("cascade.rerank.cached", r.Cached),
		attribute.Float64("cascade.rerank.coverage", r.Coverage()),
		attribute.Int("cascade.rerank.attempts", r.Attempts),
		attribute.Int("cascade.rerank.hedges", r.Hedges),
		attribute.Int("cascade.rerank.tokens", r.Useful.Tokens+r.Wasted.Tokens),
		attribute.StringSlice("cascade.rerank.request_ids", r.RequestIDs),
	}
}

// inference are the attributes of OpenInference.
func (o *Observer) inference(e pipeline.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{attribute.String("openinference.span.kind", inferenceKind(e))}
	if o.options.Texts && e.Query.Text != "" {
		list = append(list, attribute.String("input.value", e.Query.Text))
	}
	switch {
	case retrieves(e):
		list = o.documents(list, "retrieval.documents.", e.Output.Hits)
	case reranks(e):
		if r, ok := report(e); ok && r.Model != "" {
			list = append(list, attribute.String("reranker.model_name", r.Model))
		}
		if o.options.Texts {
			list = append(list, attribute.String("reranker.query", e.Query.Text))
		}
		list = append(list, attribute.Int("reranker.top_k", e.Out))
		for _, in := range e.Inputs {
			list = o.documents(list, "reranker.input_documents.", in.Hits)
		}
		list = o.documents(list, "reranker.output_documents.", e.Output.Hits)
	case e.Kind == pipeline.KindRewrite && o.options.Texts && len(e.Queries) == 1:
		list = append(list, attribute.String("output.value", e.Queries[0].Text))
	}
	return list
}

// inferenceKind is the kind of span in OpenInference.
func inferenceKind(e pipeline.Event) string {
	switch {
	case retrieves(e):
		return "RETRIEVER"
	case reranks(e):
		return "RERANKER"
	case e.Kind == pipeline.KindGenerate:
		return "LLM"
	case e.Kind == pipeline.KindEmbed:
		return "EMBEDDING"
	}
	return "CHAIN"
}

func (o *Observer) documents(list []attribute.KeyValue, prefix string, hits []pipeline.Hit) []attribute.KeyValue {
	for i, h := range hits[:min(len(hits), o.options.documents())] {
		at := prefix + strconv.Itoa(i) + ".document."
		list = append(list, attribute.String(at+"id", h.Document.ID), attribute.Float64(at+"score", h.Score))
		if !o.options.Texts {
			continue
		}
		list = append(list, attribute.String(at+"content", h.Document.Text))
		if fields, err := json.Marshal(h.Document.Metadata); err == nil && len(h.Document.Metadata) > 0 {
			list = append(list, attribute.String(at+"metadata", string(fields)))
		}
	}
	return list
}

// generative are the attributes of OpenTelemetry's convention for a retrieval.
func (o *Observer) generative(e pipeline.Event) []attribute.KeyValue {
	if !retrieves(e) {
		return nil
	}
	list := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "retrieval"),
		attribute.String("gen_ai.data_source.id", e.Name),
	}
	if o.options.Texts {
		list = append(list, attribute.String("gen_ai.retrieval.query.text", e.Query.Text))
	}
	type document struct {
		ID    string  `json:"id"`
		Score float64 `json:"score"`
	}
	hits := e.Output.Hits[:min(len(e.Output.Hits), o.options.documents())]
	documents := make([]document, len(hits))
	for i, h := range hits {
		documents[i] = document{h.Document.ID, h.Score}
	}
	if listed, err := json.Marshal(documents); err == nil && len(hits) > 0 {
		list = append(list, attribute.String("gen_ai.retrieval.documents", string(listed)))
	}
	return list
}
