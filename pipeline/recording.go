package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// Recording is a query with what came of it, as a flight recorder keeps it. Its
// JSON form survives both ways, see Ranking.MarshalJSON and Query.MarshalJSON. A
// ranking of a query with Trace has every step in it, which Replay can serve.
type Recording struct {
	Query   Query   `json:"query"`
	Ranking Ranking `json:"ranking"`
}

// Step returns the ranking that the part of that name returned, the last one where
// there are several, and whether the trace has one.
func (r Recording) Step(name string) (Ranking, bool) {
	if s := r.Ranking.Trace.find(name); s != nil {
		return Ranking{Hits: s.Hits, Scale: s.Scale}, true
	}
	return Ranking{}, false
}

type replay struct {
	part     string
	rankings map[replayKey]Ranking
	err      error
}

type replayKey struct{ id, text string }

// Replay is a retriever that answers from recordings: each query, known by its ID
// and text, with the ranking that was recorded; any other is an error. So another
// reranker, fuser or cut can be tried on what a pipeline retrieved in production,
// without its stores.
//
// part names the part whose ranking is served, "" the whole pipeline. A recording
// without a step of that name is an error of Describe and of every query.
func Replay(part string, recordings ...Recording) Retriever {
	r := replay{part: part, rankings: map[replayKey]Ranking{}}
	for _, rec := range recordings {
		ranking, ok := rec.Ranking, true
		if part != "" {
			ranking, ok = rec.Step(part)
		}
		if !ok && r.err == nil {
			r.err = fmt.Errorf("pipeline: replay: the recording of query %q has no step of %q: record it with Query.Trace", rec.Query.ID, part)
		}
		ranking.Trace = nil // the replay begins a trace of its own
		r.rankings[replayKey{rec.Query.ID, rec.Query.Text}] = ranking
	}
	return r
}

// Describe implements Describer.
func (r replay) Describe() Node {
	what := r.part
	if what == "" {
		what = "the whole pipeline"
	}
	n := Node{
		Name: "replay", Err: r.err, Facts: Facts{Role: RoleRetrieve, Scale: r.scale()},
		Settings: []Setting{{"part", what}, {"queries", fmt.Sprint(len(r.rankings))}},
	}
	return n
}

// scale is the scale of all rankings, Unknown if they differ.
func (r replay) scale() Scale {
	var scales []Scale
	for _, ranking := range r.rankings {
		if !slices.Contains(scales, ranking.Scale) {
			scales = append(scales, ranking.Scale)
		}
	}
	if len(scales) == 1 {
		return scales[0]
	}
	return Unknown
}

// Retrieve implements Retriever.
func (r replay) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if r.err != nil {
		return Ranking{}, r.err
	}
	if ctx.Err() != nil {
		return Ranking{}, ended(ctx)
	}
	ranking, ok := r.rankings[replayKey{q.ID, q.Text}]
	if !ok {
		return Ranking{}, fmt.Errorf("pipeline: replay: no recording of query %q", q.ID)
	}
	return ranking, nil
}
