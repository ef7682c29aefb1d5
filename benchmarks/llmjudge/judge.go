// Package llmjudge lets a language model grade documents, and says how far its
// grades can be trusted.
//
//	judge := llmjudge.Judge{Model: model, Name: "some-model", Votes: 3}
//	pairs := llmjudge.Pool(runs, 10)              // what is to be graded
//	fmt.Println(judge.Estimate(pairs, texts))     // before anything is sent
//	grades, err := judge.Grade(ctx, pairs, texts)
//	agreement, err := llmjudge.Agree(human, grades.Qrels, stats.Sampling{})
//
// The judgements are marked as synthetic, and every table that is measured with
// them says so. A model must not judge rankings that it made itself: name the models
// behind the runs, and Grade refuses.
package llmjudge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// DefaultPrompt asks for a grade from 0 to 3.
const DefaultPrompt = `Grade how well the passage answers the query.
3: it is dedicated to the query and answers it. 2: it answers the query, with other matter around.
1: it is about the matter of the query and does not answer it. 0: it has nothing to do with the query.

Query: {query}
Passage: {document}

Answer with the grade alone.`

// Judge grades pairs of query and document. Model is required. It is safe for
// concurrent use if the model is.
type Judge struct {
	Model pipeline.Generator
	// Name is the model's, for the guard against judging its own work.
	Name string
	// Prompt is the question, with {query} and {document}; "" is DefaultPrompt.
	Prompt string
	// Highest is the highest grade that an answer may give; 0 means 3.
	Highest int
	// Votes is how often every pair is asked; the grade is the median, the lower of
	// two middle ones. 0 means 1.
	Votes int
	// Ranked names the models that made or reranked the runs to be judged. Grade
	// refuses if Name is among them.
	Ranked []string
	// Concurrency is how many pairs are asked at once; 0 means 1.
	Concurrency int
	// Budget bounds the calls; 0 is no bound. Grade refuses before it sends anything
	// if more would be needed.
	Budget int
}

// Pair is a document to be graded for a topic.
type Pair struct{ Topic, Document string }

// Texts looks up what the model reads.
type Texts struct {
	Query    func(topic string) (string, bool)
	Document func(id string) (string, bool)
}

// Pool returns the pairs that stand among the first k of any run, in ascending
// order: nothing in the order or the number of a pair says which system found it.
func Pool(runs []*trec.Run, k int) []Pair {
	var pairs []Pair
	for _, r := range runs {
		for _, t := range r.Topics {
			order := trec.Order{}.Ranking(t.Entries, nil)
			for _, i := range order[:min(k, len(order))] {
				pairs = append(pairs, Pair{t.ID, t.Entries[i].Document})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Document, b.Document))
	})
	return slices.Compact(pairs)
}

// Estimate is what grading would ask of the model.
type Estimate struct {
	Pairs, Calls int
	// Tokens is a quarter of the prompts' bytes: within a quarter for English.
	Tokens int
}

// String prints the estimate in one line.
func (e Estimate) String() string {
	return fmt.Sprintf("about %s for %s, %s of prompts", wording.Count(e.Calls, "call"), wording.Count(e.Pairs, "pair"), wording.Count(e.Tokens, "token"))
}

// Estimate works out what Grade would send. Pairs without a text are left out.
func (j Judge) Estimate(pairs []Pair, t Texts) Estimate {
	var e Estimate
	for _, p := range pairs {
		if prompt, ok := j.prompt(p, t); ok {
			e.Pairs++
			e.Calls += j.votes()
			e.Tokens += j.votes() * ((len(prompt) + 3) / 4)
		}
	}
	return e
}

func (j Judge) votes() int { return max(1, j.Votes) }

func (j Judge) highest() int { return cmp.Or(j.Highest, 3) }

func (j Judge) prompt(p Pair, t Texts) (string, bool) {
	query, asked := t.Query(p.Topic)
	document, known := t.Document(p.Document)
	if !asked || !known || strings.TrimSpace(document) == "" {
		return "", false
	}
	// One pass: a text that holds {document} is not replaced again.
	return strings.NewReplacer("{query}", query, "{document}", document).Replace(cmp.Or(j.Prompt, DefaultPrompt)), true
}

// Grades is what a model gave.
type Grades struct {
	// Qrels are marked as synthetic.
	Qrels *trec.Qrels
	// Calls counts what was sent; Textless pairs have no text and no grade.
	Calls, Textless int
	// Unread are the pairs for which no answer held a grade: they are not judged.
	Unread []Pair
	// Split counts the pairs whose votes differ.
	Split int
}

