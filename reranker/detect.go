package reranker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
)

// The warnings that only a rerank stage can find.
const (
	WarnDegraded  WarningKind = "degraded"  // documents with text are left unscored
	WarnTruncated WarningKind = "truncated" // many documents are too long for the model
)

// State is the state of a detector, and of the breaker of an endpoint.
type State uint8

// The states.
const (
	Healthy  State = iota // all is well; a breaker lets calls pass
	Degraded              // what the detector looks for is there; no state of a breaker
	HalfOpen              // a breaker lets single calls find out whether the server is back
	Open                  // a breaker answers calls at once with an error
)

// String returns "healthy", "degraded", "half open" or "open".
func (s State) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	case HalfOpen:
		return "half open"
	case Open:
		return "open"
	}
	return "invalid state"
}

// StateChange tells that a detector of a rerank stage has changed its state.
// There is one for each change and none for each query, so it can be logged.
type StateChange struct {
	// Stage is the name of the stage.
	Stage string
	// Kind is what the detector looks for.
	Kind WarningKind
	// From and To are different.
	From, To State
	// Detail says more, without texts and keys.
	Detail string
}

// String describes the change in one line.
func (c StateChange) String() string {
	return fmt.Sprintf("%s: %s: %v -> %v: %s", c.Stage, c.Kind, c.From, c.To, c.Detail)
}

// LogChanges returns a function for StageOptions.OnChange that writes one line for each
// change, a warning unless the new state is Healthy.
func LogChanges(logger *slog.Logger) func(StateChange) {
	return func(c StateChange) {
		level := slog.LevelWarn
		if c.To == Healthy {
			level = slog.LevelInfo
		}
		logger.LogAttrs(context.Background(), level, "rerank state",
			slog.String("stage", c.Stage), slog.String("kind", string(c.Kind)),
			slog.String("from", c.From.String()), slog.String("to", c.To.String()), slog.String("detail", c.Detail))
	}
}

// How many queries in a row it takes to believe that something is wrong, or that
// it is right again. Coming back takes longer than going, so that a server that
// fails now and then makes two events and not one for each query.
const (
	enterAtOnce  = 1
	enterSignal  = 3
	enterUnmoved = 200
	leaveAtOnce  = 1
	leaveSlowly  = 10
)

// detector turns findings, one for each query, into rare changes of state.
type detector struct {
	kind         WarningKind
	enter, leave int
	state        State
	bad, good    int
}

// monitor has the detectors of one stage. The zero value is ready.
type monitor struct {
	mu        sync.Mutex
	detectors []detector
	coverage  trend
	tooLong   trend
}

// trend follows a share over the newest queries and over many more.
type trend struct {
	newest, usual float64
	queries       int
}

// add takes the share of one query. Both means start at the first one.
func (t *trend) add(share float64) {
	if t.queries == 0 {
		t.newest, t.usual = share, share
	}
	t.queries++
	t.newest += 0.1 * (share - t.newest)
	t.usual += 0.005 * (share - t.usual)
}

// finding is what one query says to one detector.
type finding struct {
	kind   WarningKind
	state  State
	detail string
}

// watch takes what one query shows and returns the changes of state that it
// brings about. before and after are the hits in their old and new order.
func (m *monitor) watch(stage string, report Report, before, after []pipeline.Hit) []StateChange {
	m.mu.Lock()
	defer m.mu.Unlock()
	var changes []StateChange
	for _, f := range m.findings(report, before, after) {
		d := m.detector(f.kind)
		from := d.state
		d.take(f.state)
		if d.state != from {
			changes = append(changes, StateChange{Stage: stage, Kind: f.kind, From: from, To: d.state, Detail: f.detail})
		}
	}
	return changes
}

func (m *monitor) detector(kind WarningKind) *detector {
	for i := range m.detectors {
		if m.detectors[i].kind == kind {
			return &m.detectors[i]
		}
	}
	d := detector{kind: kind, enter: enterAtOnce, leave: leaveSlowly}
	switch kind {
	case WarnNothingMoved:
		d.enter, d.leave = enterUnmoved, leaveAtOnce
	case WarnNoSignal:
		d.enter = enterSignal
	case WarnBreakerOpen:
		d.leave = leaveAtOnce
	}
	m.detectors = append(m.detectors, d)
	return &m.detectors[len(m.detectors)-1]
}

func (d *detector) take(found State) {
	if found == Healthy {
		d.bad = 0
		d.good++
		if d.good >= d.leave {
			d.state = Healthy
		}
		return
	}
	d.good = 0
	d.bad++
	if d.bad >= d.enter {
		d.state = found
	}
}

// findings says to every detector what this query shows. A detector that the
// query says nothing about is not in the list: scores that did not come can be
// neither equal nor outside of a scale.
func (m *monitor) findings(report Report, before, after []pipeline.Hit) []finding {
	found := []finding{degraded(report), suspended(report)}
	found = append(found, m.shares(report)...)
	scored := report.Scored + report.Cached
	if scored == 0 {
		return found
	}
	for _, kind := range [...]WarningKind{WarnOutOfScale, WarnEchoMismatch, WarnMissingTemplate, WarnModelMismatch, WarnNotComparable} {
		found = append(found, warning(report, kind))
	}
	if scored > 2 {
		found = append(found, warning(report, WarnNoSignal))
	}
	if scored > 1 && after != nil {
		found = append(found, moved(before, after))
	}
	return found
}

// The long views need some queries before they say anything.
const trendQueries = 20

// shares takes the shares of one query into the long view.
func (m *monitor) shares(report Report) []finding {
	long := float64(report.Reasons[pipeline.ReasonTooLong]) / float64(report.Candidates)
	if report.warned(WarnTruncated) {
		long = 1
	}
	m.coverage.add(report.Coverage())
	m.tooLong.add(long)
	coverage, tooLong := m.coverage, m.tooLong
	if coverage.queries < trendQueries {
		return nil
	}
	falling := finding{kind: WarnCoverage, detail: fmt.Sprintf("%.0f %% of the documents are scored, usually %.0f %%", 100*coverage.newest, 100*coverage.usual)}
	if coverage.newest < 0.8*coverage.usual {
		falling.state = Degraded
	}
	cut := finding{kind: WarnTruncated, detail: fmt.Sprintf("%.0f %% of the documents are too long", 100*tooLong.newest)}
	if tooLong.newest > 0.1 {
		cut.state = Degraded
	}
	return []finding{falling, cut}
}
