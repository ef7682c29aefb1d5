package whatif

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// recording is the attribute that tells a recorded query from others with the same
// text.
var recording = pipeline.NewKey[string]("recording")

// Log is a set of recordings. It is safe for concurrent use.
type Log struct {
	recordings []pipeline.Recording
	at         map[string]int // by the query's ID
	degraded   int
}

// New makes a log. Queries get IDs of their own where they have none, or one that
// another query has: "r1" for the first recording, and so on. A recording without a
// trace is an error: Query.Trace was not set when it was made.
func New(recordings ...pipeline.Recording) (*Log, error) {
	l := &Log{at: map[string]int{}}
	for i, r := range recordings {
		if r.Ranking.Trace == nil {
			return nil, fmt.Errorf("whatif: recording %d, of query %q, has no trace: record it with Query.Trace, as Recorder does", i+1, r.Query.ID)
		}
		if _, taken := l.at[r.Query.ID]; r.Query.ID == "" || taken {
			r.Query.ID = l.free(i)
		}
		l.at[r.Query.ID] = len(l.recordings)
		r.Query = recording.With(r.Query, r.Query.ID)
		l.recordings = append(l.recordings, r)
		if r.Ranking.Degraded() {
			l.degraded++
		}
	}
	return l, nil
}

// free returns an ID that no query has yet.
func (l *Log) free(i int) string {
	id := fmt.Sprintf("r%d", i+1)
	for {
		if _, taken := l.at[id]; !taken {
			return id
		}
		id += "'"
	}
}

// longest is the longest line that is read.
const longest = 256 << 20

// Read reads recordings, one in each line, as Recorder writes them. Errors name the
// line.
func Read(r io.Reader) (*Log, error) {
	var all []pipeline.Recording
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		var one pipeline.Recording
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, fmt.Errorf("whatif: line %d: %w", n, err)
		}
		all = append(all, one)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("whatif: read recordings: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("whatif: there are no recordings")
	}
	return New(all...)
}

// Len is the number of recordings, Degraded how many of their rankings have gaps.
func (l *Log) Len() int { return len(l.recordings) }

// Degraded is the number of recordings whose rankings have gaps: what happened then
// was not what the pipeline usually does.
func (l *Log) Degraded() int { return l.degraded }

// Queries returns the recorded queries, in the order of the recordings. Ask them, and
// no copies that were made otherwise: they know their recordings.
func (l *Log) Queries() []pipeline.Query {
	out := make([]pipeline.Query, len(l.recordings))
	for i, r := range l.recordings {
		out[i] = r.Query
	}
	return out
}

// Part is a part of the recorded pipelines.
type Part struct {
	Name string
	// Retrieves says that it made rankings from queries, Scores that it gave hits
	// scores of its own.
	Retrieves, Scores bool
	// Recordings is the number of recordings that have it.
	Recordings int
}

// Parts lists the parts that the recordings know, in the order in which they ran,
// retrievers first.
func (l *Log) Parts() []Part {
	var parts []Part
	for _, r := range l.recordings {
		seen := map[string]bool{}
		walk(r.Ranking.Trace, func(s *pipeline.Step) {
			i := slices.IndexFunc(parts, func(p Part) bool { return p.Name == s.Name })
			if i < 0 {
				i = len(parts)
				parts = append(parts, Part{Name: s.Name})
			}
			if !seen[s.Name] {
				seen[s.Name] = true
				parts[i].Recordings++
			}
			parts[i].Retrieves = parts[i].Retrieves || len(s.Inputs) == 0
			parts[i].Scores = parts[i].Scores || len(s.Inputs) == 1 && marked(s)
		})
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return order(a) - order(b) })
	return parts
}

func order(p Part) int {
	if p.Retrieves {
		return 0
	}
	return 1
}

// marked reports whether the step left marks on its hits whose scores it measured.
func marked(s *pipeline.Step) bool {
	return slices.ContainsFunc(s.Hits, func(h pipeline.Hit) bool {
		m, ok := h.Mark(s.Name)
		return ok && m.Status.Judged() && m.Deriver == nil
	})
}

// walk visits every step once, inputs before what was made of them.
func walk(s *pipeline.Step, visit func(*pipeline.Step)) {
	seen := map[*pipeline.Step]bool{}
	var down func(*pipeline.Step)
	down = func(s *pipeline.Step) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for _, in := range s.Inputs {
			down(in)
		}
		visit(s)
	}
	down(s)
}

// With returns the log of the recordings that have all of the parts, and the IDs of
// the queries that are left out.
func (l *Log) With(parts ...string) (*Log, []string) {
	kept := &Log{at: map[string]int{}}
	var left []string
	for _, r := range l.recordings {
		if slices.ContainsFunc(parts, func(p string) bool { _, ok := r.Step(p); return !ok }) {
			left = append(left, r.Query.ID)
			continue
		}
		kept.at[r.Query.ID] = len(kept.recordings)
		kept.recordings = append(kept.recordings, r)
		if r.Ranking.Degraded() {
			kept.degraded++
		}
	}
	return kept, left
}

// Retriever answers each recorded query with what the part of that name returned; ""
// is the whole pipeline. It is pipeline.Replay over the log.
func (l *Log) Retriever(part string) pipeline.Retriever {
	replayed := pipeline.Replay(part, l.recordings...)
	if part == "" {
		return replayed
	}
	return pipeline.Named(part, replayed)
}

// Scorer answers with the scores that the rerank stage of that name gave in the
// recordings: the same score, or the same reason for none, for the same text. text
// makes the text that was sent out of a document, as in reranker.StageOptions; nil
// means reranker.TextOnly. It serves the queries of the log, behind a rerank stage.
//
// Scores of a model that looks at all documents of a call together belong to the
// call that was made; the scorer gives them out for any.
func (l *Log) Scorer(stage string, text func(pipeline.Document) string) reranker.Scorer {
	if text == nil {
		text = reranker.TextOnly
	}
	s := &recordedScorer{stage: stage, known: map[string]map[string]scored{}}
	found := false
	for _, r := range l.recordings {
		own := map[string]scored{}
		walk(r.Ranking.Trace, func(step *pipeline.Step) {
			for _, h := range step.Hits {
				m, ok := h.Mark(stage)
				if !ok || m.Reason == pipeline.ReasonNotSent {
					continue
				}
				own[text(h.Document)] = scored{m.Score, m.Reason}
				if m.Status.Judged() {
					s.note(m.Scale, found)
					found = true
				}
			}
		})
		s.known[r.Query.ID] = own
	}
	if !found {
		s.err = fmt.Errorf("whatif: no recording has a score of %q", stage)
	}
	return s
}
