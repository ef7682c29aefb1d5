// Package rerankertest tests rerankers: it has the contract of a
// reranker.Scorer as a suite, and a rerank server whose every answer a test
// controls.
//
// The suite is one line in a test of any Scorer:
//
//	func TestContract(t *testing.T) {
//		rerankertest.Run(t, func(t *testing.T) reranker.Scorer { return lexical.New(lexical.Options{}) })
//	}
//
// Decorator is the suite for a scorer that asks other scorers: what they can do
// beside Score is passed on, and no broken answer gets through. Breaches has such
// answers for tests of whoever else asks a Scorer.
//
// The server asks a Script what to do with each call, and keeps what it was
// sent. It can lie about anything that a server can lie about: status, headers,
// length, encoding, order, count and numbers; and it can be late, trickle, cut a
// body, reset a connection or never answer:
//
//	server := rerankertest.NewServer(t, rerankertest.Sequence(
//		rerankertest.RateLimited("2"),
//		rerankertest.Honest(rerankertest.Overlap),
//	))
//	client, err := nebius.New("key", "model", nebius.Options{BaseURL: server.URL, HTTPClient: server.Client()})
//
// NewMemory makes a server without sockets, for tests in fake time
// (testing/synctest).
//
// Production code does not import this package, and its servers judge nothing:
// Overlap and Hash are deterministic stand-ins for a model.
package rerankertest
