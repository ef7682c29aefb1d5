package trec

import (
	"errors"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// ReadRunFile reads a run from a file in any of the known formats.
func ReadRunFile(name string, o Options) (*Run, error) {
	text, err := readAll(name)
	if err != nil {
		return nil, err
	}
	return parseRun(text, name, o)
}

// ReadRun reads a run in any of the known formats; name stands in messages.
func ReadRun(r io.Reader, name string, o Options) (*Run, error) {
	plain, err := Decompress(r)
	if err != nil {
		return nil, err
	}
	text, err := slurp(plain, 0)
	if err != nil {
		return nil, err
	}
	return parseRun(text, name, o)
}

func newRunBuilder(text, name string, o Options) *runBuilder {
	base := filepath.Base(name)
	base, _, _ = strings.Cut(base, ".")
	return &runBuilder{
		run:   &Run{Name: base, index: map[string]int{}},
		found: findings{file: name, lenient: o.Lenient},
		size:  len(text) / 48,
	}
}

// again makes the builder ready for another text, with the memory of this one.
func (b *runBuilder) again() {
	clear(b.run.index)
	b.run.Topics, b.lineOf, b.found.list, b.found.places = b.run.Topics[:0], b.lineOf[:0], nil, nil
	b.current, b.returned.line, b.rows = 0, 0, rows{}
}

func parseRun(text, name string, o Options) (*Run, error) {
	b := newRunBuilder(text, name, o)
	err := b.read(text, name, o)
	if err == nil {
		err = b.finish(o.workers())
	}
	err = b.found.locate(err, func(seen func(line int, topic string)) {
		again := newRunBuilder(text, name, Options{Lenient: true})
		again.kept = seen
		_ = again.read(text, name, Options{Lenient: true, Workers: 1}) // err has what is wrong
	})
	if err != nil {
		return nil, err
	}
	b.run.Problems = b.found.list
	return b.run, nil
}

// read reads a text in any of the known formats.
func (b *runBuilder) read(text, name string, o Options) error {
	if err := b.found.damaged(text, 0); err != nil {
		return err
	}
	switch detect(text) {
	case formatObject:
		return readObject(text, b.found.file, b.addScore)
	case formatRecords:
		return readRecords(text, &b.found, b.addScore)
	case formatTable:
		return readTable(text, &b.found, b.addText)
	}
	return b.readPieces(text, name, o)
}

// runBuilder gathers entries by topic while a file is read.
type runBuilder struct {
	run   *Run
	found findings
	// current is the topic of the previous line: lines come in runs of one topic.
	current int
	lineOf  []int // first line of each topic, for messages
	size    int
	lines   int // read so far
	seen    repeats
	spaced  bool // a tag with spaces was reported
	rows    rows
	// returned is the first topic that came back after other topics.
	returned struct {
		line  int
		topic string
	}
	// kept, if not nil, is told of every entry.
	kept func(line int, topic string)
}

// readPieces reads columns in parts side by side and joins them in order: the
// result is that of reading in one go.
func (b *runBuilder) readPieces(text, name string, o Options) error {
	parts := pieces(text, o.workers())
	if len(parts) == 1 {
		return b.readColumns(text, 0)
	}
	builders, errs := make([]*runBuilder, len(parts)), make([]error, len(parts))
	inParallel(o.workers(), len(parts), func(i int) {
		builders[i] = newRunBuilder(parts[i], name, o)
		errs[i] = builders[i].readColumns(parts[i], 0)
	})
	for i, part := range builders {
		if err := b.join(part, errs[i]); err != nil {
			return err
		}
	}
	return nil
}

// join appends what another builder read from the text that follows.
func (b *runBuilder) join(part *runBuilder, err error) error {
	for _, p := range part.found.list {
		p.Line += b.lines
		b.found.list = append(b.found.list, p)
	}
	b.spaced = b.spaced || part.spaced
	var problem Problem
	if errors.As(err, &problem) {
		problem.Line += b.lines
		return problem
	}
	for i, t := range part.run.Topics {
		if len(b.run.Topics) == 0 {
			b.run.Name = part.run.Name
		}
		if _, known := b.run.index[t.ID]; known {
			into := b.topic(0, t.ID)
			into.Entries = append(into.Entries, t.Entries...)
			continue
		}
		b.run.index[t.ID] = len(b.run.Topics)
		b.run.Topics = append(b.run.Topics, t)
		b.lineOf = append(b.lineOf, part.lineOf[i]+b.lines)
	}
	b.lines += part.lines
	return err
}

// readColumns reads "topic Q0 document rank score tag".
func (b *runBuilder) readColumns(text string, after int) error {
	var f fields
	var plain row
	line := after
	for at := 0; at < len(text); {
		line++
		if next := b.rows.next(text, at, &plain); next > 0 {
			at = next
			if err := b.add(line, plain.topic, Entry{Document: plain.document, Score: plain.score, Rank: plain.rank}); err != nil {
				return err
			}
			continue
		}
		var n int
		n, at = f.cut(text, at)
		if n == 0 {
			continue
		}
		if n < 6 || n > 6 && !f.looksLikeRun(text) || text[f[0]] == '#' {
			if err := b.skip(line, n, &f, text); err != nil {
				return err
			}
			continue
		}
		tag := f.of(text, 5)
		if n > 6 {
			tag = strings.TrimRight(text[f[10]:at], " \t\r\n")
			if err := b.spacedTag(line, n, tag); err != nil {
				return err
			}
		}
		rank, err := strconv.Atoi(f.of(text, 3))
		if err != nil {
			b.found.warn(line, "rank %q is not a whole number", f.of(text, 3))
		}
		if err := b.addRanked(line, f.of(text, 0), f.of(text, 2), f.of(text, 4), rank); err != nil {
			return err
		}
		if len(b.run.Topics) == 1 && len(b.run.Topics[0].Entries) == 1 {
			b.run.Name = tag
		}
		b.rows.learn(f.of(text, 0), f.of(text, 1), tag)
	}
	b.lines = line - after
	return nil
}

// skip passes over a comment, and refuses a line with the wrong number of fields.
func (b *runBuilder) skip(line, n int, f *fields, text string) error {
	if text[f[0]] != '#' {
		return b.found.add(line, "a run line has 6 fields (topic Q0 document rank score tag), this one has %d", n)
	}
	if n >= 6 && f.of(text, 0) != "#" && f.looksLikeRun(text) {
		b.found.warn(line, "a line that begins with # is a comment, as in trec_eval 10, though this one looks like a run line")
	}
	return nil
}

// spacedTag reports a tag of several words: in strict mode as an error, for
// the spaces may be those of a document's id, in lenient mode once.
func (b *runBuilder) spacedTag(line, n int, tag string) error {
	if !b.found.lenient {
		return b.found.add(line, "a run line has 6 fields (topic Q0 document rank score tag), this one has %d: does the tag %q hold spaces? Lenient reading accepts that", n, tag)
	}
	if !b.spaced {
		b.spaced = true
		b.found.warn(line, "the tag %q holds spaces, which some tools refuse", tag)
	}
	return nil
}

func (b *runBuilder) addText(line int, topic, document, score string) error {
	return b.addRanked(line, topic, document, score, 0)
}

func (b *runBuilder) addRanked(line int, topic, document, score string, rank int) error {
	value, err := parseScore(score)
	if err != nil && !math.IsInf(value, 0) {
		return b.found.add(line, "score %q is not a number", score)
	}
	return b.add(line, topic, Entry{Document: document, Score: value, Rank: rank})
}

func (b *runBuilder) addScore(line int, topic, document string, score float64) error {
	return b.add(line, topic, Entry{Document: document, Score: score})
}

func (b *runBuilder) add(line int, topic string, e Entry) error {
	if math.IsNaN(e.Score) || math.IsInf(e.Score, 0) {
		return b.found.add(line, "topic %s, document %s: score %v is not finite", topic, e.Document, e.Score)
	}
	if topic == "" || e.Document == "" {
		return b.found.add(line, "empty topic or document id")
	}
	t := b.topic(line, topic)
	t.Entries = append(t.Entries, e)
	if b.kept != nil {
		b.kept(line, topic)
	}
	return nil
}

func (b *runBuilder) topic(line int, id string) *Topic {
	if b.current < len(b.run.Topics) && b.run.Topics[b.current].ID == id {
		return &b.run.Topics[b.current]
	}
	i, ok := b.run.index[id]
	if !ok {
		i = len(b.run.Topics)
		b.run.index[id] = i
		b.run.Topics = append(b.run.Topics, Topic{ID: id, Entries: b.memory()})
		b.lineOf = append(b.lineOf, line)
	} else if b.returned.line == 0 {
		b.returned.line, b.returned.topic = line, id
	}
	b.current = i
	return &b.run.Topics[i]
}

// memory returns room for a topic's entries: that of a topic of an earlier text,
// or about as much as the topic before needed.
func (b *runBuilder) memory() []Entry {
	i := len(b.run.Topics)
	if i < cap(b.run.Topics) {
		if earlier := b.run.Topics[:i+1][i].Entries; earlier != nil {
			return earlier[:0]
		}
	}
	if i > 0 {
		return make([]Entry, 0, len(b.run.Topics[i-1].Entries))
	}
	return make([]Entry, 0, min(b.size, 1000))
}

// finish looks at each whole topic: repeated documents, ranks against scores.
// Parts of the topics are looked at side by side, their findings joined in
// order.
func (b *runBuilder) finish(workers int) error {
	n := len(b.run.Topics)
	parts := max(1, min(workers, n/16))
	found, errs := make([]findings, parts), make([]error, parts)
	inParallel(workers, parts, func(part int) {
		f := &found[part]
		f.file, f.lenient = b.found.file, b.found.lenient
		seen := &b.seen
		if part > 0 {
			seen = &repeats{}
		}
		for i := n * part / parts; i < n*(part+1)/parts && errs[part] == nil; i++ {
			errs[part] = finishTopic(&b.run.Topics[i], b.lineOf[i], f, seen)
		}
	})
	for part := range parts {
		b.found.join(found[part])
		if errs[part] != nil {
			return errs[part]
		}
	}
	return nil
}

func finishTopic(t *Topic, line int, f *findings, seen *repeats) error {
	if err := dropRepeated(t, f, seen); err != nil {
		return err
	}
	for j := 1; j < len(t.Entries); j++ {
		above, below := &t.Entries[j-1], &t.Entries[j]
		if (above.Rank < below.Rank && above.Score < below.Score) || (above.Rank > below.Rank && above.Score > below.Score) {
			f.warn(line, "topic %s: the rank column contradicts the scores (documents %s and %s); scores decide", t.ID, above.Document, below.Document)
			f.list[len(f.list)-1].RankContradicts = true
			break
		}
	}
	return nil
}

func dropRepeated(t *Topic, f *findings, seen *repeats) error {
	seen.reset(len(t.Entries))
	kept := 0
	at := func(i int) string { return t.Entries[i].Document }
	for i := range t.Entries {
		id := t.Entries[i].Document
		if _, again := seen.add(id, kept, at); again {
			if err := f.addAt(t.ID, i, "topic %s: document %s is returned twice", t.ID, id); err != nil {
				return err
			}
			continue
		}
		if kept < i {
			t.Entries[kept] = t.Entries[i]
		}
		kept++
	}
	t.Entries = t.Entries[:kept]
	return nil
}
