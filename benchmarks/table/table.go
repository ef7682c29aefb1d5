package table

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rankcascade/cascade/internal/nearest"
)

// Format is a form of output.
type Format string

// The formats.
const (
	Text     Format = "text"
	Markdown Format = "md"
	LaTeX    Format = "latex"
	CSV      Format = "csv"
	JSON     Format = "json"
)

// ParseFormat returns the format of that name; "" is Text.
func ParseFormat(name string) (Format, error) {
	known := []string{string(Text), string(Markdown), string(LaTeX), string(CSV), string(JSON)}
	if name == "" {
		return Text, nil
	}
	for _, k := range known {
		if k == name {
			return Format(k), nil
		}
	}
	return "", fmt.Errorf("table: no format %q, only %s%s", name, strings.Join(known, ", "), nearest.Hint(name, known))
}

// Table is a table of text and numbers. The zero value is empty and ready.
type Table struct {
	Title   string
	Columns []string
	// Rows hold strings, ints, float64s and Ps; every row has one cell for each
	// column. A NaN prints as an empty cell.
	Rows [][]any
	// Warnings are what a reader must know before believing the table. Every format
	// has them: CSV as rows at the end whose first cell begins with "# !", JSON
	// under "warnings".
	Warnings []string
	// Notes stand below the table; CSV leaves them out.
	Notes []string
}

// P is a p value. People read "<0.0001" where it would round to nothing; programs
// get its digits.
type P float64

// Add appends a row.
func (t *Table) Add(cells ...any) { t.Rows = append(t.Rows, cells) }

// Write prints the table.
func (t *Table) Write(w io.Writer, f Format) error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("table: row %d has %d cells, there are %d columns", i+1, len(row), len(t.Columns))
		}
	}
	switch f {
	case Markdown:
		return t.writeMarkdown(w)
	case LaTeX:
		return t.writeLaTeX(w)
	case CSV:
		return t.writeCSV(w)
	case JSON:
		return t.writeJSON(w)
	}
	return t.writeText(w)
}

// rounded prints a cell for people, exact for programs.
func rounded(cell any) string {
	switch v := cell.(type) {
	case P:
		return v.String()
	case float64:
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return fmt.Sprint(cell)
}

// String prints the p value with four decimals, or as "<0.0001".
func (p P) String() string {
	switch {
	case math.IsNaN(float64(p)):
		return ""
	case p < .0001:
		return "<0.0001"
	}
	return strconv.FormatFloat(float64(p), 'f', 4, 64)
}

func exact(cell any) string {
	if p, ok := cell.(P); ok {
		cell = float64(p)
	}
	if v, ok := cell.(float64); ok {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(cell)
}

// numeric reports whether a column holds numbers, which stand to the right.
func (t *Table) numeric(column int) bool {
	for _, row := range t.Rows {
		switch row[column].(type) {
		case float64, int, P:
		default:
			return false
		}
	}
	return len(t.Rows) > 0
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = utf8.RuneCountInString(c)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(rounded(row[i])))
		}
	}
	return widths
}

func pad(text string, width int, right bool) string {
	gap := strings.Repeat(" ", width-utf8.RuneCountInString(text))
	if right {
		return gap + text
	}
	return text + gap
}

func (t *Table) writeText(w io.Writer) error {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(t.Title + "\n\n")
	}
	widths := t.widths()
	line := func(cell func(i int) string) {
		parts := make([]string, len(t.Columns))
		for i := range parts {
			parts[i] = pad(cell(i), widths[i], t.numeric(i))
		}
		b.WriteString(strings.TrimRight(strings.Join(parts, "  "), " ") + "\n")
	}
	line(func(i int) string { return t.Columns[i] })
	for _, row := range t.Rows {
		line(func(i int) string { return rounded(row[i]) })
	}
	for i, n := range t.below() {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(n + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// below lists what stands below the table, the warnings first.
func (t *Table) below() []string {
	var lines []string
	for _, warning := range t.Warnings {
		lines = append(lines, "! "+warning)
	}
	return append(lines, t.Notes...)
}

func (t *Table) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString("**" + untagged(t.Title) + "**\n\n")
	}
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	line := func(cell func(i int) string) {
		for i := range t.Columns {
			b.WriteString("| " + escape.Replace(untagged(cell(i))) + " ")
		}
		b.WriteString("|\n")
	}
	line(func(i int) string { return t.Columns[i] })
	for i := range t.Columns {
		if t.numeric(i) {
			b.WriteString("|---:")
		} else {
			b.WriteString("|---")
		}
	}
	b.WriteString("|\n")
	for _, row := range t.Rows {
		line(func(i int) string { return rounded(row[i]) })
	}
	for _, n := range t.below() {
		b.WriteString("\n" + untagged(n) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var tag = regexp.MustCompile("<([A-Za-z/!?])")

// untagged escapes what Markdown would take for HTML, as the tag of a run may be.
func untagged(text string) string { return tag.ReplaceAllString(text, "&lt;$1") }

func (t *Table) writeLaTeX(w io.Writer) error {
	escape := strings.NewReplacer(`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`, "{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`)
	var b strings.Builder
	b.WriteString(`\begin{tabular}{`)
	for i := range t.Columns {
		b.WriteString(map[bool]string{true: "r", false: "l"}[t.numeric(i)])
	}
	b.WriteString("}\n\\hline\n")
	line := func(cell func(i int) string) {
		parts := make([]string, len(t.Columns))
		for i := range parts {
			parts[i] = escape.Replace(cell(i))
		}
		b.WriteString(strings.Join(parts, " & ") + ` \\` + "\n")
	}
	line(func(i int) string { return t.Columns[i] })
	b.WriteString("\\hline\n")
	for _, row := range t.Rows {
		line(func(i int) string { return rounded(row[i]) })
	}
	b.WriteString("\\hline\n\\end{tabular}\n")
	for _, warning := range t.Warnings { // in the document, not in a comment
		b.WriteString("\\par\\noindent\\footnotesize ! " + escape.Replace(strings.ReplaceAll(warning, "\n", " ")) + "\n")
	}
	for _, n := range append([]string{t.Title}, t.Notes...) {
		if n != "" {
			b.WriteString("% " + strings.ReplaceAll(n, "\n", " ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(t.Columns); err != nil {
		return err
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = exact(cell)
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	for _, warning := range t.Warnings {
		cells := make([]string, len(t.Columns)) // as many as elsewhere, for strict readers
		cells[0] = "# ! " + warning
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// writeJSON writes an object with the rows as arrays: column names need not be
// unique, and their order is kept.
func (t *Table) writeJSON(w io.Writer) error {
	rows := make([][]any, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = make([]any, len(row))
		for j, cell := range row {
			if p, ok := cell.(P); ok {
				cell = float64(p)
			}
			rows[i][j] = cell
			if v, ok := cell.(float64); ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
				rows[i][j] = nil
			}
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Title    string   `json:"title,omitempty"`
		Columns  []string `json:"columns"`
		Rows     [][]any  `json:"rows"`
		Warnings []string `json:"warnings,omitempty"`
		Notes    []string `json:"notes,omitempty"`
	}{t.Title, t.Columns, rows, t.Warnings, t.Notes})
}
