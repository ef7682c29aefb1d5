// Package rewrite makes of a question what is searched: a question of a
// conversation that stands alone, several wordings, a passage that might answer
// it, a broader question, or its parts:
//
//	model := langchain.Generator(llm) // any model of langchaingo, or a rewrite.GeneratorFunc
//	condense := rewrite.Condense(model, rewrite.Options{})
//	search := pipeline.Rewrite(condense, pipeline.Chain(store, rerank, cut.TopK(8)))
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "And with a timeout?", Turns: history})
//
// All are pipeline.Rewriters that ask a language model, which is a function from
// a prompt to text.
//
// Rewrite asks everything inside it the new question, the reranker too. Where a
// rewriter makes several queries, pipeline.Expand fuses their rankings, and Apart
// keeps them apart. HyDE belongs around the store alone, so that the reranker
// still reads the question:
//
//	store = pipeline.Rewrite(rewrite.HyDE(model, rewrite.Options{}), store)
//
// A model that fails, is slow, or answers nonsense costs nothing but its gain: the
// query stays as it is, and a gap on the ranking says why. Only the end of the
// caller's context and a mistake in the options are errors. New queries inherit
// filter, ID, trace and attributes.
//
// What users and models have said stands in a prompt as JSON strings, one on a
// line, so that it cannot end its own block. Prompts are data, see Options.Prompt.
//
// The package knows no model and does no I/O. It does not judge whether a
// rewritten question is better; docs/chat.md has measurements.
package rewrite
