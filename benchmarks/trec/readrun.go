package trec

import (
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
		seen:  map[string]struct{}{},
		size:  len(text) / 48,
	}
}

// parseColumns parses TREC columns whose first line is line number after+1 of
// its file.
func parseColumns(text, name string, after int, o Options) (*Run, error) {
	b := newRunBuilder(text, name, o)
	err := b.readColumns(text, after)
	if err == nil {
		err = b.finish()
	}
	b.run.Problems = b.found.list
	return b.run, err
}

func parseRun(text, name string, o Options) (*Run, error) {
	b := newRunBuilder(text, name, o)
	var err error
	switch detect(text) {
	case formatObject:
		err = readObject(text, b.found.file, b.addScore)
	case formatRecords:
		err = readRecords(text, &b.found, b.addScore)
	case formatTable:
		err = readTable(text, &b.found, b.addText)
	default:
		err = b.readColumns(text, 0)
	}
	if err == nil {
		err = b.finish()
	}
	if err != nil {
		return nil, err
	}
	b.run.Problems = b.found.list
	return b.run, nil
}

// runBuilder gathers entries by topic while a file is read.
type runBuilder struct {
	run   *Run
	found findings
	// current is the topic of the previous line: lines come in runs of one topic.
	current int
	lineOf  []int // first line of each topic, for messages
	seen    map[string]struct{}
	size    int
}

// readColumns reads "topic Q0 document rank score tag".
func (b *runBuilder) readColumns(text string, after int) error {
	var fields [7]string
	l := lines{rest: text, number: after}
	for line, ok := l.next(); ok; line, ok = l.next() {
		n := split(line, fields[:])
		if n == 0 {
			continue
		}
		if n != 6 {
			if err := b.found.add(l.number, "a run line has 6 fields (topic Q0 document rank score tag), this one has %d", n); err != nil {
				return err
			}
			continue
		}
		rank, err := strconv.Atoi(fields[3])
		if err != nil {
			b.found.warn(l.number, "rank %q is not a whole number", fields[3])
		}
		if err := b.addRanked(l.number, fields[0], fields[2], fields[4], rank); err != nil {
			return err
		}
		if len(b.run.Topics) == 1 && len(b.run.Topics[0].Entries) == 1 {
			b.run.Name = fields[5]
		}
	}
	return nil
}

func (b *runBuilder) addText(line int, topic, document, score string) error {
	return b.addRanked(line, topic, document, score, 0)
}

func (b *runBuilder) addRanked(line int, topic, document, score string, rank int) error {
	value, err := strconv.ParseFloat(score, 64)
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
		capacity := min(b.size, 1000)
		if i > 0 {
			capacity = len(b.run.Topics[i-1].Entries)
		}
		b.run.Topics = append(b.run.Topics, Topic{ID: id, Entries: make([]Entry, 0, capacity)})
		b.lineOf = append(b.lineOf, line)
	}
	b.current = i
	return &b.run.Topics[i]
}

// finish looks at each whole topic: repeated documents, ranks against scores.
func (b *runBuilder) finish() error {
	for i := range b.run.Topics {
		t := &b.run.Topics[i]
		if err := b.dropRepeated(t, b.lineOf[i]); err != nil {
			return err
		}
		for j := 1; j < len(t.Entries); j++ {
			above, below := t.Entries[j-1], t.Entries[j]
			if (above.Rank < below.Rank && above.Score < below.Score) || (above.Rank > below.Rank && above.Score > below.Score) {
				b.found.warn(b.lineOf[i], "topic %s: the rank column contradicts the scores (documents %s and %s); scores decide", t.ID, above.Document, below.Document)
				break
			}
		}
	}
	return nil
}

func (b *runBuilder) dropRepeated(t *Topic, line int) error {
	clear(b.seen)
	kept := t.Entries[:0]
	for _, e := range t.Entries {
		if _, again := b.seen[e.Document]; again {
			if err := b.found.add(line, "topic %s: document %s is returned twice", t.ID, e.Document); err != nil {
				return err
			}
			continue
		}
		b.seen[e.Document] = struct{}{}
		kept = append(kept, e)
	}
	t.Entries = kept
	return nil
}
