package trec

import (
	"bufio"
	"bytes"
	"errors"
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
// be kept, though each keeps the text of its whole topic. The iteration ends at the first error; in lenient mode malformed
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

// Tag returns the tag of the first line of a run file in TREC columns, "" if it
// cannot be read.
func Tag(name string) string {
	f, err := Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		run, err := ReadRun(strings.NewReader(lines.Text()), name, Options{Lenient: true, Workers: 1})
		if err == nil && len(run.Topics) > 0 {
			return run.Name
		}
	}
	return ""
}

type streamer struct {
	name     string
	options  Options
	problems func(Problem)
	done     map[string]struct{}
	line     int // of the block's first line, less one
	builder  *runBuilder
}

// streamBuffer is how much is read at once; a longer topic makes it grow.
const streamBuffer = 1 << 18

// run reads blocks and emits the lines of one topic after the other as text,
// which is parsed as a small run.
func (s *streamer) run(r io.Reader, yield func(Topic, error) bool) {
	buffer := make([]byte, 0, streamBuffer)
	var c cutter
	for ended := false; !ended; {
		if len(buffer) == cap(buffer) {
			buffer = append(make([]byte, 0, 2*cap(buffer)), buffer...)
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Topic{}, fmt.Errorf("trec: read %s: %w", s.name, err))
			return
		}
		ended = err != nil
		used := 0
		for {
			end, lines := c.next(buffer[used:], ended)
			if end == 0 {
				break
			}
			if !s.emit(string(buffer[used:used+end]), string(c.topic), yield) {
				return
			}
			s.line += lines
			used += end
			c = cutter{}
		}
		buffer = append(buffer[:0], buffer[used:]...)
	}
}

// cutter finds where the lines of one topic end. It keeps what it knows of the
// beginning of a text while more of it is read.
type cutter struct {
	topic     []byte
	at, lines int
}

// next returns the length of the first topic's lines and their number; 0 if the
// text may hold more of them.
func (c *cutter) next(text []byte, ended bool) (end, lines int) {
	for c.at < len(text) {
		length := bytes.IndexByte(text[c.at:], '\n') + 1
		if length == 0 && !ended {
			return 0, 0
		}
		if length == 0 {
			length = len(text) - c.at
		}
		topic := firstField(text[c.at : c.at+length])
		if len(topic) > 0 && topic[0] == '#' {
			topic = nil // a comment belongs to the topic around it
		}
		if len(topic) > 0 && c.topic == nil {
			c.topic = bytes.Clone(topic)
		}
		if len(topic) > 0 && !bytes.Equal(topic, c.topic) {
			return c.at, c.lines
		}
		c.at += length
		c.lines++
	}
	if !ended || c.topic == nil {
		return 0, 0
	}
	return c.at, c.lines
}

func firstField(line []byte) []byte {
	i := 0
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	start := i
	for i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '\n' {
		i++
	}
	if i+1 == len(line) || i == len(line) {
		return bytes.TrimSuffix(line[start:i], []byte("\r"))
	}
	return line[start:i]
}

func (s *streamer) emit(block, topic string, yield func(Topic, error) bool) bool {
	if _, again := s.done[topic]; again {
		yield(Topic{}, Problem{File: s.name, Line: s.line + 1, Text: fmt.Sprintf("topic %s comes back after other topics: read the run as a whole instead", topic)})
		return false
	}
	s.done[strings.Clone(topic)] = struct{}{}
	if s.builder == nil {
		s.builder = newRunBuilder(block, s.name, s.options)
	}
	b := s.builder
	b.again()
	err := b.readColumns(block, s.line)
	if err == nil {
		err = b.finish(1)
	}
	err = b.found.locate(err, func(seen func(line int, topic string)) {
		again := newRunBuilder(block, s.name, Options{Lenient: true})
		again.kept = seen
		_ = again.readColumns(block, s.line) // err has what is wrong
	})
	if err != nil {
		yield(Topic{}, err)
		return false
	}
	for _, p := range b.found.list {
		if s.problems != nil {
			s.problems(p)
		}
	}
	for _, t := range b.run.Topics {
		if !yield(t, nil) {
			return false
		}
	}
	return true
}
