package langchain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
)

// ErrSharedID says that several passages of an answer have one id. It stands in a
// gap, because all but the best of them are left out.
var ErrSharedID = errors.New("passages share an id")

// ranking makes a ranking of what the store returned, whose slice and maps are
// not written to. Of documents with the same id the first is kept, which is the
// best, because the order is the store's. That is no loss where they are the same
// passage, and a gap where they are not.
func (s *Source) ranking(docs []schema.Document) (pipeline.Ranking, error) {
	docs = s.ordered(docs)
	ids := s.identities(docs)
	hits := make([]pipeline.Hit, 0, len(docs))
	unique := make([]schema.Document, 0, len(docs))
	first := make(map[string]int, len(docs))
	lost := 0
	for i, d := range docs {
		if at, twice := first[ids[i]]; twice {
			if docs[at].PageContent != d.PageContent {
				lost++
			}
			continue
		}
		if s.limit > 0 && len(hits) == s.limit {
			break
		}
		first[ids[i]] = i
		unique = append(unique, d)
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: ids[i], Text: d.PageContent, Metadata: d.Metadata}})
	}
	scores := s.scoring.score(unique)
	for i := range hits {
		hits[i].Score = scores.values[i]
	}
	ranking, err := pipeline.NewRanking(s.name, s.scoring.scale, hits)
	if err != nil {
		return ranking, err
	}
	if lost > 0 {
		err := fmt.Errorf("%w: %d left out: see Options.ID", ErrSharedID, lost)
		ranking = ranking.WithGaps(pipeline.Gap{Stage: s.name, Reason: pipeline.ReasonBadResponse, Err: err})
	}
	if scores.imputed == nil {
		return ranking, nil
	}
	return s.withEstimates(ranking, scores), nil
}

// withEstimates marks the hits whose scores are estimates and says so in a gap.
// The marks were made by NewRanking for this call and are ours to change.
func (s *Source) withEstimates(r pipeline.Ranking, scores scored) pipeline.Ranking {
	gap := pipeline.Gap{Stage: s.name, Reason: pipeline.ReasonBadResponse, Err: scores.err}
	for i, imputed := range scores.imputed {
		if !imputed {
			continue
		}
		m := &r.Hits[i].Marks[len(r.Hits[i].Marks)-1]
		m.Status, m.Reason = pipeline.Imputed, pipeline.ReasonBadResponse
		gap.IDs = append(gap.IDs, r.Hits[i].Document.ID)
	}
	return r.WithGaps(gap)
}

// ordered returns the documents in the order of the store, or by their scores if
// the store has no order of its own. Sorting documents goes by the total order
// of the module, with the position as rank.
func (s *Source) ordered(docs []schema.Document) []schema.Document {
	if !s.options.Unordered {
		return docs
	}
	type placed struct {
		doc      schema.Document
		position int
		score    float64
	}
	list := make([]placed, len(docs))
	for i, d := range docs {
		list[i] = placed{d, i, s.scoring.key(d.Score)}
	}
	slices.SortFunc(list, func(a, b placed) int {
		return pipeline.Compare(a.score, b.score, a.position, b.position, "", "")
	})
	sorted := make([]schema.Document, len(docs))
	for i, p := range list {
		sorted[i] = p.doc
	}
	return sorted
}
