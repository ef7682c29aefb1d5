package trec

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
)

// ReadQrelsFile reads judgements from a file in any of the known formats.
func ReadQrelsFile(name string, o Options) (*Qrels, error) {
	text, err := readAll(name)
	if err != nil {
		return nil, err
	}
	return parseQrels(text, name, o)
}

// ReadQrels reads judgements in any of the known formats; name stands in
// messages.
func ReadQrels(r io.Reader, name string, o Options) (*Qrels, error) {
	plain, err := Decompress(r)
	if err != nil {
		return nil, err
	}
	text, err := slurp(plain, 0)
	if err != nil {
		return nil, err
	}
	return parseQrels(text, name, o)
}

func parseQrels(text, name string, o Options) (*Qrels, error) {
	b := &qrelsBuilder{qrels: &Qrels{index: map[string]int{}}, found: findings{file: name, lenient: o.Lenient}}
	err := b.read(text)
	if err == nil {
		err = b.finish()
	}
	err = b.found.locate(err, func(seen func(line int, topic string)) {
		again := &qrelsBuilder{qrels: &Qrels{index: map[string]int{}}, found: findings{file: name, lenient: true}, kept: seen}
		_ = again.read(text) // err has what is wrong
	})
	if err != nil {
		return nil, err
	}
	b.qrels.Problems = b.found.list
	return b.qrels, nil
}

// read reads a text in any of the known formats.
func (b *qrelsBuilder) read(text string) error {
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
	return b.readColumns(text)
}

type qrelsBuilder struct {
	qrels   *Qrels
	found   findings
	current int
	// kept, if not nil, is told of every judgement.
	kept func(line int, topic string)
}

// readColumns reads "topic iteration document grade".
func (b *qrelsBuilder) readColumns(text string) error {
	var f fields
	line := 0
	for at := 0; at < len(text); {
		var n int
		n, at = f.cut(text, at)
		line++
		if n == 0 || text[f[0]] == '#' {
			if n == 4 && f.of(text, 0) != "#" {
				if _, err := strconv.Atoi(f.of(text, 3)); err == nil {
					b.found.warn(line, "a line that begins with # is a comment, as in trec_eval 10, though this one looks like a judgement")
				}
			}
			continue
		}
		if n != 4 {
			if err := b.found.add(line, "a judgement has 4 fields (topic iteration document grade), this line has %d", n); err != nil {
				return err
			}
			continue
		}
		if !b.qrels.Synthetic && strings.HasPrefix(f.of(text, 1), Synthetic) {
			b.qrels.Synthetic = true
		}
		if err := b.addText(line, f.of(text, 0), f.of(text, 2), f.of(text, 3)); err != nil {
			return err
		}
	}
	return nil
}

func (b *qrelsBuilder) addText(line int, topic, document, grade string) error {
	value, err := strconv.Atoi(grade)
	if errors.Is(err, strconv.ErrRange) || err == nil && (value > MaxGrade || value < -MaxGrade) {
		return b.found.add(line, "grade %s of document %s is absurd: grades reach from -%d to %d", grade, document, MaxGrade, MaxGrade)
	}
	if err != nil {
		return b.found.add(line, "grade %q is not a whole number", grade)
	}
	return b.add(line, topic, document, value)
}

func (b *qrelsBuilder) addScore(line int, topic, document string, grade float64) error {
	if grade != math.Trunc(grade) {
		return b.found.add(line, "grade %v is not a whole number", grade)
	}
	if math.Abs(grade) > MaxGrade {
		return b.found.add(line, "grade %v of document %s is absurd: grades reach from -%d to %d", grade, document, MaxGrade, MaxGrade)
	}
	return b.add(line, topic, document, int(grade))
}

func (b *qrelsBuilder) add(line int, topic, document string, grade int) error {
	if topic == "" || document == "" {
		return b.found.add(line, "empty topic or document id")
	}
	q := b.qrels
	if b.current >= len(q.Topics) || q.Topics[b.current].ID != topic {
		i, ok := q.index[topic]
		if !ok {
			i = len(q.Topics)
			q.index[topic] = i
			q.Topics = append(q.Topics, Judgements{ID: topic})
		}
		b.current = i
	}
	t := &q.Topics[b.current]
	t.Judged = append(t.Judged, Judgement{Document: document, Grade: grade})
	if b.kept != nil {
		b.kept(line, topic)
	}
	return nil
}

// finish refuses a document that was judged twice for one topic, unless both
// grades agree, which is only odd.
func (b *qrelsBuilder) finish() error {
	var seen repeats
	for i := range b.qrels.Topics {
		t := &b.qrels.Topics[i]
		seen.reset(len(t.Judged))
		at := func(i int) string { return t.Judged[i].Document }
		kept := 0
		for entry, j := range t.Judged {
			first, again := seen.add(j.Document, kept, at)
			switch {
			case again && t.Judged[first].Grade == j.Grade:
				b.found.warnAt(t.ID, entry, "topic %s: document %s is judged twice with the same grade", t.ID, j.Document)
			case again:
				if err := b.found.addAt(t.ID, entry, "topic %s: document %s is judged twice, as %d and as %d", t.ID, j.Document, t.Judged[first].Grade, j.Grade); err != nil {
					return err
				}
			default:
				t.Judged[kept] = j
				kept++
			}
		}
		t.Judged = t.Judged[:kept]
	}
	return nil
}
