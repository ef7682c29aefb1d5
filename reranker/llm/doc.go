// Package llm has scorers that ask a language model: Pointwise asks about each
// document alone, Listwise has the model put a window of documents into order
// and slides the window over the list.
//
//	model := langchain.Generator(llm) // any pipeline.Generator
//	scorer, err := llm.NewListwise(model, llm.Options{Model: "gpt-oss-20b"})
//	if err != nil {
//		return err
//	}
//	rerank := reranker.Stage(scorer, reranker.Chat())
//
// What a model answers is never trusted: numbers are looked for in the prose
// around them, doubled and unknown ones are dropped, missing ones are added in
// their old order, all of it is counted, and an answer that says nothing leaves
// its documents as they were, with a cause. Temperature and length of an answer
// are settings of the model; both scorers want 0 and a few dozen tokens.
//
// The prompts are data, see Options.Prompt. Documents reach the model as they
// are, so a document can try to talk to it: a score can be wrong for that, and
// nothing else can.
package llm
