package otel

import (
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

func spanKind(e pipeline.Event) trace.SpanKind {
	if retrieves(e) || e.Kind == pipeline.KindCall {
		return trace.SpanKindClient
	}
	return trace.SpanKindInternal
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
	list := []attribute.KeyValue{
		attribute.Int("cascade.rerank.candidates", r.Candidates),
		attribute.Int("cascade.rerank.scored", r.Scored),
		attribute.Int("cascade.rerank.cached", r.Cached),
		attribute.Float64("cascade.rerank.coverage", r.Coverage()),
		attribute.Int("cascade.rerank.attempts", r.Attempts),
		attribute.Int("cascade.rerank.hedges", r.Hedges),
		attribute.Int("cascade.rerank.tokens", r.Useful.Tokens+r.Wasted.Tokens),
	}
	if len(r.RequestIDs) > 0 {
		list = append(list, attribute.StringSlice("cascade.rerank.request_ids", r.RequestIDs))
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
