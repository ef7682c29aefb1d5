//go:build !race

package reranker_test

const scheduleCount = 10000
