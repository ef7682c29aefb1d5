//go:build race

package reranker_test

// scheduleCount is smaller under the race detector, which is ten times slower.
const scheduleCount = 1500
