package trec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unsafe"
)

// ErrScattered is in the chain of StreamRun's error where a run can only be read
// as a whole: a topic comes back after other topics, or the format is not TREC
// columns.
var ErrScattered = errors.New("trec: not one topic after the other")

// StreamRun reads a run in TREC columns one topic at a time. Memory holds a block
// of 256 KB, or one topic if that is longer. r may be compressed. All lines of a
// topic must stand together, else ErrScattered ends the iteration.
//
// The slice of a yielded topic is used again for a later one; its strings may be
// kept unless Options.Reuse is set, though each keeps the text of its whole block.
// The iteration ends at the
// first error; in lenient mode malformed lines are skipped and problems, if not
// nil, is told of each.
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

// run reads blocks of whole topics and parses each as a small run.
func (s *streamer) run(r io.Reader, yield func(Topic, error) bool) {
	buffer := make([]byte, 0, streamBuffer)
	for begun, ended := false, false; !ended; begun = true {
		if len(buffer) == cap(buffer) {
			buffer = append(make([]byte, 0, 2*cap(buffer)), buffer...)
		}
		var err error
		if buffer, ended, err = fill(r, buffer); err != nil {
			yield(Topic{}, fmt.Errorf("trec: read %s: %w", s.name, err))
			return
		}
		if !begun && detect(string(buffer)) != formatColumns {
			yield(Topic{}, scattered{Problem{File: s.name, Text: "only TREC columns can be read topic by topic: read the run as a whole instead"}})
			return
		}
		used := len(buffer)
		if !ended {
			used = wholeTopics(buffer)
		}
		if used > 0 && !s.emit(s.text(buffer[:used]), yield) {
			return
		}
		buffer = append(buffer[:0], buffer[used:]...)
	}
}

// text returns a block as a string: that memory itself, which will be written to
// again, if the strings of topics are not kept.
func (s *streamer) text(block []byte) string {
	if s.options.Reuse {
		return unsafe.String(unsafe.SliceData(block), len(block))
	}
	return string(block)
}

// fill reads until the buffer is full or r ends. io.ReadFull would call the end of
// a compressed file that was cut off an end too.
func fill(r io.Reader, buffer []byte) (filled []byte, ended bool, err error) {
	for len(buffer) < cap(buffer) {
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			return buffer, true, nil
		}
		if err != nil {
			return buffer, false, err
		}
	}
	return buffer, false, nil
}

// wholeTopics returns how much of a text's beginning holds topics that other
// topics follow: all but the lines of the last topic. A comment belongs to the
// topic around it.
func wholeTopics(text []byte) int {
	var last []byte
	for end := bytes.LastIndexByte(text, '\n') + 1; end > 0; {
		start := bytes.LastIndexByte(text[:end-1], '\n') + 1
		topic := firstField(text[start:end])
		switch {
		case len(topic) == 0 || topic[0] == '#':
		case last == nil:
			last = topic
		case !bytes.Equal(topic, last):
			return end
		}
		end = start
	}
	return 0
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

// emit parses a block and yields its topics.
func (s *streamer) emit(block string, yield func(Topic, error) bool) bool {
	if s.builder == nil {
		s.builder = newRunBuilder(block, s.name, s.options)
	}
	b := s.builder
	if err := s.parse(block); err != nil {
		yield(Topic{}, err)
		return false
	}
	for _, p := range b.found.list {
		if s.problems != nil {
			s.problems(p)
		}
	}
	for _, t := range b.run.Topics {
		s.done[strings.Clone(t.ID)] = struct{}{}
		if !yield(t, nil) {
			return false
		}
	}
	return true
}

// parse fills the builder with the topics of a block.
func (s *streamer) parse(block string) error {
	b, before := s.builder, s.line
	b.again()
	err := b.found.damaged(block, before)
	if err == nil {
		err = b.readColumns(block, before)
	}
	s.line += b.lines
	for i, t := range b.run.Topics {
		if _, again := s.done[t.ID]; again {
			return s.comesBack(b.lineOf[i], t.ID)
		}
	}
	if b.returned.line > 0 {
		return s.comesBack(b.returned.line, b.returned.topic)
	}
	if err == nil {
		err = b.finish(1)
	}
	return b.found.locate(err, func(seen func(line int, topic string)) {
		again := newRunBuilder(block, s.name, Options{Lenient: true})
		again.kept = seen
		_ = again.readColumns(block, before) // err has what is wrong
	})
}

func (s *streamer) comesBack(line int, topic string) error {
	return scattered{Problem{File: s.name, Line: line, Text: "topic " + topic + " comes back after other topics: read the run as a whole instead"}}
}

// scattered is what is wrong with a run that can only be read as a whole.
type scattered struct{ Problem }

func (s scattered) Is(target error) bool { return target == ErrScattered }

func (s scattered) Unwrap() error { return s.Problem }
