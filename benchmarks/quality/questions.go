package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tmc/langchaingo/llms"

	"github.com/rankcascade/cascade/benchmarks/questions"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

const questionsHelp = `
quality questions makes a test collection of your own documents: a language model
writes questions that a document answers, and what is no good question is dropped
(too short or long, pointing at the text, copied from it, asked of several
documents, and with -check-model what the document does not answer).

  quality questions -corpus corpus.jsonl -out my-collection -url http://localhost:8080/v1 -model some-model -most 200

Before anything is sent the calls are estimated and printed; a server that is not
this machine is asked after a -yes only. It measures whether a document is found by
a question that a model made from it, which is easier than what users ask. Compare
settings of one system with it; do not quote its figures as the quality of a system.
The judgements say that they are synthetic, and so does every table.`

// questionMaking holds the flags of questions.
type questionMaking struct {
	maker                          questions.Maker
	corpus, dir, url, model, check string
	keyEnv                         string
	price                          float64
	yes, estimate                  bool
}

func questionsCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("questions", questionsHelp, errs)
	var q questionMaking
	f.StringVar(&q.corpus, "corpus", "", "documents in BEIR form (corpus.jsonl), plain, gz or zst")
	f.StringVar(&q.dir, "out", "", "the folder to write")
	f.StringVar(&q.url, "url", "", "address of a server that speaks OpenAI's form, with /v1")
	f.StringVar(&q.model, "model", "", "the model that writes the questions")
	f.StringVar(&q.check, "check-model", "", "the model that says whether a document answers a question; empty checks nothing")
	f.StringVar(&q.keyEnv, "key-env", "", "the environment variable that holds the key; empty for none")
	f.Float64Var(&q.price, "price", 0, "for a million tokens of prompts, for the estimate")
	f.BoolVar(&q.estimate, "estimate", false, "print what would be asked, and stop")
	f.BoolVar(&q.yes, "yes", false, "ask without asking, whatever it costs")
	ranked := f.String("ranked", "", "models of the systems that will be compared; -model must not be among them")
	f.IntVar(&q.maker.Count, "count", 1, "questions of each document")
	f.IntVar(&q.maker.Most, "most", 0, "documents at most; 0 for all")
	f.IntVar(&q.maker.Budget, "budget", 0, "calls at most; 0 for no bound")
	f.IntVar(&q.maker.Concurrency, "concurrency", 4, "documents that are asked about at once")
	f.Float64Var(&q.maker.Train, "train", 0, "share of sources whose questions are for tuning")
	f.Uint64Var(&q.maker.Seed, "seed", 1, "seed of the choice and of the sides")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	q.maker.Name, q.maker.Ranked = q.model, fileNames(*ranked)
	return q.make(ctx, out)
}

func (q *questionMaking) make(ctx context.Context, out io.Writer) error {
	if q.corpus == "" || q.dir == "" || q.url == "" || q.model == "" {
		return usage("-corpus, -out, -url and -model are all needed")
	}
	var documents []trec.Document
	for d, err := range trec.Documents(q.corpus, trec.Options{}) {
		if err != nil {
			return err
		}
		documents = append(documents, d)
	}
	var err error
	if q.maker.Model, err = q.generator(q.model); err != nil {
		return err
	}
	if q.check != "" {
		if q.maker.Check, err = q.generator(q.check); err != nil {
			return err
		}
	}
	e := q.maker.Estimate(documents)
	fmt.Fprintf(out, "estimate: %v, price of the prompts %.4f\n", e, q.price*float64(e.Tokens)/1e6)
	if q.estimate {
		return nil
	}
	if !q.yes && !isLocal(q.url) {
		return errors.New("this may cost money, and nothing was sent: run it again with -yes, or see -estimate")
	}
	set, err := q.maker.Make(ctx, documents)
	if err != nil {
		return err
	}
	if err := set.Write(q.dir); err != nil {
		return err
	}
	fmt.Fprintf(out, "%v; in %s\n", set, q.dir)
	return nil
}

func (q *questionMaking) generator(model string) (pipeline.Generator, error) {
	return endpoint{url: q.url, model: model, keyEnv: q.keyEnv}.generator(llms.WithTemperature(0))
}
