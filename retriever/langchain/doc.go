// Package langchain brings langchaingo stores and retrievers in, and pipelines
// out as langchaingo retrievers, vector stores and tools:
//
//	candidates := langchain.FromStore(store, langchain.PGVector, 100)
//	search := pipeline.Chain(candidates, rerank, cut.TopK(8))
//
//	qa := chains.NewRetrievalQAFromLLM(llm, langchain.AsRetriever(search))
//	answer, err := chains.Run(ctx, qa, "who may open the vault?")
//
//	ranking, err := langchain.AsRetriever(search).Rank(ctx, "who may open the vault?")
//	if ranking.Degraded() { /* ranking.Gaps says what is missing and why */ }
//
// In, FromStore and FromRetriever make a pipeline.Retriever of what langchaingo
// has. A langchaingo document has a score, but no id, and whether a high score is
// good depends on the store: a Kind knows it for each store of langchaingo
// v0.1.14, and for anything else only the order counts. Out, AsRetriever,
// AsVectorStore and AsTool put a whole pipeline where a chain, an agent or other
// code expects a part of langchaingo.
//
// Several stores build their query by pasting filters into it. Never let the
// text of an end user become, or become part of, a filter for AlloyDB or
// CloudSQL; see FilterSQL and FilterEquality.
//
// Generator makes a pipeline.Generator of any model, which streams where the model
// streams, for rewriting questions and for answering them.
//
// The package talks to no store and to no model itself and embeds nothing. Of
// langchaingo it imports schema, vectorstores, embeddings, callbacks and llms
// only.
package langchain
