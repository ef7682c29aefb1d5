// Package qdrant retrieves from Qdrant through its Query API: dense, sparse and
// multi-vector search, hybrid search fused by the server or here, filters,
// groups, and a loader that fills collections.
//
// A retriever asks one or more legs. A leg is one query against one named
// vector; with several legs the lists are fused either by Qdrant in one call
// (Options.Server) or by a pipeline.Fuser in this process (Options.Fuser), which
// keeps each leg's rank and score in the marks:
//
//	client, err := qdrant.Dial(ctx, qdrant.Config{URL: "http://localhost:6334"})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	articles, err := qdrant.New(client, "articles", embedder, qdrant.Options{
//		Using:  "dense",
//		Legs:   []qdrant.Leg{{Using: "terms", Sparse: encode}},
//		Server: &qdrant.ServerFusion{Method: qdrant.RRF, K: 60},
//		Limit:  200,
//	})
//	ranking, err := articles.Retrieve(ctx, pipeline.Query{Text: "..."})
//
// Every request is compared with a file in testdata, and everything runs against
// the server of package qdranttest. What a real server answers was not seen while
// this was written: the order of ties, the codes of its errors, fusion over
// several shards, sums of distances over several vectors, whether a group is
// found without a payload index. The same tests run against a real server where
// the environment variable CASCADE_QDRANT holds the address of its gRPC port.
//
// The package does not compute embeddings, does not retry queries (the loader
// retries writes), and never closes a client that it was given. The client
// package has the same name; this code imports it as api.
package qdrant
