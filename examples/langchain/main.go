package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/schema"
)

// unprompted are asked if the command line has no question.
var unprompted = []string{
	"what does it cost if I bring a film back late?",
	"may old maps leave the room?",
	"how long is a reserved book kept for me?",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "langchain:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, questions []string, out io.Writer) (err error) {
	if len(questions) == 0 {
		questions = unprompted
	}
	search, closeIndex, err := newSearch(ctx, handbook)
	if err != nil {
		return err
	}
	defer func() {
		if e := closeIndex(); err == nil {
			err = e
		}
	}()
	retriever := langchain.AsRetriever(search, langchain.Output{
		OnRanking: func(_ context.Context, _ pipeline.Query, r pipeline.Ranking) {
			for _, gap := range r.Gaps {
				fmt.Fprintln(out, "degraded:", gap)
			}
		},
	})
	qa := chains.NewRetrievalQAFromLLM(quoter{}, retriever)
	qa.ReturnSourceDocuments = true
	for _, question := range questions {
		answer, err := chains.Call(ctx, qa, map[string]any{"query": question})
		if err != nil {
			return fmt.Errorf("%q: %w", question, err)
		}
		fmt.Fprintf(out, "Question: %s\nAnswer:   %s\n\n", question, answer["text"])
		sources, _ := answer["source_documents"].([]schema.Document)
		writeSources(out, sources)
	}
	return nil
}

// writeSources prints each source with its place and score in every stage, as
// its metadata tell.
func writeSources(out io.Writer, sources []schema.Document) {
	for i, d := range sources {
		fmt.Fprintf(out, "  %d. %-22s %.4f\n", i+1, d.Metadata["title"], d.Score)
		record, _ := d.Metadata[langchain.DefaultMetadataKey].(map[string]any)
		stages, _ := record["stages"].([]any)
		for _, s := range stages {
			stage, _ := s.(map[string]any)
			fmt.Fprintf(out, "       %-10s rank %-3v %9.4f  %v\n", stage["stage"], stage["rank"], stage["score"], stage["scale"])
		}
	}
	fmt.Fprintln(out)
}
