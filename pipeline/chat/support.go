package chat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
)

// Supporter says how well texts support a statement. A scorer of package reranker
// is one with a few lines:
//
//	chat.SupporterFunc(func(ctx context.Context, statement string, texts []string) ([]float64, error) {
//		scores, err := reranker.Ask(ctx, scorer, statement, texts)
//		if err == nil && !scores.Complete() {
//			err = errors.Join(scores.Causes...)
//		}
//		return scores.Values, err
//	})
type Supporter interface {
	// Support returns a score for each text, in their order: the higher, the better
	// it supports the statement. It must be safe for concurrent use.
	Support(ctx context.Context, statement string, texts []string) ([]float64, error)
}

// SupporterFunc makes a function a Supporter.
type SupporterFunc func(ctx context.Context, statement string, texts []string) ([]float64, error)

// Support calls f.
func (f SupporterFunc) Support(ctx context.Context, statement string, texts []string) ([]float64, error) {
	return f(ctx, statement, texts)
}

// SharedWords is a Supporter without a model: the share of the statement's words
// that a text has, from 0 to 1.
type SharedWords struct{}

// Support implements Supporter.
func (SharedWords) Support(_ context.Context, statement string, texts []string) ([]float64, error) {
	scores := make([]float64, len(texts))
	wanted := setOf(prose.Terms(statement))
	for i, text := range texts {
		found := setOf(prose.Terms(text))
		for word := range wanted {
			if found[word] {
				scores[i] += 1 / float64(len(wanted))
			}
		}
	}
	return scores, nil
}

// Support is what a Supporter says of a claim beside a passage that it cites.
type Support struct {
	// Sentence is the claim's place in Checked.Sentences, Number the passage.
	Sentence, Number int
	// Score is that of the best place of the passage.
	Score float64
	// Supported says that the score is at least the threshold.
	Supported bool
}

// Unsupported returns the places of the sentences that no passage supports which
// they cite, each once, in order.
func Unsupported(list []Support) []int {
	supported := map[int]bool{}
	for _, s := range list {
		supported[s.Sentence] = supported[s.Sentence] || s.Supported
	}
	var alone []int
	for _, s := range list {
		if !supported[s.Sentence] && !slices.Contains(alone, s.Sentence) {
			alone = append(alone, s.Sentence)
		}
	}
	return alone
}

// statementIn is a sentence without its citations.
func statementIn(answer string, s Sentence) string {
	text := answer[max(0, min(s.From, len(answer))):max(0, min(s.To, len(answer)))]
	text = strings.Join(strings.Fields(citations.ReplaceAllString(text, " ")), " ")
	return strings.NewReplacer(" .", ".", " ,", ",", " ;", ";", " :", ":").Replace(text)
}

// supportOf asks about all places of the cited passages at once.
func supportOf(ctx context.Context, statement string, cites []int, p Prompt, s Supporter) ([]Support, error) {
	var texts []string
	var owners []int // positions in list
	var list []Support
	for _, number := range cites {
		passage, ok := p.Passage(number)
		if !ok || passage.Out {
			continue
		}
		for _, place := range placesOf(passage.Text) {
			texts, owners = append(texts, place), append(owners, len(list))
		}
		list = append(list, Support{Number: number, Score: math.Inf(-1)})
	}
	if len(texts) == 0 || statement == "" {
		return nil, nil
	}
	scores, err := asked(ctx, s, statement, texts)
	if err != nil {
		return nil, err
	}
	for i, score := range scores {
		list[owners[i]].Score = max(list[owners[i]].Score, score)
	}
	return slices.DeleteFunc(list, func(s Support) bool { return math.IsInf(s.Score, -1) }), nil
}

// asked holds the Supporter to its contract.
func asked(ctx context.Context, s Supporter, statement string, texts []string) (scores []float64, err error) {
	defer func() {
		if v := recover(); v != nil {
			scores, err = nil, &pipeline.PanicError{Part: "supporter", Value: v, Stack: debug.Stack()}
		}
	}()
	scores, err = s.Support(ctx, statement, texts)
	if err == nil && len(scores) != len(texts) {
		err = fmt.Errorf("%d scores for %d texts", len(scores), len(texts))
	}
	if err == nil && slices.ContainsFunc(scores, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
		err = errors.New("a score is no number")
	}
	return scores, err
}

// placeSentences is the length of a place: most claims rest on a sentence, its
// subject stands in the one before, a condition in the one after.
const placeSentences = 3

// placesOf cuts a passage into places, each of which begins one sentence after the
// one before.
func placesOf(text string) []string {
	spans := prose.Sentences(text)
	if len(spans) <= placeSentences {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		return []string{text}
	}
	places := make([]string, 0, len(spans)-placeSentences+1)
	for i := placeSentences; i <= len(spans); i++ {
		places = append(places, text[spans[i-placeSentences].From:spans[i-1].To])
	}
	return places
}
