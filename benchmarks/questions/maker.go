package questions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// DefaultPrompt asks for questions. {count} is their number.
const DefaultPrompt = `Below is a passage from a collection of documents. Write {count} that somebody could ask who does not have the passage
and whom it would answer. Use your own words, name what the question is about, and do not refer to the passage, its author or its form.
Write each question in a line of its own, and nothing else.

Passage: {document}`

// CheckPrompt asks whether a document answers a question.
const CheckPrompt = `Does the passage answer the question completely? Answer with yes or no alone.

Question: {query}
Passage: {document}`

// Maker makes questions. Model is required. It is safe for concurrent use if the
// models are.
type Maker struct {
	Model pipeline.Generator
	// Name is the model's, for the record and for the guard below.
	Name string
	// Prompt has {document} and may have {count}; "" is DefaultPrompt.
	Prompt string
	// Count is how many questions are asked for of each document; 0 means 1.
	Count int
	// Words and MostWords are the fewest and the most words of a question; 0 means 4
	// and 30.
	Words, MostWords int
	// Copy is the longest stretch of words that a question may have in common with
	// its document; 0 means 6.
	Copy int
	// Pointers are the phrases that point at the text; nil means Pointers().
	Pointers []string
	// Check, if not nil, is asked whether the document answers each question that is
	// left; a question that it does not say yes to is dropped. Another model than
	// Model is the better judge. CheckPrompt has {query} and {document}; "" is the
	// default.
	Check       pipeline.Generator
	CheckPrompt string
	// Ranked names the models of the systems that will be compared with the set. Make
	// refuses if Name is among them: a model finds what it asked itself too easily.
	Ranked []string
	// Train is the share of sources whose questions are for tuning, in [0, 1). Source
	// names a document's source; nil takes the metadata "source", or else the id up
	// to the first '#'. The documents of one source stay on one side.
	Train  float64
	Source func(trec.Document) string
	// Most bounds the documents that questions are made of, chosen by the seed; 0 is
	// no bound.
	Most int
	Seed uint64
	// Concurrency is how many documents are asked about at once; 0 means 1.
	Concurrency int
	// Budget bounds the calls; 0 is no bound. Make refuses before it sends anything if
	// more could be needed.
	Budget int
}

// Estimate is what making the set would ask of the models, at most.
type Estimate struct {
	Documents, Calls int
	// Tokens is a quarter of the prompts' bytes: within a quarter for English.
	Tokens int
}

// String prints the estimate in one line.
func (e Estimate) String() string {
	return fmt.Sprintf("about %s for %s, %s of prompts", wording.Count(e.Calls, "call"), wording.Count(e.Documents, "document"), wording.Count(e.Tokens, "token"))
}

// Estimate works out what Make would send at most. Documents without a text are left
// out; a question that is checked is taken to be of 20 words.
func (m Maker) Estimate(documents []trec.Document) Estimate {
	var e Estimate
	for _, d := range m.chosen(documents) {
		e.Documents++
		e.Calls++
		e.Tokens += tokens(m.prompt(d))
		if m.Check != nil {
			e.Calls += m.count()
			e.Tokens += m.count() * tokens(m.check(strings.Repeat("words ", 20), d))
		}
	}
	return e
}

func tokens(prompt string) int { return (len(prompt) + 3) / 4 }

func (m Maker) count() int { return cmp.Or(m.Count, 1) }

func (m Maker) prompt(d trec.Document) string {
	count := "one question"
	if m.count() > 1 {
		count = fmt.Sprintf("%d different questions", m.count())
	}
	return strings.NewReplacer("{count}", count, "{document}", textOf(d)).Replace(cmp.Or(m.Prompt, DefaultPrompt))
}

func (m Maker) check(question string, d trec.Document) string {
	return strings.NewReplacer("{query}", question, "{document}", textOf(d)).Replace(cmp.Or(m.CheckPrompt, CheckPrompt))
}

func textOf(d trec.Document) string { return strings.TrimSpace(d.Title + "\n" + d.Text) }

// chosen are the documents with a text, at most Most, in their order.
func (m Maker) chosen(documents []trec.Document) []trec.Document {
	var all []trec.Document
	for _, d := range documents {
		if strings.TrimSpace(d.Text) != "" {
			all = append(all, d)
		}
	}
	if m.Most == 0 || len(all) <= m.Most {
		return all
	}
	at := make([]int, len(all))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int {
		return cmp.Or(cmp.Compare(hash(m.Seed, "\x00"+all[a].ID), hash(m.Seed, "\x00"+all[b].ID)), cmp.Compare(a, b))
	})
	at = at[:m.Most]
	slices.Sort(at)
	var some []trec.Document
	for _, i := range at {
		some = append(some, all[i])
	}
	return some
}

