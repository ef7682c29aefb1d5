package reranker

import (
	"context"

	"github.com/rankcascade/cascade/pipeline"
)

// Scorer judges how well each document answers the query. It ranks nothing: the
// values stand in the order of the documents. The clients for rerank servers
// are Scorers, and so are the decorators that shard, cache and record.
//
// An error means that no document was scored; otherwise Scores says which were.
// Score keeps no reference to documents after it returns, returns within
// milliseconds of the context's end with the cause in the chain, leaves no
// goroutine behind, and is safe for concurrent use. No documents give empty
// Scores, a nil error and no call.
type Scorer interface {
	Score(ctx context.Context, query string, documents []string) (Scores, error)
}

// ScorerFunc makes a function a Scorer.
type ScorerFunc func(ctx context.Context, query string, documents []string) (Scores, error)

// Score calls f.
func (f ScorerFunc) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	return f(ctx, query, documents)
}

// Scores is what a Scorer answers. All slices that are not nil have one entry
// for each document, in the order of the documents.
type Scores struct {
	// Values are the scores, higher is better, finite where a document was
	// scored and 0 without meaning where it was not.
	Values []float64
	// Unscored gives the reason why a document has no score, empty where it has
	// one; nil when all were scored.
	Unscored []pipeline.Reason
	// Cached says which scores were computed before; nil when none.
	Cached []bool
	// Scale is what the values mean.
	Scale pipeline.Scale
	// Usage is what the answers cost, over all calls that were made.
	Usage Usage
	// Model is the model that answered, as the server names it; empty if it does
	// not say.
	Model string
	// RequestIDs are the server's names for the calls, for support requests.
	RequestIDs []string
	// Causes are the errors behind the unscored documents, each once.
	Causes []error
	// Warnings are findings that a person should see and that cost no document
	// its score: a model that differs from the requested one, a template that
	// seems to be missing, scores outside the declared scale.
	Warnings []Warning
	// Limits are the rate limits that the newest answer declared.
	Limits Limits
	// Attributes are what the query asked for beside its text and reached the
	// server: user, tier, project, instruction, in a fixed order; nil for none.
	Attributes []pipeline.Setting
	// Report tells how a scheduler got the scores; nil from a plain client.
	Report *Report
}

// Scored reports whether document i has a score.
func (s Scores) Scored(i int) bool { return s.Unscored == nil || s.Unscored[i] == "" }

// Complete reports whether every document has a score.
func (s Scores) Complete() bool {
	for _, reason := range s.Unscored {
		if reason != "" {
			return false
		}
	}
	return true
}

// Usage counts what calls cost.
type Usage struct {
	// Calls is the number of requests that were answered.
	Calls int
	// Documents is the number of documents in those requests.
	Documents int
	// Tokens is the number of tokens that the server counted, query and document
	// for each pair; 0 if it does not say.
	Tokens int
	// TotalTokens counts what was generated as well; for a reranker it is nearly
	// always Tokens.
	TotalTokens int
	// Units is the number of units that were billed, where the vendor bills units
	// and not tokens.
	Units int
	// Cost is what the calls cost at the prices that the client was given, in
	// billionths of their currency; 0 without prices.
	Cost int64
}

// Add returns the sum of u and v.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		Calls: u.Calls + v.Calls, Documents: u.Documents + v.Documents, Tokens: u.Tokens + v.Tokens,
		TotalTokens: u.TotalTokens + v.TotalTokens, Units: u.Units + v.Units, Cost: u.Cost + v.Cost,
	}
}

// Warning is a finding about answers that were nevertheless used.
type Warning struct {
	// Kind names the finding in one word, for counters.
	Kind WarningKind
	// Detail says more, without document text and without keys.
	Detail string
}

// WarningKind names a kind of warning.
type WarningKind string

// The warnings.
const (
	WarnModelMismatch   WarningKind = "model_mismatch"   // the server answered with another model
	WarnMissingTemplate WarningKind = "missing_template" // token counts say that the prompt template is not applied
	WarnOutOfScale      WarningKind = "out_of_scale"     // a score lies outside the declared scale
	WarnNoSignal        WarningKind = "no_signal"        // all scores are equal
	WarnEchoMismatch    WarningKind = "echo_mismatch"    // the echoed text is not the text that was sent
	WarnOverLimit       WarningKind = "over_limit"       // the server ran the call beyond the rate limit, at low priority
	WarnNothingMoved    WarningKind = "nothing_moved"    // no rank changed over many queries
	WarnCoverage        WarningKind = "coverage_falling" // fewer documents than usual are scored
	WarnNotComparable   WarningKind = "not_comparable"   // the same pair gets different scores in different shards
	WarnBreakerOpen     WarningKind = "breaker_open"     // calls are suspended
)
