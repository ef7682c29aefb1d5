package trec

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// WriteOptions say how a run is written.
type WriteOptions struct {
	// Exact writes every score as it is. By default a score that trec_eval would
	// sort elsewhere than the run's order says (a tie whose document ids fall
	// the wrong way, or a difference that 32-bit numbers lose) is lowered by the
	// smallest step that keeps the order.
	Exact bool
}

// WriteRun writes a run in TREC columns, in the order of its entries, which
// must not increase in score. Scores are written in the shortest form that
// reads back to the same bits.
//
// Evaluation by trec_eval sorts by score and then by document id descending and
// ignores the rank column; unless Exact is set, what is written keeps the run's
// order under that rule, in 64 and in 32 bits.
func WriteRun(w io.Writer, r *Run, o WriteOptions) error {
	out := bufio.NewWriterSize(w, 1<<16)
	for _, t := range r.Topics {
		if err := WriteTopic(out, t, r.Name, o); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteTopic writes one topic of a run; see WriteRun.
func WriteTopic(w io.Writer, t Topic, tag string, o WriteOptions) error {
	if err := checkField("tag", tag); err != nil {
		return err
	}
	if err := checkField("topic", t.ID); err != nil {
		return err
	}
	var line []byte
	var above Entry
	for i, e := range t.Entries {
		if err := checkEntry(t, i); err != nil {
			return err
		}
		if !o.Exact && i > 0 {
			if e.Score = keepBelow(above, e); math.IsInf(e.Score, 0) {
				return fmt.Errorf("trec: write run: topic %s, document %s: no score is low enough to keep the order", t.ID, e.Document)
			}
		}
		above = e
		line = line[:0]
		line = append(append(line, t.ID...), " Q0 "...)
		line = append(append(line, e.Document...), ' ')
		line = append(strconv.AppendInt(line, int64(i+1), 10), ' ')
		line = append(strconv.AppendFloat(line, e.Score, 'g', -1, 64), ' ')
		line = append(append(line, tag...), '\n')
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("trec: write run: %w", err)
		}
	}
	return nil
}

func checkEntry(t Topic, i int) error {
	e := t.Entries[i]
	if err := checkField("document", e.Document); err != nil {
		return fmt.Errorf("topic %s: %w", t.ID, err)
	}
	if math.IsNaN(e.Score) || math.IsInf(e.Score, 0) {
		return fmt.Errorf("trec: write run: topic %s, document %s: score %v is not finite", t.ID, e.Document, e.Score)
	}
	if i > 0 && e.Score > t.Entries[i-1].Score {
		return fmt.Errorf("trec: write run: topic %s, document %s at rank %d has a higher score than the one before it", t.ID, e.Document, i+1)
	}
	return nil
}

// checkField refuses what would break the columns.
func checkField(name, value string) error {
	if value == "" || strings.ContainsAny(value, " \t\r\n") {
		return fmt.Errorf("trec: write run: %s %q is empty or holds white space", name, value)
	}
	return nil
}

// keepBelow returns the score of e, lowered as little as keeps e behind above
// for a reader of 64-bit and, within their range, for one of 32-bit numbers.
func keepBelow(above, e Entry) float64 {
	switch {
	case behind(above, e):
		return e.Score
	case above.Document > e.Document:
		return min(e.Score, above.Score) // a tie keeps the order
	case math.Abs(above.Score) >= math.MaxFloat32:
		return math.Nextafter(above.Score, math.Inf(-1))
	}
	return min(e.Score, float64(math.Nextafter32(float32(above.Score), float32(math.Inf(-1)))))
}

// behind reports whether e comes after above in trec_eval's order.
func behind(above, e Entry) bool {
	wide := Order{}.compareScores(above.Score, e.Score)
	narrow := wide
	if math.Abs(above.Score) < math.MaxFloat32 {
		narrow = Order{Float32: true}.compareScores(above.Score, e.Score)
	}
	tied := above.Document > e.Document
	return (wide < 0 || wide == 0 && tied) && (narrow < 0 || narrow == 0 && tied)
}
