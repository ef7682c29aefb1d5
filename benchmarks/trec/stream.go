package trec

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"
)

// StreamRun reads a run in TREC columns one topic at a time, so that memory
// holds no more than one topic. r may be compressed. All lines of a topic must
// stand together; a topic that comes back is an error.
//
// The slice of a yielded topic is used again for the next one; its strings may
// be kept. The iteration ends at the first error; in lenient mode malformed
// lines are skipped and problems, if not nil, is told of each.
func StreamRun(r io.Reader, name string, o Options, problems func(Problem)) iter.Seq2[Topic, error] {
	return func(yield func(Topic, error) bool) {
		plain, err := Decompress(r)
		if err != nil {
			yield(Topic{}, fmt.Errorf("trec: open %s: %w", name, err))
			return
		}
		s := &streamer{name: name, options: o, problems: problems, done: map[string]struct{}{}}
		s.run(plain, yield)
	}
}

type streamer struct {
	name     string
	options  Options
	problems func(Problem)
	done     map[string]struct{}
	line     int // of the block's first line, less one
}

// run gathers the lines of one topic as text and parses them as a small run.
func (s *streamer) run(r io.Reader, yield func(Topic, error) bool) {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 1<<16), 1<<20)
	var block strings.Builder
	topic, number := "", 0
	for scan.Scan() {
		number++
		var field [1]string
		if split(scan.Text(), field[:]) == 0 {
			block.WriteByte('\n')
			continue
		}
		if field[0] != topic && topic != "" {
			if !s.emit(block.String(), topic, yield) {
				return
			}
			block.Reset()
			s.line = number - 1
		}
		topic = field[0]
		block.Write(scan.Bytes())
		block.WriteByte('\n')
	}
	if err := scan.Err(); err != nil {
		yield(Topic{}, fmt.Errorf("trec: read %s: %w", s.name, err))
		return
	}
	if topic != "" {
		s.emit(block.String(), topic, yield)
	}
}

func (s *streamer) emit(block, topic string, yield func(Topic, error) bool) bool {
	if _, again := s.done[topic]; again {
		yield(Topic{}, Problem{File: s.name, Line: s.line + 1, Text: fmt.Sprintf("topic %s comes back after other topics: read the run as a whole instead", topic)})
		return false
	}
	s.done[strings.Clone(topic)] = struct{}{}
	run, err := parseColumns(block, s.name, s.line, s.options)
	if err != nil {
		yield(Topic{}, err)
		return false
	}
	for _, p := range run.Problems {
		if s.problems != nil {
			s.problems(p)
		}
	}
	for _, t := range run.Topics {
		if !yield(t, nil) {
			return false
		}
	}
	return true
}
