// Package config builds a pipeline from a file in YAML or JSON, so that a service
// and the experiment that measures it use the same one.
//
//	# search.yaml
//	chain:
//	  - bm25: {folder: index, limit: 200}
//	  - within:
//	      budget: 800ms
//	      stage:
//	        blend:
//	          fuse: convex(w=[0.2,0.8])
//	          stages:
//	            - keep
//	            - rerank: {nebius: {model: Qwen/Qwen3-Reranker-8B, key: {env: NEBIUS_API_KEY}}}
//	  - topk: 8
//
// A part is named by its kind, a mapping with one key whose value holds the
// settings, or the name alone where nothing is to be set. Kinds of combinators,
// cuts and fusers are always there; everything that opens, calls or links
// something is a kind that the program passes:
//
//	kinds := append(reranker.Kinds(), bleve.Kind, nebius.Kind)
//	search, err := config.Load(ctx, "search.yaml", kinds...)
//	if err != nil {
//		return err // search.yaml:5:7: chain[1].within.bugdet: there is no such setting; did you mean "budget"?
//	}
//	defer search.Close()
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "..."})
//
// Nothing is guessed: an unknown kind or setting, a value of another type, a
// stage where a retriever belongs and a key that stands twice are errors with
// file, line, column and the nearest name. Secrets and addresses come from the
// environment by name, {env: NAME}, and a Secret cannot be written into the file.
// pipeline.String(search) prints what was built; Schema writes a JSON Schema for
// editors. Live swaps the pipeline when the file changes, without losing a query.
// LoadPart and Follow do the same for one part of a file, such as the scorer that a
// gateway serves, and Uses lists what a file names before anything is opened.
//
// A file says which parts there are, not code: a rewriter's prompt or a function
// belongs into a kind of your own, see package kind.
package config
