package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// exchange is one question of a session on its way to an answer.
type exchange struct {
	*bot
	session *session
	tell    func(event) error
}

// respond answers a remark, or finds passages and answers from them.
func (x exchange) respond(ctx context.Context, question string, span *pipeline.Span) error {
	span.Int("turn", x.session.turns)
	if done, err := x.reply(ctx, question); done || err != nil {
		return err
	}
	q, err := x.rewritten(ctx, question)
	if err != nil {
		return err
	}
	early, final, err := x.find(ctx, q)
	if err != nil {
		return err
	}
	verdict := x.judged(q, early, final)
	if x.generator != nil {
		if final, err = rails.Apply(ctx, q, final); err != nil {
			return err
		}
	}
	said := lastCiting(&x.session.conversation)
	prompt, err := x.session.conversation.Ask(ctx, question, final, x.prompting())
	if err != nil {
		return err
	}
	span.Int("passages", len(prompt.Passages))
	span.Float("answerable", verdict.Probability)
	if err := x.tell(event{Kind: "passages", Sources: sourcesOf(final, true), Passages: passagesOf(prompt), Gaps: gapsOf(prompt.Gaps)}); err != nil {
		return err
	}
	answer, err := x.answer(ctx, q, prompt, verdict, said)
	x.session.conversation.Answered(answer)
	return err
}

func (x exchange) rewritten(ctx context.Context, question string) (pipeline.Query, error) {
	asked := x.session.conversation.Query(question)
	queries, err := pipeline.Queries(ctx, x.rewriter, asked)
	if err != nil {
		return pipeline.Query{}, err
	}
	q := queries[0]
	if len(q.Gaps()) > 0 && q.Text == question { // the model was of no use
		carried, err := carry{}.Rewrite(ctx, asked)
		if err != nil {
			return pipeline.Query{}, err
		}
		q.Text = carried[0].Text
	}
	if q.Text == question {
		return q, nil
	}
	return q, x.tell(event{Kind: "rewritten", Text: q.Text})
}

// find shows rankings as they get better and returns the first and the last.
func (x exchange) find(ctx context.Context, q pipeline.Query) (early, final pipeline.Ranking, err error) {
	first := true
	for r, err := range x.refined(ctx, q) {
		if err != nil {
			return early, final, err
		}
		if first {
			early, first = r, false
		}
		final = r
		if err := x.tell(event{Kind: "sources", Sources: sourcesOf(r, false)}); err != nil {
			return early, final, err
		}
	}
	return early, final, nil
}

// answer writes the answer and returns what of it was told.
func (x exchange) answer(ctx context.Context, q pipeline.Query, p chat.Prompt, verdict chat.Answerability, said string) (string, error) {
	mayRemember := x.generator != nil && len(p.Turns) > 0 // a model can answer from what was said before
	unknown := verdict.Probability < unlikely || len(p.Passages) == 0
	if unknown && !mayRemember {
		return x.unknown(verdict)
	}
	checker := chat.NewChecker(p)
	if x.generator != nil {
		err := x.generate(ctx, p, checker)
		if err == nil || ctx.Err() != nil || strings.TrimSpace(checker.Text()) != "" {
			return checker.Text(), errors.Join(err, x.check(checker))
		}
		if err := x.tell(event{Kind: "gaps", Gaps: []string{"the model is not there, the answer is quoted: " + brief(err)}}); err != nil {
			return "", err
		}
	}
	r := remarkOf(p.Question)
	if text := x.recalled(r, p.Question); text != "" {
		return text, x.say(text, p)
	}
	if unknown {
		return x.unknown(verdict)
	}
	text := quoting{relevance: x.meaning, said: said, more: r == more}.answer(ctx, q, p)
	checker = chat.NewChecker(p)
	checker.Write(text)
	return text, firstError(x.tell(event{Kind: "quoted"}), x.tell(event{Kind: "piece", Text: text}), x.check(checker))
}

// say tells what was said before, whose quotes may stand in passages that have left
// the prompt.
func (x exchange) say(text string, p chat.Prompt) error {
	p.Passages = x.session.conversation.Passages
	checker := chat.NewChecker(p)
	checker.Write(text)
	return firstError(x.tell(event{Kind: "piece", Text: text}), x.done(checker, event{}))
}

// unknown says that the documents do not answer.
func (x exchange) unknown(verdict chat.Answerability) (string, error) {
	text := "I do not know. The documents do not seem to answer this: " + verdict.Reason + "."
	return text, firstError(x.tell(event{Kind: "unknown"}), x.tell(event{Kind: "piece", Text: text}), x.tell(event{Kind: "done"}))
}

// recalled answers a remark about what was said without a model, "" for others.
func (x exchange) recalled(r remark, question string) string {
	switch r {
	case again:
		return repeated(&x.session.conversation, question)
	case summary:
		return told(&x.session.conversation)
	case translate:
		return "I quote the documents word for word, in the language in which they are written. A language model could translate: start the program with -llm-url and -llm-model."
	}
	return ""
}

