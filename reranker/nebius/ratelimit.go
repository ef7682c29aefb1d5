package nebius

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// longestWait bounds what a header can ask for, so that arithmetic stays sound;
// it is far beyond any deadline.
const longestWait = 30 * 24 * time.Hour

// retryAfter reads how long an answer asks to wait: Retry-After as seconds,
// with a fraction, as a duration with a unit, or as a date in any layout of
// HTTP; else, when the answer is a refusal, the reset of the budget that is used
// up. It returns 0 for what is absent, past, negative or unreadable. Dates count
// from the server's own Date header if there is one, so clocks need not agree.
func retryAfter(h http.Header, status int, limits reranker.Limits, now time.Time) time.Duration {
	if d, ok := wait(h.Get("Retry-After-Ms"), time.Millisecond); ok && d > 0 {
		return d
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if d, ok := wait(value, time.Second); ok && d > 0 {
		return d
	}
	if at, err := http.ParseTime(value); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		if d := at.Sub(now); d > 0 {
			return min(d, longestWait)
		}
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	return untilReset(limits)
}

// untilReset returns the reset of the budgets that are used up, or of both if
// neither is said to be.
func untilReset(l reranker.Limits) time.Duration {
	var d time.Duration
	if l.RemainingRequests == 0 {
		d = l.ResetRequests
	}
	if l.RemainingTokens == 0 {
		d = max(d, l.ResetTokens)
	}
	if d > 0 || !l.Known {
		return d
	}
	return max(l.ResetRequests, l.ResetTokens)
}

// wait reads a number of the unit, a percentage (which is no time), or a
// duration as Go and the hosted service write it: 1s, 900s, 1m0s, 6ms.
func wait(value string, unit time.Duration) (time.Duration, bool) {
	if value = strings.TrimSpace(value); value == "" {
		return 0, false
	}
	if f, err := strconv.ParseFloat(value, 64); err == nil && !math.IsNaN(f) {
		if f <= 0 {
			return 0, true
		}
		if f >= float64(longestWait/unit) {
			return longestWait, true
		}
		return time.Duration(f * float64(unit)), true
	}
	if d, err := time.ParseDuration(value); err == nil {
		return min(max(d, 0), longestWait), true
	}
	return 0, false
}

// rateLimits reads the x-ratelimit headers. What cannot be read counts as not
// declared.
func rateLimits(h http.Header) reranker.Limits {
	l := reranker.Limits{Requests: -1, Tokens: -1, RemainingRequests: -1, RemainingTokens: -1}
	for _, field := range []struct {
		name string
		into *int
	}{
		{"X-Ratelimit-Limit-Requests", &l.Requests}, {"X-Ratelimit-Limit-Tokens", &l.Tokens},
		{"X-Ratelimit-Remaining-Requests", &l.RemainingRequests}, {"X-Ratelimit-Remaining-Tokens", &l.RemainingTokens},
	} {
		if n, ok := count(h.Get(field.name)); ok {
			*field.into, l.Known = n, true
		}
	}
	for _, field := range []struct {
		name string
		into *time.Duration
	}{{"X-Ratelimit-Reset-Requests", &l.ResetRequests}, {"X-Ratelimit-Reset-Tokens", &l.ResetTokens}} {
		if d, ok := wait(h.Get(field.name), time.Second); ok {
			*field.into, l.Known = d, true
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("X-Ratelimit-Over-Limit"))) {
	case "yes", "true", "1":
		l.OverLimit, l.Known = true, true
	}
	if !l.Known {
		return reranker.Limits{}
	}
	return l
}

func count(value string) (int, bool) {
	if value = strings.TrimSpace(value); value == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1<<53 {
		return 0, false
	}
	return int(f), true
}
