package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// JSONVersion is the version of the JSON form of rankings, queries and recordings
// that this package writes. It reads this version and those before it.
const JSONVersion = 1

// ErrJSONVersion is in the chain of the error for JSON without a version, or of a
// newer one.
var ErrJSONVersion = errors.New("the version of the JSON form is not known")

func checkVersion(v int) error {
	if v < 1 || v > JSONVersion {
		return fmt.Errorf("%w: %d, known are 1 to %d", ErrJSONVersion, v, JSONVersion)
	}
	return nil
}

// The forms of a ranking and its parts. The hits of a ranking have their documents
// in them; those of a step only where the document was not met before.
type (
	jsonRanking struct {
		Version int        `json:"version"`
		Scale   Scale      `json:"scale"`
		Hits    []jsonHit  `json:"hits"`
		Gaps    []jsonGap  `json:"gaps,omitempty"`
		Notes   []jsonNote `json:"notes,omitempty"`
		// Steps are the trace, each step behind its inputs, the last one last.
		Steps []jsonStep `json:"steps,omitempty"`
	}
	jsonStep struct {
		Name   string    `json:"name"`
		Inputs []int     `json:"inputs,omitempty"` // positions among the steps
		Query  string    `json:"query,omitempty"`
		Scale  Scale     `json:"scale"`
		Hits   []jsonHit `json:"hits"`
	}
	jsonHit struct {
		ID       string        `json:"id"`
		Score    float64       `json:"score"`
		Document *jsonDocument `json:"document,omitempty"`
		Marks    []jsonMark    `json:"marks,omitempty"`
	}
	jsonDocument struct {
		Text     string          `json:"text,omitempty"`
		Metadata json.RawMessage `json:"metadata,omitempty"`
	}
	jsonMark struct {
		Stage      string          `json:"stage"`
		Rank       int             `json:"rank"`
		Score      float64         `json:"score"`
		Scale      Scale           `json:"scale"`
		Status     Status          `json:"status"`
		Reason     Reason          `json:"reason,omitempty"`
		Derivation *jsonDerivation `json:"derivation,omitempty"`
	}
	jsonDerivation struct {
		Rule     Rule       `json:"rule"`
		Terms    []jsonTerm `json:"terms,omitempty"`
		Factor   float64    `json:"factor,omitempty"`
		Divisor  float64    `json:"divisor,omitempty"`
		Assigned float64    `json:"assigned,omitempty"`
	}
	jsonTerm struct {
		List         int     `json:"list"`
		Source       string  `json:"source,omitempty"`
		Rank         int     `json:"rank,omitempty"`
		Score        float64 `json:"score"`
		Normalised   float64 `json:"normalised"`
		Weight       float64 `json:"weight"`
		Contribution float64 `json:"contribution"`
		Imputed      bool    `json:"imputed,omitempty"`
	}
	jsonGap struct {
		Stage  string         `json:"stage"`
		Reason Reason         `json:"reason"`
		IDs    []string       `json:"ids,omitempty"`
		Error  *RecordedError `json:"error,omitempty"`
	}
)

// writer writes one ranking. It remembers the documents that it has written.
type writer struct {
	seen  map[string]Document
	steps []jsonStep
	at    map[*Step]int
}

func (w *writer) ranking(r Ranking) (jsonRanking, error) {
	j := jsonRanking{Version: JSONVersion, Scale: r.Scale}
	var err error
	if j.Hits, err = w.hits(r.Hits); err != nil {
		return j, err
	}
	for _, g := range r.Gaps {
		j.Gaps = append(j.Gaps, writeGap(g))
	}
	if j.Notes, err = encodeNotes(r.notes); err != nil {
		return j, err
	}
	if r.Trace != nil {
		if _, err := w.step(r.Trace); err != nil {
			return j, err
		}
	}
	j.Steps = w.steps
	return j, nil
}

// step writes the inputs of a step, then the step, and returns its position.
func (w *writer) step(s *Step) (int, error) {
	if at, ok := w.at[s]; ok {
		return at, nil
	}
	j := jsonStep{Name: s.Name, Query: s.Query, Scale: s.Scale}
	for _, in := range s.Inputs {
		at, err := w.step(in)
		if err != nil {
			return 0, err
		}
		j.Inputs = append(j.Inputs, at)
	}
	var err error
	if j.Hits, err = w.hits(s.Hits); err != nil {
		return 0, fmt.Errorf("step %q: %w", s.Name, err)
	}
	w.steps = append(w.steps, j)
	w.at[s] = len(w.steps) - 1
	return w.at[s], nil
}

