package local

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Embedder turns texts into vectors of one length. Those of package
// retriever/embed are Embedders, and so are langchaingo's.
type Embedder interface {
	// EmbedDocuments returns one vector for each text, in their order.
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
	// EmbedQuery returns the vector of a query.
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// eachEmbedder is an Embedder that hands vectors over one by one, never two at
// the same time, as those of package retriever/embed do. A deadline then costs
// only what is not begun.
type eachEmbedder interface {
	EmbedEach(ctx context.Context, texts []string, each func(i int, vector []float32)) error
}

// Options sets a scorer. The zero value is the default.
type Options struct {
	// Model names the model in scores and descriptions; empty means "bi-encoder"
	// or "cross-encoder".
	Model string
	// Batch is the number of documents in a call of an Embedder that cannot hand
	// vectors over one by one; 0 means 16. After the deadline the vectors of the
	// call in flight are lost.
	Batch int
	// MaxTokens cuts query and document together to fewer tokens than a
	// cross-encoder takes; 0 means what it takes.
	MaxTokens int
	// Workers is the number of batches that a cross-encoder computes at once; 0
	// means runtime.GOMAXPROCS.
	Workers int
}

const defaultBatch = 16

// BiEncoder scores by the cosine of the vectors of query and document. It is safe
// for concurrent use.
type BiEncoder struct {
	embedder Embedder
	options  Options
	err      error
}

var (
	_ reranker.Scorer    = (*BiEncoder)(nil)
	_ pipeline.Describer = (*BiEncoder)(nil)
)

// NewBiEncoder makes a scorer of an embedder. A mistake in the options is reported
// by Describe and by every call of Score.
func NewBiEncoder(embedder Embedder, o Options) *BiEncoder {
	b := &BiEncoder{embedder: embedder, options: o}
	switch {
	case embedder == nil:
		b.err = configError("the embedder is nil")
	case o.Batch < 0:
		b.err = configError(fmt.Sprintf("Batch is %d: set at least 1, or 0 for %d", o.Batch, defaultBatch))
	}
	if o.Batch == 0 {
		b.options.Batch = defaultBatch
	}
	if o.Model == "" {
		b.options.Model = "bi-encoder"
	}
	return b
}

func configError(message string) error {
	return &reranker.Error{Kind: reranker.KindConfig, Op: "local: score", Message: message}
}

// Describe names the model. Scores are cosines.
func (b *BiEncoder) Describe() pipeline.Node {
	return pipeline.Node{
		Name:     "bi-encoder",
		Settings: []pipeline.Setting{{Name: "model", Value: b.options.Model}, {Name: "batch", Value: strconv.Itoa(b.options.Batch)}},
		Facts:    pipeline.Facts{Scale: pipeline.Cosine},
		Err:      b.err,
	}
}

// Score compares the query with each document. A blank document is unscored for
// the reason pipeline.ReasonBlank; a blank query is an error of the kind
// reranker.KindValidation. What the deadline leaves undone is unscored for the
// reason pipeline.ReasonDeadline.
func (b *BiEncoder) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if b.err != nil {
		return reranker.Scores{}, b.err
	}
	t := newTally(pipeline.Cosine, b.options.Model, documents)
	if len(t.texts) == 0 {
		return t.scores, nil
	}
	if err := check(ctx, query); err != nil {
		return reranker.Scores{}, err
	}
	q, err := b.embedder.EmbedQuery(ctx, query)
	if err != nil {
		return t.result(ctx, nil, err)
	}
	scored, bad := make([]bool, len(t.texts)), error(nil)
	err = b.each(ctx, t.texts, func(j int, v []float32) {
		value, err := cosine(q, v)
		if err != nil {
			bad = err
			return
		}
		t.scores.Values[t.at[j]], scored[j] = value, true
		t.done++
	})
	if err == nil {
		err = bad
	}
	return t.result(ctx, scored, err)
}

// each hands the vectors over one by one, or batch by batch.
func (b *BiEncoder) each(ctx context.Context, texts []string, each func(j int, v []float32)) error {
	if e, ok := b.embedder.(eachEmbedder); ok {
		return e.EmbedEach(ctx, texts, each)
	}
	for first := 0; first < len(texts); first += b.options.Batch {
		batch := texts[first:min(first+b.options.Batch, len(texts))]
		vectors, err := b.embedder.EmbedDocuments(ctx, batch)
		if err != nil {
			return err
		}
		if len(vectors) != len(batch) {
			return fmt.Errorf("the embedder returned %d vectors for %d texts", len(vectors), len(batch))
		}
		for j, v := range vectors {
			each(first+j, v)
		}
	}
	return nil
}

// cosine is computed in double precision, in the order of the components, and 0
// where a vector has length 0.
func cosine(a, b []float32) (float64, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("the query has %d dimensions and a document %d", len(a), len(b))
	}
	var ab, aa, bb float64
	for i, x := range a {
		x, y := float64(x), float64(b[i])
		ab += float64(x * y)
		aa += float64(x * x)
		bb += float64(y * y)
	}
	length := math.Sqrt(aa) * math.Sqrt(bb)
	if length-length != 0 {
		return 0, fmt.Errorf("a vector is not finite")
	}
	if length == 0 {
		return 0, nil
	}
	return max(-1, min(1, ab/length)), nil
}
