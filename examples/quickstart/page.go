package main

import (
	"fmt"
	"go/doc"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// page is what a person reads.
type page struct{ out io.Writer }

func (p page) printf(format string, args ...any) { fmt.Fprintf(p.out, format, args...) }

func (p page) head(s *system, symbols int, read, built time.Duration) {
	p.printf("%d symbols of the Go standard library, read in %v, indexed in %v\n", symbols, round(read), round(built))
	p.printf("candidates by BM25, the best %d judged by %s\n", judged, s.scorer)
}

func (p page) tree(search pipeline.Retriever) {
	p.printf("\n%s\n", strings.TrimSpace(pipeline.String(search)))
	for _, finding := range pipeline.Lint(search) {
		p.printf("lint: %s\n", finding)
	}
}

func (p page) question(text string) { p.printf("\n? %s\n", text) }

// ranking prints each answer with its rank before and after reranking and with
// what was said for it.
func (p page) ranking(r pipeline.Ranking) {
	if len(r.Hits) == 0 {
		p.printf("\nNothing in the documentation has a word of the question.\n")
	}
	for i, h := range r.Hits {
		p.printf("\n%2d. %s   %s\n", i+1, h.Document.ID, moved(h, i+1))
		p.printf("    %s\n", shorten(fmt.Sprint(h.Document.Metadata[keyDeclaration]), 100))
		p.printf("    %s\n", shorten(new(doc.Package).Synopsis(h.Document.Text), 160))
		p.printf("    score %.2f: %s\n", h.Score, judgements(h))
	}
	for _, g := range r.Gaps {
		p.printf("\nmissing: %s\n", g)
	}
}

// retrieved returns the rank that the hit had before it was reranked.
func retrieved(h pipeline.Hit) int {
	rank := 0
	for _, m := range h.Marks() {
		if m.Stage == "rerank" || m.Stage == "usage" || m.Stage == "neighbours" {
			break
		}
		rank = m.Rank
	}
	return rank
}

func moved(h pipeline.Hit, rank int) string {
	before := retrieved(h)
	switch {
	case before > rank:
		return fmt.Sprintf("(up from %d)", before)
	case before < rank:
		return fmt.Sprintf("(down from %d)", before)
	}
	return "(as retrieved)"
}

// judgements says in words what each part thought of the hit.
func judgements(h pipeline.Hit) string {
	parts := []string{fmt.Sprintf("words rank %d", retrieved(h))}
	for _, m := range h.Marks() {
		name := map[string]string{"rerank": "meaning", "usage": "usage", "exact name": "exact name"}[m.Stage]
		switch {
		case name == "":
		case !m.Status.Judged():
			parts = append(parts, fmt.Sprintf("%s not asked (%s)", name, m.Reason))
		case name == "exact name":
			if m.Score > 1 {
				parts = append(parts, name)
			}
		default:
			parts = append(parts, fmt.Sprintf("%s %.2f", name, m.Score))
		}
	}
	return strings.Join(parts, ", ")
}

// times prints how long each part took, the inner ones first.
func (p page) times(s *stopwatch, r pipeline.Ranking) {
	p.printf("\n")
	for _, e := range s.events {
		if e.Kind == pipeline.KindCall {
			continue // the part that made it counts them
		}
		note := fmt.Sprintf("%d hits", e.Out)
		if report, ok := reranker.ReportKey.Noted(r); ok && e.Name == "rerank" {
			note = fmt.Sprintf("%d of %d documents scored in %d calls", report.Scored+report.Cached, report.Candidates, report.Attempts)
		}
		p.printf("  %-28s %8v   %s\n", strings.Repeat("  ", e.Depth)+e.Name, round(e.Duration), note)
	}
}

func (p page) explain(r pipeline.Ranking, id string) {
	long := regexp.MustCompile(`\d+\.\d{5,}`)
	text := long.ReplaceAllStringFunc(pipeline.Explain(r, id).String(), func(number string) string {
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return number
		}
		return strconv.FormatFloat(v, 'f', 4, 64)
	})
	p.printf("\n%s\n", strings.TrimSpace(text))
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// shorten cuts a line at n runes.
func shorten(line string, n int) string {
	if runes := []rune(line); len(runes) > n {
		return string(runes[:n-3]) + "..."
	}
	return line
}
