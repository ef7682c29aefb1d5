package experiment

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
)

// journal keeps finished topics on disk. Its keys hold what the outcome depends
// on, as far as that can be seen: the topic's text, every part of every system
// with its settings, the collection and the plan's version; never a system's
// name.
type journal struct {
	prefix [sha256.Size]byte
	known  map[string]entry

	mu   sync.Mutex
	file *os.File
}

type entry struct {
	Key      string              `json:"key"`
	Outcomes []outcome           `json:"outcomes"`
	Texts    map[string]Document `json:"texts"`
}

func openJournal(p Plan, f *forest) (*journal, error) {
	j := &journal{prefix: fingerprint(p, f), known: map[string]entry{}}
	if p.Dir == "" {
		return j, nil
	}
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("experiment: %w", err)
	}
	name := filepath.Join(p.Dir, "journal.jsonl")
	if err := j.read(name, len(f.all)); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("experiment: %w", err)
	}
	j.file = file
	// A line that was cut off must not swallow the next one.
	_, err = file.WriteString("\n")
	return j, err
}

func fingerprint(p Plan, f *forest) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q %d %d\n", p.Collection.Name, p.Collection.Documents, p.Version, p.Depth, p.Keep)
	for _, b := range f.all {
		fmt.Fprintf(h, "%q\n", b.tree)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (j *journal) key(q pipeline.Query) string {
	h := sha256.New()
	h.Write(j.prefix[:])
	fmt.Fprintf(h, "%q %q %v %v", q.ID, q.Text, q.Turns, q.Filter)
	return hex.EncodeToString(h.Sum(nil))
}

// read loads what an earlier run finished. A line that is cut off or damaged is
// a topic that runs again.
func (j *journal) read(name string, branches int) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("experiment: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		var e entry
		if json.Unmarshal(line, &e) == nil && len(e.Outcomes) == branches {
			j.known[e.Key] = e
		}
		if err != nil {
			return nil
		}
	}
}

func (j *journal) find(q pipeline.Query) (topicRun, bool) {
	e, ok := j.known[j.key(q)]
	return topicRun{outcomes: e.Outcomes, texts: e.Texts}, ok
}

// add writes a finished topic. One on which something failed is not kept, so
// that going on tries it again.
func (j *journal) add(q pipeline.Query, t topicRun) error {
	if j.file == nil {
		return nil
	}
	for _, o := range t.outcomes {
		if o.Error != "" || o.Gaps != "" {
			return nil
		}
	}
	line, err := json.Marshal(entry{Key: j.key(q), Outcomes: t.outcomes, Texts: t.texts})
	if err != nil {
		return fmt.Errorf("experiment: journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("experiment: journal: %w", err)
	}
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close()
	}
}
