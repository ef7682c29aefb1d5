package reranker

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
	WarnWaited          WarningKind = "waited"           // a server that was not there was waited for
	WarnLimitIgnored    WarningKind = "limit_ignored"    // the server declares a rate limit that no call fits, and answers all the same
	WarnBreakerOpen     WarningKind = "breaker_open"     // calls are suspended
)
