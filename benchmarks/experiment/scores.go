package experiment

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/rankcascade/cascade/reranker/cache"
)

// ScoreFile keeps rerank scores in a file, so that an experiment pays for each
// pair of query and document once and replays it for nothing:
//
//	scores, err := experiment.OpenScores("scores.bin")
//	defer scores.Close()
//	cached := cache.New(client, scores, cache.Options{Tenant: "lab", Endpoint: "nebius", Model: model})
//
// What the key of a score holds is up to package cache: the query, the text, the
// model and the template, never a system's name. The file only grows. A
// ScoreFile is a cache.Store and safe for concurrent use, in one process.
type ScoreFile struct {
	mu     sync.Mutex
	known  map[cache.Key][]byte
	file   *os.File
	buffer *bufio.Writer
}

var _ cache.Store = (*ScoreFile)(nil)

// mostValue bounds an entry: a score and a model's name are far smaller.
const mostValue = 1 << 12

// OpenScores opens or creates the file. What a crash cut off at its end is
// dropped.
func OpenScores(name string) (*ScoreFile, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("experiment: %w", err)
	}
	s := &ScoreFile{known: map[cache.Key][]byte{}, file: f}
	whole, err := s.load()
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("experiment: read %s: %w", name, err)
	}
	s.buffer = bufio.NewWriter(f)
	return s, nil
}

// load reads entries up to the end or to the first that is not whole, and
// returns where that is.
func (s *ScoreFile) load() (int64, error) {
	in := bufio.NewReader(s.file)
	at := int64(0)
	for {
		var head [34]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return at, ignoreEnd(err)
		}
		value := make([]byte, binary.LittleEndian.Uint16(head[32:]))
		if len(value) > mostValue {
			return at, nil
		}
		if _, err := io.ReadFull(in, value); err != nil {
			return at, ignoreEnd(err)
		}
		s.known[cache.Key(head[:32])] = value
		at += int64(len(head) + len(value))
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// Len returns the number of scores.
func (s *ScoreFile) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}

// GetMany returns one value for each key, nil where there is none.
func (s *ScoreFile) GetMany(_ context.Context, keys []cache.Key) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = s.known[k]
	}
	return values, nil
}

// SetMany keeps the entries and appends those that are new to the file.
func (s *ScoreFile) SetMany(_ context.Context, entries []cache.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		if len(e.Value) > mostValue {
			return fmt.Errorf("experiment: a score of %d bytes", len(e.Value))
		}
		if _, again := s.known[e.Key]; again {
			continue
		}
		s.known[e.Key] = slices.Clone(e.Value)
		record := append(e.Key[:len(e.Key):len(e.Key)], byte(len(e.Value)), byte(len(e.Value)>>8))
		if _, err := s.buffer.Write(append(record, e.Value...)); err != nil {
			return fmt.Errorf("experiment: write scores: %w", err)
		}
	}
	if err := s.buffer.Flush(); err != nil {
		return fmt.Errorf("experiment: write scores: %w", err)
	}
	return nil
}

// Close writes what is pending and closes the file.
func (s *ScoreFile) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.buffer.Flush(), s.file.Close())
}
