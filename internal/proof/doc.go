// Package proof has tests and nothing else: they put whole pipelines, with the
// real client, endpoint, sharding and stage, in front of servers that fail, and
// look at what a caller gets.
//
// TestFaults has a subtest for each of 62 faults, TestSecurity one for each of 14
// checks, and TestConformance the cases of the rerank contract that concern more
// than the client. Each name begins with a number:
//
//	go test ./internal/proof -run 'TestFaults/37_'
//
// Whatever the fault, the harness asks of every answer that it came within the
// caller's deadline and 20 ms, that its report, gaps and marks agree to the
// document, that no goroutine of the library is left and that every response
// body was closed. Time is fake (testing/synctest) wherever no socket is needed.
//
// TestEveryNumberIsCovered counts the numbers here and in reranker/nebius. Formulas and the
// random schedules are tested beside the code that they are about.
package proof
