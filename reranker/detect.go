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

// State is the state of a detector.
type State uint8

// The states.
const (
	Healthy  State = iota
	Degraded       // what the detector looks for is there
	HalfOpen       // of WarnBreakerOpen: single calls find out whether the server is back
	Open           // of WarnBreakerOpen: calls are suspended
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

// SlogHook returns a function for Options.Hook that writes one line for each
// change, a warning unless the new state is Healthy.
func SlogHook(logger *slog.Logger) func(StateChange) {
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

// told takes the findings of one query and returns the changes of state that
// they bring about.
func (m *monitor) told(stage string, findings []finding) []StateChange {
	m.mu.Lock()
	defer m.mu.Unlock()
	var changes []StateChange
	for _, f := range findings {
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

// trends takes the shares of one query into the long view.
func (m *monitor) trends(coverage, tooLong float64) (covered, long trend) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.coverage.add(coverage)
	m.tooLong.add(tooLong)
	return m.coverage, m.tooLong
}

// observe adds the warnings that the stage itself finds to the report and tells
// the hook about changes of state. hits is the new order.
func (w *work) observe(report *Report, scores Scores, hits []pipeline.Hit) {
	if w.bypassed || report.Candidates == 0 {
		return
	}
	w.warn(report, scores)
	s := w.stage
	changes := s.monitor.told(s.o.Name, w.findings(*report, hits))
	if s.o.Hook == nil {
		return
	}
	for _, c := range changes {
		if err := s.tell(c); err != nil {
			report.Causes = append(report.Causes, err)
		}
	}
}

func (s *Rerank) tell(c StateChange) (err error) {
	defer s.recovered(&err)
	s.o.Hook(c)
	return nil
}
