package measure

import "github.com/rankcascade/cascade/benchmarks/trec"

// Judge measures many rankings of one topic, as tuning does, without building a
// run for each. It is not safe for concurrent use.
type Judge struct {
	topic   topic
	judged  []trec.Judgement
	grades  map[string]int32
	entries []trec.Entry
}

// NewJudge prepares the judgements of a topic. Only Level and OldRecallCuts of
// the options matter: the order of a ranking is the caller's.
func NewJudge(judged []trec.Judgement, o Options) *Judge {
	j := &Judge{judged: judged, grades: gradesOf(judged)}
	j.topic.level, j.topic.oldCuts = int32(o.level()), o.OldRecallCuts
	return j
}

// Value measures the documents in the order in which they stand. The measure
// must come from Parse.
func (j *Judge) Value(m Measure, documents []string) float64 {
	s, ok := find(m.Name)
	if !ok {
		return 0
	}
	j.entries = j.entries[:0]
	for _, d := range documents {
		j.entries = append(j.entries, trec.Entry{Document: d})
	}
	j.topic.prepare(j.entries, j.judged, j.grades)
	return s.value(m, &j.topic)
}

// Grade returns the grade of a document, and whether it was judged.
func (j *Judge) Grade(document string) (int, bool) {
	g, ok := j.grades[document]
	return int(g), ok
}
