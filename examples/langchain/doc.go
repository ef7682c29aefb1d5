// The program langchain answers questions with a RetrievalQA chain of
// langchaingo whose retriever is a whole pipeline, and shows its sources with
// the scores of every stage:
//
//	go run ./examples/langchain "what does it cost if I bring a film back late?"
//
// Nothing is needed but Go: the corpus is a page of text, two indexes are built
// in memory (BM25, and vectors of spelling), their rankings are fused by
// reciprocal rank, reranked, blended with the order before and cut to three. The
// model is a stand-in that quotes the sentence which shares the most words with
// the question; any llms.Model takes its place.
//
// A store of langchaingo comes in with one line in place of the indexes:
//
//	candidates := langchain.FromStore(store, langchain.PGVector, 100)
package main
