package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/embed"
)

// citation is a statement beside a passage that it cites.
type citation struct {
	score float64
	holds bool
}

// The topics of a collection that are used, and the wrong passages for each.
const (
	supportTopics = 40
	wrongPassages = 3
)

// support prints how well supporters tell citations of the right passage from those
// of the passages that share most words with the statement and are not relevant,
// and what the best threshold of the other collection is worth. The statements are
// the claims of scifact and the questions of claude-code-rag.
func support(ctx context.Context, folder string, out io.Writer) error {
	embedder, err := embed.Open(minilm.Files(), embed.Options{})
	if err != nil {
		return err
	}
	supporters := []struct {
		name string
		chat.Supporter
	}{{"shared words", chat.SharedWords{}}, {minilm.Name, byScorer(local.NewBiEncoder(embedder, local.Options{Model: minilm.Name}))}}
	names := []string{"scifact", "claude-code-rag"}
	cited := make([][][]citation, len(supporters))
	for _, name := range names {
		c, err := open(ctx, folder, name)
		if err != nil {
			return err
		}
		for i, s := range supporters {
			list, err := citationsOf(ctx, c, s)
			if err != nil {
				return err
			}
			cited[i] = append(cited[i], list)
		}
		if err := c.index.Close(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%-18s %-18s %9s %7s %10s %12s %12s\n", "supporter", "collection", "citations", "AUC", "threshold", "right kept", "wrong kept")
	for i, s := range supporters {
		for j, name := range names {
			t := bestThreshold(cited[i][1-j])
			right, wrong := kept(cited[i][j], t)
			fmt.Fprintf(out, "%-18s %-18s %9d %7.3f %10.3f %12.2f %12.2f\n", s.name, name, len(cited[i][j]), citationAUC(cited[i][j]), t, right, wrong)
		}
	}
	return nil
}

// byScorer makes a Supporter of a scorer.
func byScorer(scorer reranker.Scorer) chat.Supporter {
	return chat.SupporterFunc(func(ctx context.Context, statement string, texts []string) ([]float64, error) {
		scores, err := reranker.Ask(ctx, scorer, statement, texts)
		if err == nil && !scores.Complete() {
			err = errors.Join(scores.Causes...)
		}
		return scores.Values, err
	})
}

// citationsOf lets each statement cite its best passage and wrong ones, one prompt
// for each, and asks what is supported.
func citationsOf(ctx context.Context, c *collection, s chat.Supporter) ([]citation, error) {
	var list []citation
	topics := 0
	for _, t := range c.topics {
		r, err := c.index.Retrieve(ctx, t.query)
		if err != nil {
			return nil, err
		}
		right, wrong := 0, 0
		for _, h := range r.Hits {
			holds := t.relevant[h.Document.ID]
			if holds && right == 1 || !holds && wrong == wrongPassages {
				continue
			}
			if holds {
				right++
			} else {
				wrong++
			}
			score, err := supported(ctx, t.query.Text, h, s)
			if err != nil {
				return nil, err
			}
			list = append(list, citation{score, holds})
		}
		if topics++; topics == supportTopics {
			break
		}
	}
	return list, nil
}

// supported is the score of a statement that cites the document of a hit.
func supported(ctx context.Context, statement string, h pipeline.Hit, s chat.Supporter) (float64, error) {
	r, err := pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{{Document: h.Document, Score: 1}})
	if err != nil {
		return 0, err
	}
	p, err := chat.Assemble(ctx, pipeline.Query{Text: statement}, r, chat.Options{})
	if err != nil {
		return 0, err
	}
	checked := chat.Checked{Sentences: []chat.Sentence{{To: len(statement), Cites: []int{1}, Claim: true}}}
	list, err := checked.Support(ctx, statement, p, s, 0)
	if err != nil || len(list) == 0 {
		return math.Inf(-1), err
	}
	return list[0].Score, nil
}

// citationAUC is the probability that a right citation scores above a wrong one.
func citationAUC(list []citation) float64 {
	examples := make([]example, len(list))
	for i, c := range list {
		examples[i] = example{probability: c.score, answers: c.holds}
	}
	return auc(examples, func(e example) float64 { return e.probability })
}

// kept returns the shares of right and wrong citations that reach the threshold.
func kept(list []citation, threshold float64) (right, wrong float64) {
	var n, above [2]float64
	for _, c := range list {
		i := 0
		if c.holds {
			i = 1
		}
		if n[i]++; c.score >= threshold {
			above[i]++
		}
	}
	return above[1] / max(1, n[1]), above[0] / max(1, n[0])
}

// bestThreshold is the score at which most right citations are kept beside fewest
// wrong ones.
func bestThreshold(list []citation) float64 {
	scores := make([]float64, len(list))
	for i, c := range list {
		scores[i] = c.score
	}
	slices.Sort(scores)
	best, most := math.Inf(1), math.Inf(-1)
	for _, t := range slices.Compact(scores) {
		if right, wrong := kept(list, t); right-wrong > most {
			best, most = t, right-wrong
		}
	}
	return best
}
