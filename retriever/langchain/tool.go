package langchain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/callbacks"
	"github.com/tmc/langchaingo/schema"
)

// Tool is a pipeline as a tool of a langchaingo agent: it has the methods of
// tools.Tool. Make one with AsTool. It is a small value, safe for concurrent use
// once its fields are set.
type Tool struct {
	// CallbacksHandler is told start, end and error of every call, as by
	// langchaingo's own tools. Nil tells nobody.
	CallbacksHandler callbacks.Handler

	name, description string
	retriever         Retriever
}

var _ callbacks.HandlerHaver = Tool{}

// AsTool makes a tool of a pipeline. Name and description are what the model
// reads when it chooses a tool, and must not be empty. At most one Output may be
// given; a mistake is the error of every call.
func AsTool(p pipeline.Retriever, name, description string, output ...Output) Tool {
	t := Tool{name: name, description: description, retriever: newRetriever(p, output, forTool)}
	if strings.TrimSpace(name) == "" || strings.TrimSpace(description) == "" {
		t.retriever.err = errors.New("a tool needs a name and a description: an agent chooses by them")
	}
	return t
}

// Name returns the tool's name.
func (t Tool) Name() string { return t.name }

// Description returns what the tool is for.
func (t Tool) Description() string { return t.description }

// GetCallbackHandler returns CallbacksHandler.
func (t Tool) GetCallbackHandler() callbacks.Handler { return t.CallbacksHandler }

// Call asks the pipeline and returns the documents as text, see Output.Text.
// Where nothing is found it says so in a sentence. A panic is a
// *pipeline.PanicError.
func (t Tool) Call(ctx context.Context, input string) (text string, err error) {
	defer rescue(&err)
	if t.CallbacksHandler != nil {
		t.CallbacksHandler.HandleToolStart(ctx, input)
	}
	docs, err := t.retriever.documents(ctx, pipeline.Query{Text: input})
	if err != nil {
		if t.CallbacksHandler != nil {
			t.CallbacksHandler.HandleToolError(ctx, err)
		}
		return "", err
	}
	text = t.text(docs)
	if t.CallbacksHandler != nil {
		t.CallbacksHandler.HandleToolEnd(ctx, text)
	}
	return text, nil
}

func (t Tool) text(docs []schema.Document) string {
	if t.retriever.output.Text != nil {
		return t.retriever.output.Text(docs)
	}
	if len(docs) == 0 {
		return "No documents were found."
	}
	passages := make([]string, len(docs))
	for i, d := range docs {
		passages[i] = fmt.Sprintf("[%d] %s", i+1, d.PageContent)
	}
	return strings.Join(passages, "\n\n")
}
