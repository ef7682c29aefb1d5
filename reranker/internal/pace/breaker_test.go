package pace

// White-box: a breaker is compared, step by step, with a plain model of it.

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// breakerModel keeps every outcome and counts afresh each time.
type breakerModel struct {
	outcomes []bool // failures since the breaker closed
	open     bool
	probing  bool
	opened   time.Time
	times    int // opened in a row
}

func (m *breakerModel) failing() bool {
	recent := m.outcomes[max(0, len(m.outcomes)-50):]
	failures := 0
	for _, failed := range recent {
		if failed {
			failures++
		}
	}
	return len(recent) >= 20 && 2*failures >= len(recent)
}

func (m *breakerModel) trip(now time.Time) {
	m.open, m.probing, m.opened, m.outcomes = true, false, now, nil
	m.times++
}

// period is how long the breaker stays open at the least: 5, 10, 20, 40, 60 s.
func (m *breakerModel) period() time.Duration {
	return min(time.Minute, 5*time.Second<<min(m.times-1, 10))
}

func TestBreakerFollowsItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b breaker
		var m breakerModel
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		now := time.Unix(0, 0)
		outcome := func(probe bool) {
			failed := rapid.Bool().Draw(t, "failed")
			b.record(now, probe, failed, rng)
			switch {
			case probe && failed:
				m.trip(now)
			case probe:
				m = breakerModel{}
			case !m.open:
				if m.outcomes = append(m.outcomes, failed); m.failing() {
					m.trip(now)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "ms")) * time.Millisecond)
			},
			"call": func(t *rapid.T) {
				since := now.Sub(m.opened)
				if m.open && !m.probing && since >= m.period() && since <= m.period()*11/10 {
					t.Skip("the jitter decides")
				}
				ok, probe := b.allow(now)
				require.Equal(t, m.open && !m.probing && since > m.period(), probe)
				require.Equal(t, !m.open || probe, ok)
				if !ok {
					return
				}
				m.probing = m.probing || probe
				if probe && rapid.Bool().Draw(t, "abandoned") {
					b.abandon()
					m.probing = false
					return
				}
				outcome(probe)
			},
			"late answer of an old call": func(t *rapid.T) { outcome(false) },
			"refused key": func(t *rapid.T) {
				if b.state != Open {
					m.trip(now)
				}
				b.trip(now, rng)
			},
			"": func(t *rapid.T) {
				require.Equal(t, m.open, b.state != Closed)
				require.Equal(t, m.probing, b.state == HalfOpen)
				require.LessOrEqual(t, b.count, breakerWindow)
				if b.state == Open {
					require.WithinRange(t, b.until, m.opened.Add(m.period()), m.opened.Add(m.period()*11/10))
				}
			},
		})
	})
}

func TestABreakerForgetsFailuresOfAnEjectedServerOnly(t *testing.T) {
	t.Parallel()
	var b breaker
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(100, 0)
	fail := func(n int) State {
		for range n {
			b.record(now, false, true, rng)
		}
		return b.state
	}
	require.Equal(t, Closed, fail(breakerSamples-1))
	b.forget()
	require.Equal(t, Closed, fail(breakerSamples-1), "they do not count any more")
	require.Equal(t, Open, fail(1))
	b.forget()
	require.Equal(t, Open, b.state, "it has its reasons")
}
