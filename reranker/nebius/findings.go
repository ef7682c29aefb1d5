package nebius

import (
	"fmt"
	"math"
	"strings"

	"github.com/rankcascade/cascade/reranker"
)

// findings are what a person should know of an answer that is used.
type findings struct {
	attempt *attempt
	reply   *reply
	missing []string // attributes that were not sent
	cut     int      // documents that were cut before they were sent
	found   []reranker.Warning
}

func (f *findings) warn(kind reranker.WarningKind, format string, args ...any) {
	f.found = append(f.found, reranker.Warning{Kind: kind, Detail: f.attempt.clean(fmt.Sprintf(format, args...), maxMessage)})
}

func (f *findings) all() []reranker.Warning {
	a, r, c := f.attempt, f.reply, f.attempt.core
	if r.model != "" && r.model != c.model && r.model != c.options.ServedAs && c.wire.ModelKey != "" {
		f.warn(reranker.WarnModelMismatch, "the answer is of model %q, asked was for %q; if that is an alias, set Options.ServedAs", r.model, c.model)
	}
	if a.limits.OverLimit {
		f.warn(reranker.WarnOverLimit, "the call was served beyond the rate limit, at low priority")
	}
	if r.cut > 0 {
		f.warn(reranker.WarnEchoMismatch, "the server repeats %d of %d documents cut short", r.cut, len(a.texts))
	}
	if len(f.missing) > 0 {
		f.warn(WarnNotSent, "dialect %q does not know %s, which the query asked for", c.dialect(), strings.Join(f.missing, ", "))
	}
	if f.cut > 0 {
		f.warn(WarnTruncated, "%d of %d documents were cut to %d tokens on the %s", f.cut, len(a.texts), a.asked.tokens, sideOf(c.options.Truncation))
	}
	f.incomplete()
	f.scores()
	if f.templateMissing() {
		f.warn(reranker.WarnMissingTemplate, "%d tokens for %d pairs: the server seems to run %s without its prompt template; see Options.Qwen3", r.usage.Tokens, len(a.texts), c.model)
	}
	return f.found
}

// incomplete tells once in the life of the client of what the answer lacks that
// the dialect promises.
func (f *findings) incomplete() {
	r, c := f.reply, f.attempt.core
	if !c.wire.Complete || r.id != "" && r.model != "" && r.usage.Tokens > 0 {
		return
	}
	var lacks []string
	for _, side := range []struct {
		name string
		here bool
	}{{"id", r.id != ""}, {"model", r.model != ""}, {"usage", r.usage.Tokens > 0}} {
		if !side.here {
			lacks = append(lacks, side.name)
		}
	}
	if c.lacking.CompareAndSwap(false, true) {
		f.warn(WarnIncomplete, "the answer has no %s, which dialect %q promises", strings.Join(lacks, ", "), c.dialect())
	}
}

// scores looks at the values. Scores outside of the scale are told once in the
// life of the client: they are used, and no cache keeps them.
func (f *findings) scores() {
	scale := f.attempt.core.wire.Scale
	low, high, outside, n := math.Inf(1), math.Inf(-1), 0, 0
	for i, v := range f.reply.values {
		if f.reply.state[i] != scored {
			continue
		}
		n++
		low, high = min(low, v), max(high, v)
		if !scale.Contains(v) {
			outside++
		}
	}
	if outside > 0 && f.attempt.core.outside.CompareAndSwap(false, true) {
		f.warn(reranker.WarnOutOfScale, "%d of %d scores of dialect %q are outside of its scale %s, from %g to %g: they are not cached; Options.Scale declares another scale",
			outside, n, f.attempt.core.dialect(), scale, low, high)
	}
	if n > 1 && low == high {
		f.warn(reranker.WarnNoSignal, "all %d scores are %g", n, low)
	}
}

// templateMissing reports a missing template once in the life of the client.
func (f *findings) templateMissing() bool {
	a, c := f.attempt, f.attempt.core
	if c.options.Qwen3 != nil || c.templated.Load() || !strings.Contains(strings.ToLower(c.model), "qwen3") {
		return false
	}
	bytes := len(a.query) * len(a.texts)
	for _, t := range a.texts {
		bytes += len(t)
	}
	return templateMissing(c.model, f.reply.usage.Tokens, len(a.texts), bytes) && c.templated.CompareAndSwap(false, true)
}
