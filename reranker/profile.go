package reranker

import "time"

// Chat returns the options for people who wait: on time, and never an error
// because the reranker is in trouble. Documents that could not be scored keep
// their retrieval position; a caller without a deadline gets 1.5 s; 5 % of the
// deadline, at least 20 ms, are left to what follows.
func Chat() StageOptions {
	return StageOptions{Unscored: KeepPosition, Timeout: 1500 * time.Millisecond}
}

// Evaluation returns the options for experiments: all or nothing. A document
// that could not be scored is an error; nothing of the deadline is held back;
// a caller without a deadline gets 60 s.
func Evaluation() StageOptions {
	return StageOptions{Unscored: AllOrNothing, Timeout: 60 * time.Second, Reserve: -1}
}
