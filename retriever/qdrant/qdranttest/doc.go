// Package qdranttest is a Qdrant server in the process of a test: it speaks the
// real gRPC interface over memory or over loopback, and answers from a small
// exact search engine.
//
//	server := qdranttest.Start(t)
//	client := server.Client(t)
//	server.RateLimit(1, 3*time.Second) // the next call is refused
//	_, err := client.Query(ctx, &qdrant.QueryPoints{CollectionName: "articles"})
//
// It has collections with named dense, sparse and multi vectors, payload indexes,
// upsert, get, scroll, count, delete, query with nested prefetch, RRF and DBSF fusion,
// formulas, MMR, an order by a field, the vector of a point, score thresholds, offsets,
// groups, stored vectors in answers, every condition of a filter on JSON paths,
// keys, and the faults that a real server shows: rate limits with a Retry-After
// trailer, delays, errors, answers over a size limit. Every request is recorded.
//
// It answers as a real Qdrant 1.19.0 was seen to: a test replays 1,416 recorded
// cases, and what the server does not compute as recorded it refuses with the code
// Unimplemented; testdata/unimplemented.txt lists those cases, each with its reason.
// A filter on a field with a payload index means what the index makes of it: words in
// place of a part of a text, 2024.0 for 2024. The model qdrant/bm25 knows the words of
// the recording and, with the option language "none", every word. Ties, which a real
// server breaks differently from call to call, stand in one fixed order here.
package qdranttest
