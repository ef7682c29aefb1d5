// Package reranker rescores candidates on time, whatever the server does:
//
//	client, err := nebius.New(key, "Qwen/Qwen3-Reranker-8B", nebius.Options{})
//	scorer := reranker.Shard(client, reranker.ShardOptions{})
//	rerank := reranker.Stage(scorer, reranker.Chat())
//	search := pipeline.Chain(store, rerank, cut.TopK(8))
//
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: question})
//	report, _ := reranker.ReportKey.Noted(ranking)
//	if report.Mode != reranker.Full {
//		log.Print(ranking.Gaps) // which documents have no score, and why
//	}
//
// A Scorer judges documents and ranks nothing; clients of rerank servers are
// Scorers (package nebius), and so is what decorates them: Shard spreads a query
// over concurrent calls of an Endpoint that holds limits, budgets and a breaker,
// and package cache remembers pairs. Stage makes a pipeline.Stage of a Scorer, and
// Prune one that sends only what can matter.
//
// What there is:
//
//	stages             Stage and Prune, with the options Chat and Evaluation
//	scorers of others  Shard, NewEndpoint, Fallback, Calibrated, Passages, Listwise
//	texts              TextOnly, WithFields, WithNames
//	when to rerank     package when
//	what happened      ReportKey, Report, Warning, StateChange, LogChanges
//	one of your own    Scorer, ScorerFunc, StreamScorer, Decorator, Ask, Stream
//
// What could not be scored is never given a score of 0: the caller's Policy says
// what happens to it, marks and gaps tell of it, and under Chat it keeps the
// place that retrieval gave it. Under Evaluation it is an error.
//
// The package has no HTTP in it, writes no logs (see LogChanges), and knows
// neither stores nor fusion formulas.
package reranker
