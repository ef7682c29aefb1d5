package measure

import "github.com/rankcascade/cascade/benchmarks/trec"

// Judge measures many rankings of one topic, as tuning does, without building a
// run for each. It is not safe for concurrent use.
type Judge struct {
	topic   topic
	judged  []trec.Judgement
	grades  gradeTable
	entries []trec.Entry
	order   []int32
}

// NewJudge prepares the judgements of a topic. Only Level and OldRecallCuts of
// the options matter: the order of a ranking is the caller's. Grades must have
// passed trec.Qrels.Check.
func NewJudge(t trec.Judgements, o Options) *Judge {
	judged := t.Judged
	j := &Judge{judged: judged}
	j.topic.id = t.ID
	j.grades.fill(judged)
	j.topic.level, j.topic.oldCuts = int32(o.level()), o.OldRecallCuts
	j.topic.judge(judged)
	j.topic.annotated = map[string]struct{}{}
	annotate(j.topic.annotated, judged)
	return j
}

// Value measures the documents in the order in which they stand. The measure
// must come from Parse or Own; a value of an own measure is not checked. Hole knows of this topic's judgements alone.
func (j *Judge) Value(m Measure, documents []string) float64 {
	s, ok := m.spec()
	if !ok {
		return 0
	}
	j.entries, j.order = j.entries[:0], j.order[:0]
	for i, d := range documents {
		j.entries, j.order = append(j.entries, trec.Entry{Document: d}), append(j.order, int32(i))
	}
	j.topic.rank(j.entries, j.order, &j.grades)
	return s.value(m, &j.topic)
}

// Grade returns the grade of a document, and whether it was judged.
func (j *Judge) Grade(document string) (int, bool) {
	g, ok := j.grades.of(document)
	return int(g), ok
}
