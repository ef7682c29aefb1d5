// Package pipelinetest is the contract of the shapes in package pipeline, as test
// suites that run on any implementation:
//
//	func TestContract(t *testing.T) {
//		pipelinetest.Stage(t, cut.TopK(3), pipelinetest.StageOptions{})
//		pipelinetest.Retriever(t, store, pipelinetest.RetrieverOptions{
//			Query: pipeline.Query{Text: "something that it finds"},
//		})
//	}
//
// A stage, a retriever or a fuser that passes its suite can stand anywhere in a
// pipeline: its rankings are valid and reproducible, it never writes to its
// input, its marks add up, it is safe for concurrent use, it heeds its context
// and it leaves no goroutine behind.
//
// The suites watch for leaked goroutines and set GOMAXPROCS, so the test that
// calls them must not be parallel. They say nothing about how good a ranking is.
// Code outside tests must not import the package.
package pipelinetest
