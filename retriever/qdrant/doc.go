// Package qdrant retrieves from Qdrant through its Query API: dense, sparse and
// multi-vector search, hybrid search fused by the server or here, filters,
// groups, and a loader that fills collections:
//
//	client, err := qdrant.Dial(ctx, qdrant.Config{URL: "http://localhost:6334"})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	articles, err := qdrant.New(client, "articles", embedder, qdrant.Options{
//		Using:  "dense",
//		Legs:   []qdrant.Leg{{Using: "terms", Sparse: encode}},
//		Server: &qdrant.ServerFusion{Method: qdrant.RRF, K: 61},
//		Limit:  200,
//	})
//	ranking, err := articles.Retrieve(ctx, pipeline.Query{Text: "..."})
//
// A retriever asks one or more legs. A leg is one query against one named
// vector; with several legs the lists are fused either by Qdrant in one call
// (Options.Server) or by a pipeline.Fuser in this process (Options.Fuser), which
// keeps each leg's rank and score in the marks.
//
// A Loader fills a collection: vectors of Go encoders or of the server's own
// models (Inference), payload indexes, resumption, and a Sync that deletes what its
// source no longer has. Switch lets an alias mean a new collection.
//
// MMR, OrderBy and Sample are queries in the server's own order; package formula lets
// the server compute a fusion.Formula. Options.Vectors brings stored vectors with the
// hits, and Stored reads those of documents, for late interaction by reranker/maxsim.
//
// Every request is compared with a file in testdata. Everything runs against the
// server of package qdranttest, which answers as a real Qdrant 1.19.0 was recorded
// to; the common tests run against the answers that a real one gave to them, and
// against a real server where the environment variable CASCADE_QDRANT
// holds the address of its gRPC port. A server of several shards, quantization and
// indexed segments were not recorded.
//
// The package does not compute embeddings, does not retry queries (the loader
// retries writes), and never closes a client that it was given. The client
// package has the same name, so give it another one:
//
//	import api "github.com/qdrant/go-client/qdrant"
package qdrant
