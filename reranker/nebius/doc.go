// Package nebius speaks the rerank contract of Nebius Token Factory,
// POST /v1/rerank, on both sides: a client that is a reranker.Scorer, and a
// handler that serves any Scorer under the same contract:
//
//	client, err := nebius.New(key, "Qwen/Qwen3-Reranker-8B", nebius.Options{})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	scores, err := client.Score(ctx, "what is a panda?", documents)
//
// The client sends the documented fields and no others, maps answers by index,
// and trusts nothing that a server says: counts, ranges, duplicates, numbers and
// sizes are checked before a score is believed. Failures are *reranker.Error
// values by kind. A key appears in a header and nowhere else.
//
// Other rerank servers differ in paths, keys and score scales. These
// differences are data, see Dialect and Wire:
//
//	client, err := nebius.New("", "bge-reranker-v2-m3", nebius.Options{
//		BaseURL: "http://127.0.0.1:8012", Dialect: nebius.LlamaCpp, NoKey: true,
//	})
//
// The client makes exactly one attempt for each call: it does not retry, shard,
// hedge or cache. Those are decorators of a Scorer in package reranker.
package nebius
