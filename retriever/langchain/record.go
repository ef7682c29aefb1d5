package langchain

import (
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// record is what a document says about its place in the ranking. Numbers are
// float64, so that a record that went through JSON equals one that did not.
func record(r pipeline.Ranking, i int, gaps []any) map[string]any {
	h := r.Hits[i]
	marks := h.Marks()
	stages := make([]any, len(marks))
	for j, m := range marks {
		stage := map[string]any{
			"stage": m.Stage, "rank": float64(m.Rank), "score": m.Score, "scale": m.Scale.String(), "status": m.Status.String(),
		}
		if m.Reason != "" {
			stage["reason"] = string(m.Reason)
		}
		stages[j] = stage
	}
	rec := map[string]any{
		"id": h.Document.ID, "rank": float64(i + 1), "score": h.Score, "scale": r.Scale.String(),
		"degraded": r.Degraded(), "stages": stages,
	}
	if len(gaps) > 0 {
		rec["gaps"] = cloneList(gaps)
	}
	return rec
}

// recordGaps leaves the errors out: documents travel to end users, errors name
// hosts.
func recordGaps(gaps []pipeline.Gap) []any {
	list := make([]any, len(gaps))
	for i, g := range gaps {
		list[i] = map[string]any{"stage": g.Stage, "reason": string(g.Reason), "documents": float64(len(g.IDs))}
	}
	return list
}

func isRecord(v any) bool {
	_, ok := recordedID(v)
	return ok
}

// recordedID returns the id in a record of ours.
func recordedID(v any) (string, bool) {
	rec, ok := v.(map[string]any)
	if !ok {
		return "", false
	}
	_, ok = rec["stages"].([]any)
	id, _ := rec["id"].(string)
	return id, ok && id != ""
}

// cloneMap copies a map and the maps and lists in it, of the types that JSON and
// the stores make; nil stays nil. Other values are shared.
func cloneMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	c := make(map[string]any, len(m)+1) // room for the record
	for k, v := range m {
		c[k] = cloneValue(v)
	}
	return c
}

func cloneList(list []any) []any {
	c := make([]any, len(list))
	for i, v := range list {
		c[i] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		return cloneList(v)
	case []map[string]any:
		c := make([]map[string]any, len(v))
		for i, m := range v {
			c[i] = cloneMap(m)
		}
		return c
	case []string:
		return slices.Clone(v)
	}
	return v
}