// generate lets the model write, up to a bound.
func (x exchange) generate(ctx context.Context, p chat.Prompt, checker *chat.Checker) error {
	var answer strings.Builder
	defer func() { checker.Write(answer.String()) }() // the page is told at the end what it is worth
	for piece, err := range pipeline.StreamText(ctx, x.generator, p.Text()) {
		if err != nil {
			return err
		}
		if answer.Len()+len(piece) > longestAnswer {
			return errEndless
		}
		answer.WriteString(piece)
		if err := x.tell(event{Kind: "piece", Text: piece}); err != nil {
			return err
		}
	}
	if strings.TrimSpace(answer.String()) == "" {
		return errors.New("it answered nothing")
	}
	return nil
}

// check tells what the answer's citations and quotes are worth.
func (x exchange) check(checker *chat.Checker) error {
	checked := checker.Checked()
	return x.done(checker, event{Invented: checked.Invented(), Uncited: len(checked.Uncited())})
}

// done tells that the answer is complete, and where its quotes stand.
func (x exchange) done(checker *chat.Checker, e event) error {
	e.Kind = "done"
	checked := checker.Checked()
	for _, q := range checked.Quotes {
		e.Quotes = append(e.Quotes, quoteOf(q, checker))
	}
	return x.tell(e)
}

// reply answers a remark without a search, as far as that can be done; false means
// that the documents have to be asked. A language model is asked what it said
// itself.
func (x exchange) reply(ctx context.Context, question string) (done bool, err error) {
	r := remarkOf(question)
	byModel := x.generator != nil && len(x.session.conversation.Turns) > 0
	var text string
	switch {
	case r == noRemark || r == more:
		return false, nil
	case r == greeting:
		text = "Hello! Ask me about " + x.about + "."
	case r == thanks:
		text = "Ask on whenever you like."
	case r == who:
		text = x.introduction()
	case !byModel:
		text = x.recalled(r, question)
	}
	prompt, err := x.session.conversation.Ask(ctx, question, pipeline.Ranking{}, x.prompting())
	if err != nil {
		return true, err
	}
	if err := x.tell(event{Kind: "passages", Sources: []source{}, Passages: passagesOf(prompt), Gaps: gapsOf(prompt.Gaps)}); err != nil {
		return true, err
	}
	if text == "" {
		text, err = x.answer(ctx, pipeline.Query{Text: question}, prompt, chat.Answerability{Probability: 1}, "")
	} else {
		err = x.say(text, prompt)
	}
	x.session.conversation.Answered(text)
	return true, err
}

func (x exchange) introduction() string {
	how := "I answer with sentences quoted from there, word for word"
	if x.generator != nil {
		how = "The language model " + x.model + " writes the answers from passages that I find there"
	}
	return "I am a program that answers questions about " + x.about + ". " + how + ", with the sources. What does not stand there, I do not know."
}

// prompting is how prompts are made.
func (x exchange) prompting() chat.Options {
	return chat.Options{Tokens: promptLimit, Passages: shown, Fetcher: x.fetcher, Focus: chat.Overlap{}, Order: chat.Edges}
}

// rails keep passages that speak to a model away from it.
var rails = cut.Predicate{Name: "rails", Report: true, Keep: func(d pipeline.Document) bool {
	_, bad := chat.Suspicious(d.Text)
	return !bad
}}

// judged says whether the documents answer: by all candidates in the order in which
// they were found, or by the order that the rerank gave them, whichever sees more;
// with the embedded model by meaning too, as far as it was in time.
func (x exchange) judged(q pipeline.Query, early, final pipeline.Ranking) chat.Answerability {
	var cosines map[string]float64
	if x.meaning != nil { // other models have other cosines
		cosines = chat.Cosines(final)
	}
	found := chat.AnswerableBy(q, early, cosines)
	if settled := chat.AnswerableBy(q, reordered(early, final), cosines); settled.Probability > found.Probability {
		return settled
	}
	return found
}

// reordered has the hits of one ranking in the order of another one, with the
// scores that they had.
func reordered(scored, order pipeline.Ranking) pipeline.Ranking {
	place := map[string]int{}
	for i, h := range order.Hits {
		place[h.Document.ID] = i + 1
	}
	hits := slices.Clone(scored.Hits)
	slices.SortStableFunc(hits, func(a, b pipeline.Hit) int {
		x, y := place[a.Document.ID], place[b.Document.ID]
		if x == 0 || y == 0 {
			return y - x
		}
		return x - y
	})
	return scored.Derive(hits)
}

var errEndless = fmt.Errorf("the model wrote more than %d bytes and was stopped", longestAnswer)

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
