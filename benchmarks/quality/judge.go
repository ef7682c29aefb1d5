package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/llmjudge"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const judgeHelp = `
quality judge has a language model grade what runs returned, and says how far its
grades agree with those of people.

  quality judge -runs bm25.txt,reranked.txt -depth 10 -corpus corpus.jsonl -topics queries.jsonl \
    -url http://localhost:8080/v1 -model some-model -out judged.qrels
  quality judge ... -votes 3 -human qrels.tsv -measures nDCG@10,AP

The first -depth documents of every run are graded, in an order that says nothing of
the runs. Before anything is sent the calls are counted and printed; a server that
is not this machine is asked after a -yes only. Answers are kept beside -out, in
OUT.answers.jsonl, so that a judging which was stopped goes on and nothing is paid
for twice; delete the file to ask anew.

A model must not grade its own work: name the models behind the runs with -ranked. A
run whose tag names the model is refused too.

The judgements that are written say that they are synthetic, and so does every table
that is measured with them. With -human, the table shows Cohen's kappa of the grades
and of relevant against not, the mean difference of grades, and Kendall's tau of the
order in which both put the runs, each with its interval of 95 % over topics. Only
where those are high do figures of the model's judgements stand for people's.

A -prompt of your own is a file that holds {query} and {document}; the answer must
hold one whole number from 0 to -highest.`

// judgement holds the flags of judge.
type judgement struct {
	judge                            llmjudge.Judge
	client                           endpoint
	runs, corpus, topics, out, human string
	measures, prompt, format         string
	depth                            int
	price, temperature               float64
	yes, estimate, lenient           bool
	seed                             uint64
	chosen                           table.Format
	wanted                           []measure.Measure
	pool                             []llmjudge.Pair
	read                             []*trec.Run
	queries, documents               map[string]string
	warnings                         []string
}

func judgeCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("judge", judgeHelp, errs)
	var j judgement
	f.StringVar(&j.runs, "runs", "", "runs whose documents are graded, separated by commas")
	f.IntVar(&j.depth, "depth", 10, "documents of each ranking that are graded")
	f.StringVar(&j.corpus, "corpus", "", "documents in BEIR form (corpus.jsonl), plain, gz or zst")
	f.StringVar(&j.topics, "topics", "", "topics in BEIR form (queries.jsonl), plain, gz or zst")
	f.StringVar(&j.out, "out", "", "the judgements to write")
	f.StringVar(&j.human, "human", "", "judgements of people to compare with")
	f.StringVar(&j.measures, "measures", "nDCG@10", "measures by which both order the runs")
	f.StringVar(&j.client.url, "url", "", "address of a server that speaks OpenAI's form, with /v1")
	f.StringVar(&j.client.model, "model", "", "the model that grades")
	f.StringVar(&j.client.keyEnv, "key-env", "", "the environment variable that holds the key; empty for none")
	f.StringVar(&j.prompt, "prompt", "", "file with the prompt; empty for one that asks for a grade from 0 to 3")
	ranked := f.String("ranked", "", "models that made or reranked the runs; -model must not be among them")
	f.IntVar(&j.judge.Highest, "highest", 3, "the highest grade that the prompt asks for")
	f.IntVar(&j.judge.Votes, "votes", 1, "how often each document is asked about; the median counts")
	f.Float64Var(&j.temperature, "temperature", -1, "of the model; -1: 0 for one vote, 0.7 for several")
	f.IntVar(&j.judge.Concurrency, "concurrency", 4, "documents that are asked about at once")
	f.IntVar(&j.judge.Budget, "budget", 0, "calls at most; 0 for no bound")
	f.Float64Var(&j.price, "price", 0, "for a million tokens of prompts, for the estimate")
	f.BoolVar(&j.estimate, "estimate", false, "print what would be asked, and stop")
	f.BoolVar(&j.yes, "yes", false, "ask without asking, whatever it costs")
	f.BoolVar(&j.lenient, "lenient", false, "skip malformed lines and list them, instead of stopping at the first")
	f.Uint64Var(&j.seed, "seed", 1, "seed of the intervals")
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	j.format, j.judge.Name, j.judge.Ranked = *format, j.client.model, fileNames(*ranked)
	if err := j.prepare(errs); err != nil {
		return err
	}
	e := j.judge.Estimate(j.pool, j.texts())
	fmt.Fprintf(errs, "estimate: %v, price of the prompts %.4f\n", e, j.price*float64(e.Tokens)/1e6)
	if j.estimate {
		return nil
	}
	return j.grade(ctx, out, errs)
}

// prepare checks the flags and reads everything that the model is asked about.
func (j *judgement) prepare(errs io.Writer) error {
	var err error
	switch {
	case j.runs == "" || j.corpus == "" || j.topics == "" || j.out == "" || j.client.url == "" || j.client.model == "":
		return usage("-runs, -corpus, -topics, -out, -url and -model are all needed")
	case j.depth < 1 || j.judge.Votes < 1:
		return usage("-depth %d, -votes %d: both begin at 1", j.depth, j.judge.Votes)
	case sameFile(j.out, j.human):
		return usage("-out is the file of -human: it would be lost")
	}
	if j.chosen, err = table.ParseFormat(j.format); err != nil {
		return usage("-format: %v", err)
	}
	if j.wanted, err = measure.Parse(j.measures); err != nil {
		return usage("-measures: %v", err)
	}
	if j.prompt != "" {
		text, err := os.ReadFile(j.prompt)
		if err != nil {
			return err
		}
		j.judge.Prompt = string(text)
	}
	if j.read, err = loadRuns(j.runs, j.lenient, errs); err != nil {
		return err
	}
	if err := j.guard(); err != nil {
		return err
	}
	j.pool = llmjudge.Pool(j.read, j.depth)
	return j.readTexts()
}

// sameFile reports whether two names are those of one file that exists.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// guard refuses a run whose tag names the model: it would prefer its own order.
func (j *judgement) guard() error {
	name := strings.ToLower(j.client.model[strings.LastIndexByte(j.client.model, '/')+1:])
	for _, r := range j.read {
		if len(name) >= 4 && strings.Contains(strings.ToLower(r.Name), name) {
			return fmt.Errorf("the tag of the run %s names the model %s, which would grade its own order: let another model judge", r.Name, j.client.model)
		}
	}
	return nil
}

// readTexts keeps the texts of the pool.
func (j *judgement) readTexts() error {
	j.queries, j.documents = map[string]string{}, map[string]string{}
	for _, p := range j.pool {
		j.documents[p.Document] = ""
	}
	for q, err := range trec.Questions(j.topics, trec.Options{Lenient: j.lenient}) {
		if err != nil {
			return fmt.Errorf("-topics: %w", err)
		}
		j.queries[q.ID] = q.Text
	}
	found := false
	for d, err := range trec.Documents(j.corpus, trec.Options{Lenient: j.lenient}) {
		if err != nil {
			return fmt.Errorf("-corpus: %w", err)
		}
		if _, pooled := j.documents[d.ID]; pooled {
			j.documents[d.ID], found = strings.TrimSpace(d.Title+"\n"+d.Text), true
		}
	}
	if !found {
		return fmt.Errorf("none of the documents of the runs is in the corpus %s: do their ids belong together?", j.corpus)
	}
	return nil
}

func (j *judgement) texts() llmjudge.Texts {
	look := func(in map[string]string) func(string) (string, bool) {
		return func(id string) (string, bool) { text, ok := in[id]; return text, ok }
	}
	return llmjudge.Texts{Query: look(j.queries), Document: look(j.documents)}
}

// grade asks the model, writes the judgements and compares them.
func (j *judgement) grade(ctx context.Context, out, errs io.Writer) (err error) {
	if !j.yes && !isLocal(j.client.url) {
		return errors.New("this may cost money, and nothing was sent: run it again with -yes, or see -estimate")
	}
	temperature := j.temperature
	if temperature < 0 && j.judge.Votes > 1 {
		temperature = .7
	}
	model, err := j.client.generator(llms.WithTemperature(max(0, temperature)))
	if err != nil {
		return err
	}
	j.judge.Model = model
	if err := j.judge.Check(j.pool, j.texts()); err != nil {
		return err
	}
	journal, err := llmjudge.OpenJournal(j.out+".answers.jsonl", model, fmt.Sprintf("%s at %v", j.client.model, max(0, temperature)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	if n := journal.Kept(); n > 0 {
		fmt.Fprintf(errs, "%s of an earlier judging in %s.answers.jsonl\n", wording.Count(n, "answer"), j.out)
	}
	j.judge.Model = journal
	grades, err := j.judge.Grade(ctx, j.pool, j.texts())
	if err != nil {
		return err
	}
	if err := writeFile(j.out, func(w io.Writer) error { return trec.WriteQrels(w, grades.Qrels) }); err != nil {
		return err
	}
	fmt.Fprintf(errs, "wrote %s\n", j.out)
	t, err := j.table(grades)
	if err != nil {
		return err
	}
	return t.Write(out, j.chosen)
}

// table says what was graded and, with human judgements, how both agree.
func (j *judgement) table(g *llmjudge.Grades) (*table.Table, error) {
	t := &table.Table{Columns: []string{"agreement", "value", "low", "high", "of"}}
	graded := 0
	for _, topic := range g.Qrels.Topics {
		graded += len(topic.Judged)
	}
	t.Notes = []string{fmt.Sprintf("%s of %s graded by %s, %s each; votes differ in %d; no answer could be read of %d; %d without a text",
		wording.Count(graded, "document"), wording.Count(len(g.Qrels.Topics), "topic"), j.client.model, wording.Count(j.judge.Votes, "vote"), g.Split, len(g.Unread), g.Textless)}
	j.warnings = append(j.warnings, "the judgements "+j.out+" are synthetic: no human gave them")
	if n := len(g.Unread); 10*n > graded {
		j.warnings = append(j.warnings, fmt.Sprintf("no grade could be read from the answers to %s: is the prompt understood?", wording.Of(n, n+graded, "question")))
	}
	if j.human == "" {
		t.Columns, t.Rows = []string{"grade", "documents"}, gradeCounts(g.Qrels)
		t.Warnings = j.warnings
		return t, nil
	}
	human, err := trec.ReadQrelsFile(j.human, trec.Options{Lenient: j.lenient})
	if err != nil {
		return nil, err
	}
	if human.Synthetic {
		j.warnings = append(j.warnings, "the judgements "+j.human+" are synthetic too: what follows is no agreement with people")
	}
	if err := j.compare(t, human, g.Qrels); err != nil {
		return nil, err
	}
	t.Warnings = j.warnings
	return t, nil
}

// gradeCounts counts the documents of each grade.
func gradeCounts(q *trec.Qrels) [][]any {
	var rows [][]any
	for _, t := range q.Topics {
		for _, d := range t.Judged {
			for len(rows) <= d.Grade {
				rows = append(rows, []any{len(rows), 0})
			}
			rows[d.Grade][1] = rows[d.Grade][1].(int) + 1
		}
	}
	return rows
}

// compare adds the rows of the agreement with people.
func (j *judgement) compare(t *table.Table, human, model *trec.Qrels) error {
	sampling := stats.Sampling{Samples: 10_000, Seed: j.seed}
	a, err := llmjudge.Agree(human, model, sampling)
	if err != nil {
		return err
	}
	pairs := fmt.Sprintf("%s of %s", wording.Count(a.Pairs, "document"), wording.Count(a.Topics, "topic"))
	row := func(name string, value float64, i stats.Interval, of string) {
		if i.Level == 0 {
			t.Add(name, value, "", "", of)
			return
		}
		t.Add(name, value, i.Low, i.High, of)
	}
	row("equal grades", a.Same, stats.Interval{}, pairs)
	row("kappa of grades", a.Kappa, a.KappaInterval, pairs)
	row("kappa of relevant or not", a.BinaryKappa, a.BinaryInterval, pairs)
	row("mean grade, model - people", a.Shift, a.Interval, pairs)
	for _, m := range j.wanted {
		order, err := llmjudge.SystemOrder(human, model, j.read, m, measure.Options{}, sampling)
		if err != nil {
			j.warnings = append(j.warnings, fmt.Sprintf("no tau of the runs by %v: %v", m, err))
			continue
		}
		row(fmt.Sprintf("tau of the runs by %v", m), order.Tau, order.Interval, fmt.Sprintf("%s, %s", wording.Count(order.Systems, "run"), wording.Count(order.Topics, "topic")))
	}
	return nil
}
