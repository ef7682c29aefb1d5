package experiment

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Ledger remembers what a rerank stage cost when it scored a topic for the first
// time. Where scores are cached, by tuning, by another system or by an earlier run,
// a stage takes no time and sends nothing; an experiment then reports the first
// scoring instead:
//
//	ledger, err := experiment.OpenLedger("costs.jsonl")
//	defer ledger.Close()
//	rerank := ledger.Stage(reranker.Stage(cached, options))
//
// It keys a cost by the stage's description, the query's text and the candidates.
// The file only grows; what a crash cut off at its end is passed over. A Ledger is
// safe for concurrent use, in one process.
type Ledger struct {
	mu    sync.Mutex
	known map[string]firstCost
	file  *os.File
}

// firstCost is what was sent for one topic, by model.
type firstCost struct {
	Key   string        `json:"key"`
	Time  time.Duration `json:"time"`
	Spent []spent       `json:"spent"`
}

// spent is what one report of a rerank says.
type spent struct {
	Model     string `json:"model,omitempty"`
	Calls     int    `json:"calls"`
	Retries   int    `json:"retries,omitempty"`
	Documents int    `json:"documents"`
	Tokens    int    `json:"tokens"`
}

// firstKey notes the cost of the first scoring on a ranking whose scores were all
// cached.
var firstKey = pipeline.NewKey[firstCost]("first scoring")

// OpenLedger opens or creates the file; an empty name keeps costs in memory.
func OpenLedger(name string) (*Ledger, error) {
	l := &Ledger{known: map[string]firstCost{}}
	if name == "" {
		return l, nil
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("experiment: %w", err)
	}
	l.file = f
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		var c firstCost
		if json.Unmarshal(line, &c) == nil && c.Key != "" {
			l.known[c.Key] = l.known[c.Key].plus(c)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("experiment: read %s: %w", name, err)
		}
	}
	// A line that was cut off must not swallow the next one.
	if _, err := f.WriteString("\n"); err != nil {
		f.Close()
		return nil, fmt.Errorf("experiment: write %s: %w", name, err)
	}
	return l, nil
}

func (c firstCost) plus(d firstCost) firstCost {
	return firstCost{Key: d.Key, Time: c.Time + d.Time, Spent: append(c.Spent[:len(c.Spent):len(c.Spent)], d.Spent...)}
}

// Close closes the file.
func (l *Ledger) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Stage returns the stage with its costs remembered. It describes itself as the
// stage does and changes no ranking.
func (l *Ledger) Stage(stage pipeline.Stage) pipeline.Stage {
	return &metered{stage: stage, ledger: l, tree: pipeline.Describe(stage).String()}
}

func (l *Ledger) find(key string) (firstCost, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.known[key]
	return c, ok
}

// add keeps what was sent now, on top of what was sent before.
func (l *Ledger) add(c firstCost) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[c.Key] = l.known[c.Key].plus(c)
	if l.file == nil {
		return nil
	}
	line, err := json.Marshal(c)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("experiment: write costs: %w", err)
	}
	return nil
}

// metered is a rerank stage whose costs a ledger keeps.
type metered struct {
	stage  pipeline.Stage
	ledger *Ledger
	tree   string
}

// Describe implements pipeline.Describer.
func (m *metered) Describe() pipeline.Node { return pipeline.Describe(m.stage) }

// Apply implements pipeline.Stage.
func (m *metered) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	start := time.Now()
	out, err := m.stage.Apply(ctx, q, in)
	if err != nil {
		return out, err
	}
	now, cached := firstCost{Key: m.key(q, in), Time: time.Since(start)}, 0
	reports := reranker.ReportKey.NotedAll(out)
	for _, r := range reports[min(len(reports), len(reranker.ReportKey.NotedAll(in))):] {
		cached += r.Cached
		if r.Attempts > 0 {
			now.Spent = append(now.Spent, spentOf(r))
		}
	}
	switch {
	case len(now.Spent) > 0:
		return out, m.ledger.add(now)
	case cached > 0:
		if first, ok := m.ledger.find(now.Key); ok {
			return firstKey.Note(out, first), nil
		}
	}
	return out, nil
}

func (m *metered) key(q pipeline.Query, in pipeline.Ranking) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", m.tree, q.Text)
	for _, hit := range in.Hits {
		fmt.Fprintf(h, "%q\n", hit.Document.ID)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func spentOf(r reranker.Report) spent {
	all := r.Useful.Add(r.Wasted)
	return spent{Model: r.Model, Calls: r.Attempts, Retries: r.Retries + r.Hedges, Documents: all.Documents, Tokens: all.Tokens}
}
