package experiment

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/table"
)

// WriteText prints the table of systems and measures for a terminal.
func (r *Result) WriteText(w io.Writer) error { return r.Table().Write(w, table.Text) }

// Table returns the systems and measures as a table: the figure, and for every
// system but the baseline the difference, its interval, wins / ties / losses and
// the corrected p, marked where it is below 0.05.
func (r *Result) Table() *table.Table {
	t := &table.Table{Title: r.title(), Columns: []string{"system", "measure", "value", "difference", "interval", "w/t/l", "p", "", "unj", "time/topic", "tokens", "price"}}
	for _, s := range r.Systems {
		for m, name := range r.Measures {
			row := []any{s.Name, name, s.Means[m], math.NaN(), "", "", math.NaN(), "", s.Unjudged[m], s.timeText(), s.Cost.Tokens, s.Cost.Price}
			if c, ok := r.comparison(s.Name, name); ok {
				row[3], row[4] = c.Summary.Mean, c.Interval.String()
				row[5] = fmt.Sprintf("%d/%d/%d", c.Summary.Wins, c.Summary.Ties, c.Summary.Losses)
				row[6] = c.Corrected
				if c.Significant {
					row[7] = "*"
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.Notes = r.notes()
	return t
}

func (r *Result) title() string {
	title := r.Name
	if r.Collection.Name != "" {
		title = strings.TrimPrefix(title+" on "+r.Collection.Name, " on ")
	}
	return title
}

func (r *Result) notes() []string {
	notes := []string{
		fmt.Sprintf("%d topics; baseline %s; * corrected p below 0.05 (%s test, %s correction over %d comparisons)", len(r.Topics), r.Baseline, r.Test, r.Correction, len(r.Comparisons)),
		r.Conventions,
	}
	for _, s := range r.Systems {
		if s.Ceiling >= 0 {
			notes = append(notes, fmt.Sprintf("%s: %.1f %% of the relevant documents are among the %d candidates that are reranked", s.Name, 100*s.Ceiling, s.CeilingDepth))
		}
	}
	for _, w := range r.Warnings {
		notes = append(notes, "! "+w)
	}
	return notes
}

func (r *Result) comparison(system, measure string) (Comparison, bool) {
	for _, c := range r.Comparisons {
		if c.System == system && c.Measure == measure {
			return c, true
		}
	}
	return Comparison{}, false
}

// PerTopic returns the values of every system on every topic as a table.
func (r *Result) PerTopic() *table.Table {
	t := &table.Table{Columns: []string{"topic", "system"}}
	t.Columns = append(t.Columns, r.Measures...)
	for i, topic := range r.Topics {
		for _, s := range r.Systems {
			row := []any{topic.ID, s.Name}
			for m := range r.Measures {
				row = append(row, s.Values[m][i])
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// WriteJSON writes the whole result, which ReadJSON reads back.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(in io.Reader) (*Result, error) {
	var r Result
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("experiment: read result: %w", err)
	}
	return &r, nil
}

// clean makes a name fit for a file and a tag.
func clean(name string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(` /\:*?"<>|`+"\t\n", c) {
			return '-'
		}
		return c
	}, name)
}