func (w *writer) hits(hits []Hit) ([]jsonHit, error) {
	out := make([]jsonHit, len(hits))
	for i, h := range hits {
		out[i] = jsonHit{ID: h.Document.ID, Score: h.Score}
		if before, ok := w.seen[h.Document.ID]; !ok || !sameDocument(before, h.Document) {
			w.seen[h.Document.ID] = h.Document
			d := jsonDocument{Text: h.Document.Text}
			if h.Document.Metadata != nil {
				text, err := json.Marshal(writable(h.Document.Metadata))
				if err != nil {
					return nil, fmt.Errorf("the metadata of document %q: %w", h.Document.ID, err)
				}
				d.Metadata = text
			}
			out[i].Document = &d
		}
		for _, m := range h.Marks() {
			out[i].Marks = append(out[i].Marks, writeMark(m))
		}
	}
	return out, nil
}

func sameDocument(a, b Document) bool {
	if a.Text != b.Text || (a.Metadata == nil) != (b.Metadata == nil) {
		return false
	}
	return reflect.ValueOf(a.Metadata).Pointer() == reflect.ValueOf(b.Metadata).Pointer() || reflect.DeepEqual(a.Metadata, b.Metadata)
}

func writeMark(m Mark) jsonMark {
	j := jsonMark{Stage: m.Stage, Rank: m.Rank, Score: m.Score, Scale: m.Scale, Status: m.Status, Reason: m.Reason}
	if d := m.Derivation(); d != nil {
		j.Derivation = &jsonDerivation{Rule: d.Rule, Factor: d.Factor, Divisor: d.Divisor, Assigned: d.Assigned}
		for _, t := range d.Terms {
			j.Derivation.Terms = append(j.Derivation.Terms, jsonTerm(t))
		}
	}
	return j
}

// reader reads one ranking.
type reader struct {
	seen map[string]Document
}

func (r *reader) ranking(j jsonRanking) (Ranking, error) {
	if err := checkVersion(j.Version); err != nil {
		return Ranking{}, err
	}
	hits, err := r.hits(j.Hits)
	if err != nil {
		return Ranking{}, err
	}
	out := Ranking{Hits: hits, Scale: j.Scale, notes: decodeNotes(j.Notes)}
	for _, g := range j.Gaps {
		out.Gaps = append(out.Gaps, readGap(g))
	}
	steps := make([]*Step, len(j.Steps))
	for i, s := range j.Steps {
		if steps[i], err = r.step(s, steps[:i]); err != nil {
			return Ranking{}, fmt.Errorf("step %d: %w", i, err)
		}
		out.Trace = steps[i]
	}
	return out, out.Validate()
}

func (r *reader) step(j jsonStep, before []*Step) (*Step, error) {
	hits, err := r.hits(j.Hits)
	if err != nil {
		return nil, err
	}
	s := &Step{Name: j.Name, Query: j.Query, Scale: j.Scale, Hits: hits}
	for _, at := range j.Inputs {
		if at < 0 || at >= len(before) {
			return nil, fmt.Errorf("its input %d does not stand before it", at)
		}
		s.Inputs = append(s.Inputs, before[at])
	}
	return s, nil
}

func (r *reader) hits(hits []jsonHit) ([]Hit, error) {
	out := make([]Hit, len(hits))
	for i, j := range hits {
		d := Document{ID: j.ID}
		if j.Document != nil {
			metadata, err := readMetadata(j.Document.Metadata)
			if err != nil {
				return nil, fmt.Errorf("the metadata of document %q: %w", j.ID, err)
			}
			d.Text, d.Metadata = j.Document.Text, metadata
			r.seen[j.ID] = d
		} else if before, ok := r.seen[j.ID]; ok {
			d = before
		}
		out[i] = Hit{Document: d, Score: j.Score}
		for _, m := range j.Marks {
			out[i].Trail = out[i].Trail.With(readMark(m))
		}
	}
	return out, nil
}

func readMark(j jsonMark) Mark {
	m := Mark{Stage: j.Stage, Rank: j.Rank, Score: j.Score, Scale: j.Scale, Status: j.Status, Reason: j.Reason}
	if j.Derivation == nil {
		return m
	}
	d := &Derivation{Rule: j.Derivation.Rule, Factor: j.Derivation.Factor, Divisor: j.Derivation.Divisor, Assigned: j.Derivation.Assigned}
	for _, t := range j.Derivation.Terms {
		d.Terms = append(d.Terms, Term(t))
	}
	m.Deriver = d
	return m
}

func writeGap(g Gap) jsonGap { return jsonGap{g.Stage, g.Reason, g.IDs, RecordError(g.Err)} }

func readGap(j jsonGap) Gap {
	g := Gap{Stage: j.Stage, Reason: j.Reason, IDs: j.IDs}
	if j.Error != nil {
		g.Err = j.Error
	}
	return g
}
