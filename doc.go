// Package cascade is the root of a library for multi-stage retrieval.
//
// It holds no code of its own. Start with the package pipeline, which has the
// vocabulary and the combinators, and add what you need: a retriever, the
// reranker stage with a scorer such as reranker/nebius, a method from fusion, a
// cut from pipeline/cut. README.md has complete programs, ARCHITECTURE.md says
// which package answers which question.
package cascade
