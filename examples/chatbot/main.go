// Chatbot answers questions about text files, in one page of code.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/tmc/langchaingo/llms/openai"
)

func main() {
	if len(os.Args) < 4 {
		must(0, errors.New("usage, with NEBIUS_API_KEY set: chatbot URL MODEL FILE"))
	}
	llm := must(openai.New(openai.WithBaseURL(os.Args[1]), openai.WithModel(os.Args[2]), openai.WithToken(os.Getenv("NEBIUS_API_KEY"))))
	ctx, model := context.Background(), langchain.Generator(llm)
	search := pipeline.Rewrite(rewrite.Condense(model, rewrite.Options{}), must(bleve.New(ctx, paragraphs(os.Args[3:]), bleve.Options{})))
	var c chat.Conversation
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		ranking := must(search.Retrieve(ctx, c.Query(in.Text())))
		prompt := must(c.Ask(ctx, in.Text(), ranking, chat.Options{Tokens: 4000}))
		checker := chat.NewChecker(prompt)
		for piece, err := range pipeline.StreamText(ctx, model, prompt.Text()) {
			fmt.Print(must(piece, err))
			checker.Write(piece)
		}
		c.Answered(checker.Text())
		fmt.Println("\ncited but not there:", checker.Checked().Invented(), "degraded:", prompt.Gaps)
	}
}

func paragraphs(files []string) func(yield func(pipeline.Document, error) bool) {
	return func(yield func(pipeline.Document, error) bool) {
		for _, name := range files {
			text, err := os.ReadFile(name)
			for i, p := range strings.Split(string(text), "\n\n") {
				if !yield(pipeline.Document{ID: fmt.Sprint(name, "#", i+1), Text: p}, err) {
					return
				}
			}
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "chatbot:", err)
		os.Exit(1)
	}
	return value
}
