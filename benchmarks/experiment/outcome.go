package experiment

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// outcome is what one branch made of one topic.
type outcome struct {
	IDs    []string          `json:"ids"`
	Scores []float64         `json:"scores"`
	Hits   []Hit             `json:"hits,omitempty"`
	Inputs map[string]ranked `json:"inputs,omitempty"`
	Time   time.Duration     `json:"time"`
	Usage  usage             `json:"usage"`
	Gaps   string            `json:"gaps,omitempty"`
	Error  string            `json:"error,omitempty"`
}

// ranked is a ranking without its documents.
type ranked struct {
	IDs    []string  `json:"ids"`
	Scores []float64 `json:"scores"`
}

// usage is what a topic's stage was charged.
type usage struct {
	Calls     int     `json:"calls,omitempty"`
	Retries   int     `json:"retries,omitempty"`
	Documents int     `json:"documents,omitempty"`
	Tokens    int     `json:"tokens,omitempty"`
	Cached    int     `json:"cached,omitempty"`
	Price     float64 `json:"price,omitempty"`
}

// runTopic runs every branch of the forest on one topic.
func (r *runner) runTopic(ctx context.Context, q pipeline.Query) (topicRun, error) {
	t := topicRun{outcomes: make([]outcome, len(r.forest.all)), texts: map[string]Document{}}
	q.Trace = true
	for _, root := range r.forest.roots {
		err := r.runBranch(ctx, root, q, pipeline.Ranking{}, &t)
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// topicRun is what all branches made of one topic, with the texts that a report
// quotes.
type topicRun struct {
	outcomes []outcome
	texts    map[string]Document
}

func (r *runner) runBranch(ctx context.Context, b *branch, q pipeline.Query, in pipeline.Ranking, t *topicRun) error {
	start := time.Now()
	out, err := call(ctx, b.node.Value, q, in)
	if ctx.Err() != nil {
		return fmt.Errorf("experiment: topic %s: %w", q.ID, context.Cause(ctx))
	}
	o := &t.outcomes[b.at]
	o.Time = time.Since(start)
	if err != nil {
		r.fail(b, err, t)
		return nil
	}
	r.record(o, in, out, t)
	for _, next := range b.below {
		if err := r.runBranch(ctx, next, q, out, t); err != nil {
			return err
		}
	}
	return nil
}

// call runs a retriever or a stage under the guard of a chain, which turns
// panics into errors and keeps the trace.
func call(ctx context.Context, value any, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if stage, ok := value.(pipeline.Stage); ok && in.Hits != nil {
		given := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return in, nil })
		return pipeline.Chain(given, stage).Retrieve(ctx, q)
	}
	retriever, ok := value.(pipeline.Retriever)
	if !ok {
		return pipeline.Ranking{}, fmt.Errorf("experiment: %T is no retriever", value)
	}
	return pipeline.Chain(retriever).Retrieve(ctx, q)
}

// fail notes the error on the branch and on all that stand on it.
func (r *runner) fail(b *branch, err error, t *topicRun) {
	t.outcomes[b.at].Error = err.Error()
	for _, next := range b.below {
		r.fail(next, err, t)
	}
}

func (r *runner) record(o *outcome, in, out pipeline.Ranking, t *topicRun) {
	o.IDs, o.Scores = idsAndScores(out.Hits, r.plan.Depth)
	for i, h := range out.Hits[:min(len(out.Hits), max(0, r.plan.Keep))] {
		o.Hits = append(o.Hits, keepHit(h))
		t.texts[out.Hits[i].Document.ID] = keepText(h.Document)
	}
	o.Usage = r.usageOf(in, out)
	if added := out.Gaps[min(len(in.Gaps), len(out.Gaps)):]; len(added) > 0 {
		o.Gaps = (&pipeline.GapError{Gaps: added}).Error()
	}
	o.Inputs = r.innerRankings(in, out, t)
}

func idsAndScores(hits []pipeline.Hit, depth int) (ids []string, scores []float64) {
	hits = hits[:min(len(hits), depth)]
	ids, scores = make([]string, len(hits)), make([]float64, len(hits))
	for i, h := range hits {
		ids[i], scores[i] = h.Document.ID, h.Score
	}
	return ids, scores
}

// keepHit keeps a hit with the arithmetic of its newest mark.
func keepHit(h pipeline.Hit) Hit {
	kept := Hit{ID: h.Document.ID, Score: h.Score}
	if len(h.Marks) == 0 {
		return kept
	}
	m := h.Marks[len(h.Marks)-1]
	if m.Status != pipeline.Scored {
		kept.Status = m.Status.String()
	}
	if d := m.Derivation(); d != nil {
		kept.Why = arithmetic(d, m.Score)
	}
	return kept
}

// arithmetic writes a fused score as the sum that it is.
func arithmetic(d *pipeline.Derivation, score float64) string {
	var parts []string
	for _, t := range d.Terms {
		part := fmt.Sprintf("%s rank %d score %.4g", t.Source, t.Rank, t.Score)
		if t.Normalised != t.Score {
			part += fmt.Sprintf(" normalised %.4g", t.Normalised)
		}
		if t.Imputed || t.Rank == 0 {
			part += " (not scored there)"
		}
		parts = append(parts, part+fmt.Sprintf(" gives %.6g", t.Contribution))
	}
	return strings.Join(parts, " + ") + fmt.Sprintf(" = %.6g", score)
}

// keepText keeps what a report quotes of a document, at most 2,000 bytes.
func keepText(d pipeline.Document) Document {
	title, _ := d.Metadata["title"].(string)
	text := d.Text
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "") + " ..."
	}
	return Document{Title: title, Text: text}
}

// usageOf adds up the reports that the stage left on the ranking.
func (r *runner) usageOf(in, out pipeline.Ranking) usage {
	var u usage
	reports := reranker.ReportKey.NotedAll(out)
	for _, report := range reports[min(len(reports), len(reranker.ReportKey.NotedAll(in))):] {
		spent := report.Useful.Add(report.Wasted)
		u.Calls += report.Attempts
		u.Retries += report.Retries + report.Hedges
		u.Documents += spent.Documents
		u.Tokens += spent.Tokens
		u.Cached += report.Cached
		price, ok := r.plan.Prices[report.Model]
		if !ok {
			price = r.plan.Prices[""]
		}
		u.Price += price * float64(spent.Tokens) / 1e6
	}
	return u
}

// innerRankings returns, by name, the rankings that were fused inside the stage:
// the legs of a hybrid search, the reranked branch of a blend.
func (r *runner) innerRankings(in, out pipeline.Ranking, t *topicRun) map[string]ranked {
	found := map[string]ranked{}
	seen := map[*pipeline.Step]bool{in.Trace: true}
	var visit func(s *pipeline.Step, fused bool)
	visit = func(s *pipeline.Step, fused bool) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		if fused {
			name := s.Name
			for n := 2; found[name].IDs != nil; n++ {
				name = fmt.Sprintf("%s #%d", s.Name, n)
			}
			ids, scores := idsAndScores(s.Hits, r.plan.Depth)
			found[name] = ranked{ids, scores}
			for _, h := range s.Hits[:min(len(s.Hits), max(0, r.plan.Keep))] {
				t.texts[h.Document.ID] = keepText(h.Document)
			}
		}
		for _, input := range s.Inputs {
			visit(input, len(s.Inputs) > 1)
		}
	}
	visit(out.Trace, false)
	return found
}
