package memory

const (
	// block is the number of vectors between two looks at the context, a power of 2.
	block = 1024
	// parallelFrom is the number of vectors from which all cores search.
	parallelFrom = 20_000
)
