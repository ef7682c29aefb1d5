package pace

import (
	"math"
	"slices"
	"time"
)

const sampleWindow = 256

// latencyModel predicts the latency of a call as a + b * tokens, by least
// squares in which old calls fade.
type latencyModel struct {
	n, x, y, xx, xy float64
	ratios          sampleRing // measured over predicted
	latencies       sampleRing // seconds
}

func (l *latencyModel) observe(tokens int, took time.Duration) {
	x, y := float64(tokens), took.Seconds()
	if predicted := l.predict(tokens); predicted > 0 {
		l.ratios.add(y / predicted.Seconds())
	}
	l.latencies.add(y)
	const fade = 0.98
	l.n, l.x, l.y = l.n*fade+1, l.x*fade+x, l.y*fade+y
	l.xx, l.xy = l.xx*fade+x*x, l.xy*fade+x*y
}

// predict returns the expected latency of a call of so many tokens, 0 when
// nothing has been measured.
func (l *latencyModel) predict(tokens int) time.Duration {
	if l.n == 0 {
		return 0
	}
	fixed, perToken := l.line()
	return time.Duration((fixed + perToken*float64(tokens)) * float64(time.Second))
}

// line returns the fitted line with neither part negative: sizes that hardly
// differ, or noise, would otherwise give a line that is absurd elsewhere.
func (l *latencyModel) line() (fixed, perToken float64) {
	det := l.n*l.xx - l.x*l.x
	if det > 1e-6*l.n*l.xx {
		perToken = (l.n*l.xy - l.x*l.y) / det
		fixed = (l.y - perToken*l.x) / l.n
	}
	switch {
	case perToken <= 0 && det > 1e-6*l.n*l.xx:
		return l.y / l.n, 0
	case perToken <= 0 || fixed < 0:
		return 0, l.xy / max(l.xx, 1)
	}
	return fixed, perToken
}

// typical is the median latency of the newest calls, 0 when there are none.
func (l *latencyModel) typical() time.Duration {
	return time.Duration(l.latencies.quantile(0.5) * float64(time.Second))
}

// sampleRing holds the newest samples and answers for their quantiles.
type sampleRing struct {
	values [sampleWindow]float64
	count  int // ever added
	sorted []float64
	at     int // count when sorted was made
}

func (r *sampleRing) add(v float64) {
	r.values[r.count%sampleWindow] = v
	r.count++
}

// quantile returns the smallest sample that at least a share q of the samples
// does not exceed, 0 when there are none.
func (r *sampleRing) quantile(q float64) float64 {
	n := min(r.count, sampleWindow)
	if n == 0 {
		return 0
	}
	// Of many samples a few more hardly move a quantile: sorting once for sixteen
	// of them is enough.
	if len(r.sorted) < 64 && r.at != r.count || r.count-r.at >= 16 {
		r.sorted = append(r.sorted[:0], r.values[:n]...)
		slices.Sort(r.sorted)
		r.at = r.count
	}
	return r.sorted[max(0, min(len(r.sorted), int(math.Ceil(q*float64(len(r.sorted)))))-1)]
}
