package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// checkpoint is how often an unfinished run is written.
const checkpoint = 5 * time.Second

// runFile is the run as far as it is known. It is not safe for concurrent use.
type runFile struct {
	name, tag string
	questions []entry
	topics    []*trec.Topic // one for each question, nil if it is not answered
	next      time.Time     // when it is written again
}

// openRun reads what the file holds already, and refuses what the program did
// not write for these questions under this tag.
func openRun(name, tag string, questions []entry) (*runFile, error) {
	f := &runFile{name: name, tag: tag, questions: questions, topics: make([]*trec.Topic, len(questions)), next: time.Now().Add(checkpoint)}
	run, err := trec.ReadRunFile(name, trec.Options{})
	if info, statErr := os.Stat(name); errors.Is(statErr, fs.ErrNotExist) || statErr == nil && info.Size() == 0 {
		return f, f.write() // finds out early whether it can be written
	}
	if err != nil {
		return nil, fmt.Errorf("%w (remove the file to begin anew)", err)
	}
	if run.Name != tag {
		return nil, fmt.Errorf("%s is a run with the tag %s, and this one would have the tag %s: remove it, or choose another -out", name, run.Name, tag)
	}
	at := make(map[string]int, len(questions))
	for i, q := range questions {
		at[string(q.ID)] = i
	}
	for _, t := range run.Topics {
		i, ok := at[t.ID]
		if !ok {
			return nil, fmt.Errorf("%s holds topic %s, which is none of the queries: remove it, or choose another -out", name, t.ID)
		}
		f.topics[i] = &t
	}
	return f, nil
}

// missing returns the positions of the questions that are not answered.
func (f *runFile) missing() []int {
	var at []int
	for i, t := range f.topics {
		if t == nil {
			at = append(at, i)
		}
	}
	return at
}

func (f *runFile) kept() int      { return len(f.topics) - len(f.missing()) }
func (f *runFile) complete() bool { return len(f.missing()) == 0 }

// add notes an answer, and writes the run if that is due.
func (f *runFile) add(at int, topic trec.Topic) error {
	f.topics[at] = &topic
	began := time.Now()
	if began.Before(f.next) {
		return nil
	}
	err := f.write()
	// A large run takes long to write: at most a twentieth of the time goes there.
	f.next = time.Now().Add(max(checkpoint, 20*time.Since(began)))
	return err
}

// write replaces the file as a whole: whoever reads it, and whenever the process
// is killed, it holds whole topics in the order of the queries.
func (f *runFile) write() (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(f.name), filepath.Base(f.name)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write run: %w", err), os.Remove(temporary.Name()))
		}
	}()
	topics := make([]trec.Topic, 0, len(f.topics))
	for _, t := range f.topics {
		if t != nil {
			topics = append(topics, *t)
		}
	}
	err = trec.WriteRun(temporary, trec.NewRun(f.tag, topics), trec.WriteOptions{})
	if err == nil {
		err = temporary.Chmod(0o644)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), f.name)
}
