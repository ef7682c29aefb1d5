package trec

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// Problem is something wrong with an input file.
type Problem struct {
	// File is the name that the reader was given.
	File string
	// Line counts from 1; 0 concerns the whole file.
	Line int
	// Text says what is wrong.
	Text string
	// Warning marks what is odd but harmless, such as a rank column that
	// contradicts the scores: it is listed and never an error.
	Warning bool
	// RankContradicts marks the warning that a topic's rank column contradicts its
	// scores.
	RankContradicts bool
}

// Error prints file, line and text in the form that editors understand.
func (p Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Options say how to read. The zero value is strict.
type Options struct {
	// Lenient skips what is malformed and lists it under Problems, instead of
	// stopping at the first.
	Lenient bool
	// Workers bounds how many parts of a file are read side by side; 0 means one
	// for each processor. It never changes what is read.
	Workers int
	// Reuse lets StreamRun use the memory of a topic's strings again for later
	// topics: nothing of a yielded topic may be kept then, and next to no garbage
	// is made. Other readers ignore it.
	Reuse bool
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// findings collects problems, and decides whether one is fatal.
type findings struct {
	file    string
	lenient bool
	list    []Problem
	// places says of some problems of the list which entry of which topic they are
	// about: their lines are looked up once, at the end.
	places []place
}

// place is where a problem of the list lies: entry counts what was read of the
// topic, from 0.
type place struct {
	at    int
	topic string
	entry int
}

// misplaced is a problem that stops reading and whose line is not known yet.
type misplaced struct {
	Problem
	place
}

// add notes a problem; in strict mode it returns it as the error to stop with.
func (f *findings) add(line int, format string, args ...any) error {
	p := Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...)}
	if !f.lenient {
		return p
	}
	f.list = append(f.list, p)
	return nil
}

// addAt notes a problem with an entry of a topic, as add does.
func (f *findings) addAt(topic string, entry int, format string, args ...any) error {
	p := Problem{File: f.file, Text: fmt.Sprintf(format, args...)}
	where := place{at: len(f.list), topic: topic, entry: entry}
	if !f.lenient {
		return &misplaced{p, where}
	}
	f.list, f.places = append(f.list, p), append(f.places, where)
	return nil
}

// warnAt notes what is odd about an entry of a topic.
func (f *findings) warnAt(topic string, entry int, format string, args ...any) {
	f.places = append(f.places, place{at: len(f.list), topic: topic, entry: entry})
	f.warn(0, format, args...)
}

// join appends what was found elsewhere, in another part of the topics.
func (f *findings) join(other findings) {
	for _, p := range other.places {
		p.at += len(f.list)
		f.places = append(f.places, p)
	}
	f.list = append(f.list, other.list...)
}

// locate fills in the lines of the places and of err, if it lacks its own. scan
// reads the text once more and tells of the line and topic of every entry that is
// kept; it is not called where nothing is to be found.
func (f *findings) locate(err error, scan func(seen func(line int, topic string))) error {
	wanted := map[place]int{} // with at 0; the line, 0 until it is found
	key := func(p place) place { return place{topic: p.topic, entry: p.entry} }
	for _, p := range f.places {
		wanted[key(p)] = 0
	}
	var stopped *misplaced
	if errors.As(err, &stopped) {
		wanted[key(stopped.place)] = 0
	}
	if len(wanted) == 0 {
		return err
	}
	count := map[string]int{}
	scan(func(line int, topic string) {
		p := place{topic: topic, entry: count[topic]}
		if _, ok := wanted[p]; ok {
			wanted[p] = line
		}
		count[topic]++
	})
	for _, p := range f.places {
		f.list[p.at].Line = wanted[key(p)]
	}
	if stopped != nil {
		stopped.Line = wanted[key(stopped.place)]
		return stopped.Problem
	}
	return err
}

func (f *findings) warn(line int, format string, args ...any) {
	f.list = append(f.list, Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...), Warning: true})
}

// damaged notes that a text which begins behind so many lines holds NUL bytes: no
// tool writes them into an id.
func (f *findings) damaged(text string, before int) error {
	i := strings.IndexByte(text, 0)
	if i < 0 {
		return nil
	}
	return f.add(before+1+strings.Count(text[:i], "\n"), "a NUL byte: the file is damaged, or of 16-bit characters, and must be UTF-8")
}
