// Package qdranttest is a Qdrant server in the process of a test: it speaks the
// real gRPC interface over memory or over loopback, and answers from a small
// exact search engine.
//
//	server := qdranttest.Start(t)
//	client := server.Client(t)
//	server.RateLimit(1, 3*time.Second) // the next call is refused
//	_, err := client.Query(ctx, &qdrant.QueryPoints{CollectionName: "articles"})
//
// It has collections with named dense, sparse and multi vectors, upsert, get,
// query with nested prefetch, RRF and DBSF fusion, score thresholds, groups,
// filters on keywords, numbers, booleans, ids and null, and the faults that a
// real server shows: rate limits with a Retry-After trailer, delays, errors,
// answers over a size limit. Every request is recorded. What it does not
// implement it answers with the code Unimplemented.
//
// It proves what a program sends, not what Qdrant answers: its search is exact
// and its formulas are those that Qdrant publishes, but ties, quantization,
// shards and index settings are a real server's own.
package qdranttest
