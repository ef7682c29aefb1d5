package trec

import "fmt"

// MaxGrade is the greatest grade that is read, and its negative the least. What is
// beyond is a mistake: measures keep a count for every grade.
const MaxGrade = 10_000

// Qrels are relevance judgements: which document was given which grade for
// which topic.
type Qrels struct {
	// Topics stand in the order of the file.
	Topics []Judgements
	// Problems lists what the reader found.
	Problems []Problem
	// Synthetic says that no human gave these grades: the second column of a line
	// begins with "synthetic". Every table that is measured with them says so.
	Synthetic bool

	index map[string]int
}

// Judgements are those of one topic.
type Judgements struct {
	ID string
	// Judged stands in the order of the file.
	Judged []Judgement
}

// Judgement is the grade of one document. Grades above 0 say how relevant it
// is, 0 that it is not; negative grades mark documents that were pooled and not
// judged, or worse than irrelevant, see benchmarks/measure.
type Judgement struct {
	Document string
	Grade    int
}

// NewQrels returns judgements of the given topics. It takes ownership of the
// slice.
func NewQrels(topics []Judgements) *Qrels {
	q := &Qrels{Topics: topics}
	q.buildIndex()
	return q
}

// Topic returns the judgements of a topic, and whether it was judged.
func (q *Qrels) Topic(id string) ([]Judgement, bool) {
	i, ok := q.index[id]
	if !ok {
		return nil, false
	}
	return q.Topics[i].Judged, true
}

// Synthetic is what stands in the second column of judgements that no human gave.
const Synthetic = "synthetic"

// Check returns an error that names the first judgement whose grade lies beyond
// MaxGrade. Readers refuse such grades with file and line; judgements that a
// program made are checked by who measures with them.
func (q *Qrels) Check() error {
	for _, t := range q.Topics {
		for _, j := range t.Judged {
			if j.Grade > MaxGrade || j.Grade < -MaxGrade {
				return fmt.Errorf("trec: topic %s, document %s: grade %d is absurd: grades reach from -%d to %d", t.ID, j.Document, j.Grade, MaxGrade, MaxGrade)
			}
		}
	}
	return nil
}

func (q *Qrels) buildIndex() {
	q.index = make(map[string]int, len(q.Topics))
	for i, t := range q.Topics {
		q.index[t.ID] = i
	}
}