// Make asks for the questions and drops those that are no good. Errors: a missing
// model, a prompt without {document}, options out of range, a model that is among
// those to be compared, a budget that does not suffice, the first error of a model
// (a half of the documents would be another collection), and no question at all.
func (m Maker) Make(ctx context.Context, documents []trec.Document) (*Set, error) {
	if err := m.checkOptions(documents); err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	chosen := m.chosen(documents)
	asked := make([][]candidate, len(chosen))
	p := pool.New().WithErrors().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(max(1, m.Concurrency))
	for i, d := range chosen {
		p.Go(func(ctx context.Context) (err error) {
			if asked[i], err = m.ask(ctx, d); err != nil {
				return fmt.Errorf("questions: document %s: %w", d.ID, err)
			}
			return nil
		})
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	s := m.collect(documents, chosen, asked)
	if len(s.Questions) == 0 {
		return nil, fmt.Errorf("questions: of %d documents no question is left: %s", len(chosen), s.losses())
	}
	return s, nil
}

func (m Maker) checkOptions(documents []trec.Document) error {
	switch {
	case m.Model == nil:
		return errors.New("the model is nil")
	case m.Prompt != "" && !strings.Contains(m.Prompt, "{document}"):
		return errors.New("the prompt must hold {document}")
	case m.CheckPrompt != "" && (!strings.Contains(m.CheckPrompt, "{document}") || !strings.Contains(m.CheckPrompt, "{query}")):
		return errors.New("the prompt of the check must hold {query} and {document}")
	case m.Count < 0 || m.Words < 0 || m.MostWords < 0 || m.Copy < 0 || m.Most < 0 || m.Budget < 0 || !(m.Train >= 0 && m.Train < 1):
		return fmt.Errorf("no number may be negative, and the share for tuning must be below 1, got %v", m.Train)
	case m.Name != "" && slices.ContainsFunc(m.Ranked, func(r string) bool { return strings.EqualFold(r, m.Name) }):
		return fmt.Errorf("the model %s is among those that are to be compared: it would find its own questions too easily", m.Name)
	}
	if e := m.Estimate(documents); m.Budget > 0 && e.Calls > m.Budget {
		return fmt.Errorf("%v are more than the budget of %s, and nothing was sent", e, wording.Count(m.Budget, "call"))
	}
	return nil
}

// candidate is a question with what is wrong with it, if anything.
type candidate struct {
	text    string
	dropped Reason
}

// ask asks about one document, and checks what comes back.
func (m Maker) ask(ctx context.Context, d trec.Document) ([]candidate, error) {
	answer, err := m.Model.Generate(ctx, m.prompt(d))
	if err != nil {
		return nil, err
	}
	texts := read(answer, m.count())
	if len(texts) == 0 {
		return []candidate{{dropped: NoAnswer}}, nil
	}
	var out []candidate
	for _, text := range texts {
		c := candidate{text: text, dropped: m.flaw(text, d)}
		if c.dropped == "" && m.Check != nil {
			verdict, err := m.Check.Generate(ctx, m.check(text, d))
			if err != nil {
				return nil, fmt.Errorf("check: %w", err)
			}
			if first := words(verdict); len(first) == 0 || first[0] != "yes" {
				c.dropped = Unanswered
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// flaw is what can be seen without a model.
func (m Maker) flaw(text string, d trec.Document) Reason {
	phrases := m.Pointers
	if phrases == nil {
		phrases = Pointers()
	}
	own := words(text)
	switch {
	case len(own) < cmp.Or(m.Words, 4) || len(own) > cmp.Or(m.MostWords, 30):
		return Length
	case points(own, phrases):
		return Pointing
	case copied(own, words(textOf(d))) > cmp.Or(m.Copy, 6):
		return Copied
	}
	return ""
}

// collect numbers the questions and deals them out.
func (m Maker) collect(documents, chosen []trec.Document, asked [][]candidate) *Set {
	s := &Set{Documents: documents, Model: m.Name, Checked: m.Check != nil, Asked: len(chosen), Dropped: map[Reason]int{}}
	of := map[string]string{} // the document of a question, by its words
	several := map[string]bool{}
	for i, candidates := range asked {
		for _, c := range candidates {
			key := strings.Join(words(c.text), " ")
			if first, ok := of[key]; ok && first != chosen[i].ID {
				several[key] = true
			}
			of[key] = chosen[i].ID
		}
	}
	var train, test []trec.Judgements
	seen := map[string]bool{}
	for i, candidates := range asked {
		for n, c := range candidates {
			key := strings.Join(words(c.text), " ")
			if c.dropped == "" && (several[key] || seen[key]) {
				c.dropped = Repeated
			}
			seen[key] = true
			if c.dropped != "" {
				s.Dropped[c.dropped]++
				continue
			}
			id := fmt.Sprintf("made-%s-%d", chosen[i].ID, n+1)
			s.Questions = append(s.Questions, trec.Question{ID: id, Text: c.text})
			judged := trec.Judgements{ID: id, Judged: []trec.Judgement{{Document: chosen[i].ID, Grade: 1}}}
			if m.trains(chosen[i]) {
				train = append(train, judged)
			} else {
				test = append(test, judged)
			}
		}
	}
	s.Train, s.Test = trec.NewQrels(train), trec.NewQrels(test)
	s.Train.Synthetic, s.Test.Synthetic = true, true
	return s
}

// trains deals a document's source to one side.
func (m Maker) trains(d trec.Document) bool {
	source := m.Source
	if source == nil {
		source = sourceOf
	}
	return float64(hash(m.Seed, source(d))>>11)/(1<<53) < m.Train
}

func sourceOf(d trec.Document) string {
	if source, ok := d.Metadata["source"].(string); ok && source != "" {
		return source
	}
	id, _, _ := strings.Cut(d.ID, "#")
	return id
}

// hash is FNV-1a with a seed, finished by SplitMix64.
func hash(seed uint64, text string) uint64 {
	h := 14695981039346656037 ^ seed*0x9e3779b97f4a7c15
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
