package pipelinetest

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"pgregory.net/rapid"
)

var words = []string{"harbour", "crane", "ship", "grain", "tide", "pilot", "rope", "quay", "light", "storm"}

// Rankings generates valid rankings of up to 16 hits on the scale, as a
// retriever named "source" returns them: among them empty ones, ones with equal
// scores, with imputed hits and with gaps. Documents d0, d1, ... have a text of a
// few words, sometimes none, and string metadata under "group".
func Rankings(scale pipeline.Scale) *rapid.Generator[pipeline.Ranking] {
	return rapid.Custom(func(t *rapid.T) pipeline.Ranking {
		ids := rapid.Permutation(identifiers(16)).Draw(t, "order")
		hits := make([]pipeline.Hit, rapid.IntRange(0, len(ids)).Draw(t, "hits"))
		for i := range hits {
			hits[i] = pipeline.Hit{Document: document(t, ids[i]), Score: scores(scale).Draw(t, "score")}
		}
		r, err := pipeline.NewRanking("source", scale, hits)
		if err != nil {
			t.Fatalf("generate a ranking: %v", err)
		}
		return blemish(t, r)
	})
}

func identifiers(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("d%d", i)
	}
	return ids
}

func document(t *rapid.T, id string) pipeline.Document {
	text := rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, "text")
	return pipeline.Document{
		ID:       id,
		Text:     strings.Join(text, " "),
		Metadata: map[string]any{"group": rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")},
	}
}

// scores draws from a coarse grid half of the time, so that ties are common.
func scores(scale pipeline.Scale) *rapid.Generator[float64] {
	low, high := scale.Bounds()
	low, high = math.Max(low, -50), math.Min(high, 50)
	coarse := rapid.Map(rapid.IntRange(0, 4), func(i int) float64 { return low + (high-low)*float64(i)/4 })
	return rapid.OneOf(coarse, rapid.Float64Range(low, high))
}

// blemish imputes some scores and adds a gap, now and then.
func blemish(t *rapid.T, r pipeline.Ranking) pipeline.Ranking {
	if len(r.Hits) == 0 || rapid.IntRange(0, 3).Draw(t, "blemished") > 0 {
		return r
	}
	hits := append([]pipeline.Hit(nil), r.Hits...)
	var ids []string
	for i := range hits {
		if rapid.Bool().Draw(t, "imputed") {
			m := hits[i].Newest()
			m.Status, m.Reason = pipeline.Imputed, pipeline.ReasonDeadline
			hits[i].Trail = pipeline.TrailOf(m)
			ids = append(ids, hits[i].Document.ID)
		}
	}
	if ids == nil {
		return r
	}
	return r.Derive(hits).WithGaps(pipeline.Gap{Stage: "source", Reason: pipeline.ReasonDeadline, IDs: ids})
}

// Fixed is a retriever that describes itself by the name and always returns the
// ranking. It heeds its context.
func Fixed(name string, r pipeline.Ranking) pipeline.Retriever { return fixed{name, r} }

type fixed struct {
	name    string
	ranking pipeline.Ranking
}

// Describe implements pipeline.Describer.
func (f fixed) Describe() pipeline.Node {
	return pipeline.Node{
		Name: f.name, Settings: []pipeline.Setting{{Name: "limit", Value: fmt.Sprint(len(f.ranking.Hits))}},
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Scale: f.ranking.Scale, Limit: len(f.ranking.Hits)},
	}
}

// Retrieve implements pipeline.Retriever.
func (f fixed) Retrieve(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
	if ctx.Err() != nil {
		return pipeline.Ranking{}, fmt.Errorf("%s: %w", f.name, context.Cause(ctx))
	}
	return f.ranking, nil
}