// Grade asks the model for every pair. Errors: a missing model, a prompt without
// {document}, a model that ranked the runs, a budget that does not suffice, and the
// first error of the model, for half of the grades would bias every figure.
func (j Judge) Grade(ctx context.Context, pairs []Pair, t Texts) (*Grades, error) {
	if err := j.Check(pairs, t); err != nil {
		return nil, err
	}
	votes := make([][]int, len(pairs))
	texts := make([]bool, len(pairs))
	p := pool.New().WithErrors().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(max(1, j.Concurrency))
	for i, pair := range pairs {
		prompt, ok := j.prompt(pair, t)
		if !ok {
			continue
		}
		texts[i] = true
		p.Go(func(ctx context.Context) (err error) {
			votes[i], err = j.ask(ctx, prompt)
			if err != nil {
				return fmt.Errorf("llmjudge: topic %s, document %s: %w", pair.Topic, pair.Document, err)
			}
			return nil
		})
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	return j.collect(pairs, votes, texts), nil
}

// Check returns the error with which Grade would refuse before it sends anything.
func (j Judge) Check(pairs []Pair, t Texts) error {
	if err := j.check(pairs, t); err != nil {
		return fmt.Errorf("llmjudge: %w", err)
	}
	return nil
}

func (j Judge) check(pairs []Pair, t Texts) error {
	switch {
	case j.Model == nil:
		return errors.New("the model is nil")
	case t.Query == nil || t.Document == nil:
		return errors.New("the texts of queries and documents are both needed")
	case j.Prompt != "" && (!strings.Contains(j.Prompt, "{document}") || !strings.Contains(j.Prompt, "{query}")):
		return errors.New("the prompt must hold {query} and {document}")
	case j.Name != "" && slices.ContainsFunc(j.Ranked, func(m string) bool { return strings.EqualFold(m, j.Name) }):
		return fmt.Errorf("the model %s ranked what it would judge: it would prefer its own order", j.Name)
	case j.highest() < 1 || j.highest() > trec.MaxGrade:
		return fmt.Errorf("the highest grade %d is not between 1 and %d", j.Highest, trec.MaxGrade)
	}
	if e := j.Estimate(pairs, t); j.Budget > 0 && e.Calls > j.Budget {
		return fmt.Errorf("%v are more than the budget of %s, and nothing was sent", e, wording.Count(j.Budget, "call"))
	}
	return nil
}

func (j Judge) ask(ctx context.Context, prompt string) ([]int, error) {
	var votes []int
	for range j.votes() {
		answer, err := j.Model.Generate(ctx, prompt)
		if err != nil {
			return nil, err
		}
		if grade, ok := j.read(answer); ok {
			votes = append(votes, grade)
		}
	}
	return votes, nil
}

// read takes the grade out of an answer: its only whole number, within the range.
// An answer with several numbers, a fraction or none holds no grade.
func (j Judge) read(answer string) (int, bool) {
	words := strings.FieldsFunc(answer, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' && r != '-' && r != '/' })
	found := -1
	for _, w := range words {
		w = strings.TrimRight(w, ".-/")
		if w == "" {
			continue
		}
		grade, err := strconv.Atoi(w)
		if err != nil || grade < 0 || grade > j.highest() || found >= 0 && found != grade {
			return 0, false
		}
		found = grade
	}
	return found, found >= 0
}

func (j Judge) collect(pairs []Pair, votes [][]int, texts []bool) *Grades {
	g := &Grades{}
	var topics []trec.Judgements
	for i, p := range pairs {
		if !texts[i] {
			g.Textless++
			continue
		}
		g.Calls += j.votes()
		v := slices.Sorted(slices.Values(votes[i]))
		if len(v) == 0 {
			g.Unread = append(g.Unread, p)
			continue
		}
		if v[0] != v[len(v)-1] {
			g.Split++
		}
		if len(topics) == 0 || topics[len(topics)-1].ID != p.Topic {
			topics = append(topics, trec.Judgements{ID: p.Topic})
		}
		t := &topics[len(topics)-1]
		t.Judged = append(t.Judged, trec.Judgement{Document: p.Document, Grade: v[(len(v)-1)/2]})
	}
	g.Qrels = trec.NewQrels(topics)
	g.Qrels.Synthetic = true
	return g
}
