package reranker

import (
	"context"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// pruneRun is one query on its way through a Pruned.
type pruneRun struct {
	p    *Pruned
	work *work
	in   pipeline.Ranking

	sent   []bool // of each text
	answer answer // of all texts
}

// score sends what has to be sent, wave by wave, and leaves the other hits out
// of the work.
func (r *pruneRun) score(ctx context.Context, query string) answer {
	w := r.work
	if w.bypassed || len(w.texts) == 0 || len(r.in.Hits) <= r.p.o.Limit || slices.Contains(w.slot, -1) || r.listwise() {
		// An estimate for a blank document depends on its neighbours' scores, so
		// nothing can be said without them.
		return w.score(ctx, query)
	}
	ctx, stop, err := w.within(ctx)
	defer stop()
	if err != nil {
		return answer{err: err}
	}
	r.sent = make([]bool, len(w.texts))
	r.answer.scores = Scores{Values: make([]float64, len(w.texts)), Unscored: slices.Repeat([]pipeline.Reason{pipeline.ReasonNotSent}, len(w.texts))}
	for wave := r.first(); len(wave) > 0; wave = r.next() {
		if !r.send(ctx, query, wave) {
			return r.answer
		}
		if r.listwise() && len(wave) < len(w.texts) {
			whole := w.score(ctx, query)
			whole.scores.Usage = whole.scores.Usage.Add(r.answer.scores.Usage)
			return whole
		}
	}
	for i, at := range w.slot {
		if !r.sent[at] {
			w.slot[i] = -1
			w.verdicts[i] = verdict{reason: pipeline.ReasonNotSent, left: true}
		}
	}
	return r.answer
}

// listwise reports whether the scorer has learnt, since it was described, that its
// scores change with what is sent.
func (r *pruneRun) listwise() bool { return ListwiseOf(r.p.rerank.node) }

// first returns the texts of the head of the retrieval ranking.
func (r *pruneRun) first() []int {
	n := max(2*r.p.o.Limit, len(r.in.Hits)/4)
	return r.unsent(r.work.slot[:min(n, len(r.work.slot))])
}

// unsent returns those of the texts that were not sent, each once.
func (r *pruneRun) unsent(texts []int) []int {
	var list []int
	seen := make(map[int]bool, len(texts))
	for _, at := range texts {
		if !r.sent[at] && !seen[at] {
			seen[at] = true
			list = append(list, at)
		}
	}
	return list
}

// send asks for one wave. It reports false if there is no use in going on: then
// what was not sent is lost for the reason of the failure.
func (r *pruneRun) send(ctx context.Context, query string, wave []int) bool {
	texts := make([]string, len(wave))
	for i, at := range wave {
		r.sent[at] = true
		texts[i] = r.work.texts[at]
	}
	a := r.work.ask(ctx, query, texts)
	r.answer.sent = true
	merged := &r.answer.scores
	merged.add(a.scores)
	if a.err != nil {
		merged.Causes = append(merged.Causes, a.err)
		for at, reason := range merged.Unscored {
			if reason == pipeline.ReasonNotSent {
				merged.Unscored[at] = ReasonOf(a.err)
			}
		}
		return false
	}
	merged.Scale = a.scores.Scale
	for i, at := range wave {
		merged.Unscored[at] = ""
		merged.put(at, a.scores, i)
	}
	return true
}

// next returns the texts that can still get into the result, those with the best
// prospects first and at most a wave of them; none if the result is certain.
func (r *pruneRun) next() []int {
	if r.outOfBounds() {
		return r.unsent(r.work.slot)
	}
	best, err := r.p.fuse(r.in, r.hypothetical(r.p.o.High))
	if err != nil {
		return r.unsent(r.work.slot)
	}
	worst, err := r.p.fuse(r.in, r.hypothetical(r.p.o.Low))
	if err != nil || len(worst.Hits) < r.p.o.Limit {
		return r.unsent(r.work.slot)
	}
	certain := worst.Hits[r.p.o.Limit-1].Score
	prospects := r.prospects(best, certain)
	switch {
	case len(prospects) > 0:
		return prospects
	case !slices.Equal(best.IDs()[:r.p.o.Limit], worst.IDs()[:r.p.o.Limit]):
		// Equal fused scores are ordered by rank, and the ranks in the reranked list
		// still depend on what was not sent.
		return r.unsent(r.work.slot)
	}
	return nil
}

// prospects returns the unsent texts of the hits whose best possible score is at
// least the certain one, best first.
func (r *pruneRun) prospects(best pipeline.Ranking, certain float64) []int {
	slot := make(map[string]int, len(r.in.Hits))
	for i, h := range r.in.Hits {
		slot[h.Document.ID] = r.work.slot[i]
	}
	var texts []int
	for _, h := range best.Hits {
		if h.Score >= certain {
			texts = append(texts, slot[h.Document.ID])
		}
	}
	texts = r.unsent(texts)
	wave := max(r.p.o.Limit, len(r.in.Hits)/8)
	return texts[:min(wave, len(texts))]
}

// hypothetical is the reranked list in which every hit without a score has the
// given one.
func (r *pruneRun) hypothetical(score float64) pipeline.Ranking {
	s := r.answer.scores
	hits := make([]pipeline.Hit, len(r.in.Hits))
	for i, h := range r.in.Hits {
		h.Score = score
		if at := r.work.slot[i]; s.Scored(at) {
			h.Score = s.Values[at]
		}
		hits[i] = h
	}
	pipeline.Sort(hits, nil)
	return pipeline.Ranking{Hits: hits, Scale: s.Scale}
}

// outOfBounds reports whether a score shows that the bounds cannot be trusted.
func (r *pruneRun) outOfBounds() bool {
	s := r.answer.scores
	for at, v := range s.Values {
		if s.Scored(at) && !(v >= r.p.o.Low && v <= r.p.o.High) {
			return true
		}
	}
	return false
}
