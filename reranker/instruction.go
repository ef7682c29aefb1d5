package reranker

import "github.com/rankcascade/cascade/pipeline"

// InstructionKey is the attribute of a query that tells an instruction-following
// reranker what to look for: "Given a bug report, retrieve the code that causes
// it". Scorers that cannot pass it on to their model refuse a query that has it,
// because the scores would mean something else.
var InstructionKey = pipeline.NewKey[string]("instruction")
