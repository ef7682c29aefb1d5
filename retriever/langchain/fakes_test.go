package langchain_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/tmc/langchaingo/callbacks"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// overlapStore is a small vector store in memory: the score is the share of a
// document's words that stand in the query. It is safe for concurrent use.
type overlapStore struct {
	mu      sync.Mutex
	docs    []schema.Document
	added   []vectorstores.Options
	asked   []vectorstores.Options
	askedOf []int
}

func newOverlapStore(docs ...schema.Document) *overlapStore { return &overlapStore{docs: docs} }

func (s *overlapStore) AddDocuments(_ context.Context, docs []schema.Document, options ...vectorstores.Option) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = append(s.added, collect(options))
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = fmt.Sprint("new-", len(s.docs))
		d.Metadata["stored"] = true // some stores write to what they are given
		s.docs = append(s.docs, d)
	}
	return ids, nil
}

func (s *overlapStore) SimilaritySearch(_ context.Context, query string, n int, options ...vectorstores.Option) ([]schema.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := collect(options)
	s.asked, s.askedOf = append(s.asked, o), append(s.askedOf, n)
	filter, _ := o.Filters.(map[string]any)
	found := []schema.Document{}
	for _, d := range s.docs {
		d.Score = share(d.PageContent, query)
		if d.Score > o.ScoreThreshold && matches(d, filter) {
			d.Metadata = maps.Clone(d.Metadata)
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b schema.Document) int {
		return pipeline.Compare(float64(a.Score), float64(b.Score), 0, 0, fmt.Sprint(a.Metadata["id"]), fmt.Sprint(b.Metadata["id"]))
	})
	return found[:min(n, len(found))], nil
}

// last returns the options of the newest search and how many documents it wanted.
func (s *overlapStore) last() (vectorstores.Options, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1], s.askedOf[len(s.askedOf)-1]
}

func collect(options []vectorstores.Option) vectorstores.Options {
	var o vectorstores.Options
	for _, option := range options {
		option(&o)
	}
	return o
}

func share(text, query string) float32 {
	words := strings.Fields(strings.ToLower(text))
	asked, count := strings.Fields(strings.ToLower(query)), 0
	for _, w := range words {
		if slices.Contains(asked, w) {
			count++
		}
	}
	return float32(count) / float32(max(len(words), 1))
}

func matches(d schema.Document, filter map[string]any) bool {
	for key, want := range filter {
		list, _ := d.Metadata[key].([]string)
		if d.Metadata[key] != want && !slices.Contains(list, fmt.Sprint(want)) {
			return false
		}
	}
	return true
}

// storeFunc is a vector store that answers as the test says. It also is a
// schema.Retriever.
type storeFunc func(ctx context.Context, query string, n int) ([]schema.Document, error)

func (f storeFunc) AddDocuments(context.Context, []schema.Document, ...vectorstores.Option) ([]string, error) {
	return nil, nil
}

func (f storeFunc) SimilaritySearch(ctx context.Context, query string, n int, _ ...vectorstores.Option) ([]schema.Document, error) {
	return f(ctx, query, n)
}

func (f storeFunc) GetRelevantDocuments(ctx context.Context, query string) ([]schema.Document, error) {
	return f(ctx, query, 0)
}

func answering(docs ...schema.Document) storeFunc {
	return func(context.Context, string, int) ([]schema.Document, error) { return docs, nil }
}

// scored are documents d1, d2 ... with these scores, in this order.
func scored(scores ...float32) []schema.Document {
	docs := make([]schema.Document, len(scores))
	for i, s := range scores {
		id := fmt.Sprint("d", i+1)
		docs[i] = schema.Document{PageContent: "text of " + id, Metadata: map[string]any{"id": id}, Score: s}
	}
	return docs
}

// named says that "id" in the metadata is the id.
func named() langchain.Options { return langchain.Options{IDKey: "id"} }

// echo is a model without races that answers with the prompt that it was given.
type echo struct {
	mu      sync.Mutex
	prompts []string
}

func (e *echo) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, e, prompt, options...)
}

func (e *echo) GenerateContent(_ context.Context, messages []llms.MessageContent, _ ...llms.CallOption) (*llms.ContentResponse, error) {
	var b strings.Builder
	for _, m := range messages {
		for _, p := range m.Parts {
			if text, ok := p.(llms.TextContent); ok {
				b.WriteString(text.Text)
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.prompts = append(e.prompts, b.String())
	answer := fmt.Sprintf("answer %d", len(e.prompts))
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: answer}}}, nil
}

func (e *echo) prompt(i int) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.prompts[i]
}

// handler notes callbacks.
type handler struct {
	callbacks.SimpleHandler
	mu     sync.Mutex
	events []string
}

func (h *handler) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, fmt.Sprintf(format, args...))
}

func (h *handler) HandleRetrieverStart(_ context.Context, query string) { h.note("start %s", query) }
func (h *handler) HandleRetrieverEnd(_ context.Context, query string, docs []schema.Document) {
	h.note("end %s: %d", query, len(docs))
}
func (h *handler) HandleToolStart(_ context.Context, input string) { h.note("tool start %s", input) }
func (h *handler) HandleToolEnd(_ context.Context, output string)  { h.note("tool end %s", output) }
func (h *handler) HandleToolError(_ context.Context, err error)    { h.note("tool error %v", err) }

// reversed is a stage that turns the ranking round with scores of its own.
func reversed() pipeline.Stage {
	return pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		hits := slices.Clone(in.Hits)
		slices.Reverse(hits)
		for i := range hits {
			hits[i] = hits[i].Marked(pipeline.Mark{Stage: "reversed", Rank: i + 1, Score: 1 / float64(i+2), Scale: pipeline.Probability})
		}
		out := in.Derive(hits)
		out.Scale = pipeline.Probability
		return out, nil
	})
}

func first(k int) pipeline.Stage {
	return pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in.Derive(in.Hits[:min(k, len(in.Hits))]), nil
	})
}

// degraded is a stage that adds a gap.
func degraded(err error) pipeline.Stage {
	return pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in.WithGaps(pipeline.Gap{Stage: "rerank", Reason: pipeline.ReasonDeadline, IDs: in.IDs(), Err: err}), nil
	})
}

func contents(docs []schema.Document) []string {
	texts := make([]string, len(docs))
	for i, d := range docs {
		texts[i] = d.PageContent
	}
	return texts
}
