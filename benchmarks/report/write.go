package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // for the page's parts
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/table"
)

var (
	//go:embed assets/style.css
	style string
	//go:embed assets/dom.js
	scriptDOM string
	//go:embed assets/data.js
	scriptData string
	//go:embed assets/overview.js
	scriptOverview string
	//go:embed assets/plots.js
	scriptPlots string
	//go:embed assets/topic.js
	scriptTopic string
	//go:embed assets/app.js
	scriptApp string
)

// Options bound the size of a report. The zero value keeps what the results hold
// as far as it fits into 12 MiB.
type Options struct {
	// Hits is how many hits of each ranking a topic's page shows; 0 means 20.
	Hits int
	// Text is how many bytes of a document it quotes; 0 means 1,200.
	Text int
	// MaxBytes bounds the part of the file that the topics' pages take. Where more
	// would be needed, hits and texts are cut until it fits, and the report says
	// so. 0 means 12 MiB.
	MaxBytes int
}

// Write writes a report of one or more results with the default options.
func Write(w io.Writer, r ...*experiment.Result) error { return Options{}.Write(w, r...) }

// Write writes a report of one or more results, a part for each.
//
// Errors: no result, a result whose lists do not fit together (each is named),
// and what w returns.
func (o Options) Write(w io.Writer, r ...*experiment.Result) error {
	if len(r) == 0 {
		return errors.New("report: no results to report")
	}
	for i, result := range r {
		if err := check(result); err != nil {
			return fmt.Errorf("report: result %d of %d: %w", i+1, len(r), err)
		}
	}
	p, blocks, err := o.pack(r)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	out := bufio.NewWriter(w)
	if err := assemble(out, p, blocks, r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

// script is the page's only program.
func script() string {
	return "\n(() => {\n\"use strict\";\n" + scriptDOM + scriptData + scriptOverview + scriptPlots + scriptTopic + scriptApp + "})();\n"
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// assemble writes the file from its parts. Everything that comes from outside is
// JSON with <, > and & escaped, base64, or escaped HTML.
func assemble(w io.Writer, p page, blocks []string, r []*experiment.Result) error {
	// Marshal escapes <, >, &, U+2028 and U+2029.
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	program := script()
	policy := "default-src 'none'; script-src " + digest(program) + "; style-src " + digest(style) + "; img-src data:; base-uri 'none'; form-action 'none'"
	parts := []string{
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta http-equiv=\"Content-Security-Policy\" content=\"", html.EscapeString(policy), "\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		"<link rel=\"icon\" href=\"data:,\">\n",
		"<title>", html.EscapeString(p.Title), "</title>\n<style>", style, "</style>\n</head>\n<body>\n",
		"<div id=\"app\"></div>\n<noscript>\n", plain(r), "</noscript>\n",
		"<script type=\"application/json\" id=\"data\">", string(data), "</script>\n",
	}
	for i, b := range blocks {
		parts = append(parts, fmt.Sprintf("<script type=\"text/plain\" id=\"block-%d\">", i), b, "</script>\n")
	}
	parts = append(parts, "<script>", program, "</script>\n</body>\n</html>\n")
	for _, part := range parts {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return nil
}

// plain is the report for a browser without JavaScript.
func plain(r []*experiment.Result) string {
	var b strings.Builder
	b.WriteString("<p>Topics, plots and sorting need JavaScript. The tables:</p>\n")
	for _, result := range r {
		var text strings.Builder
		if err := result.Table().Write(&text, table.Text); err != nil {
			text.WriteString(err.Error())
		}
		b.WriteString("<pre>" + html.EscapeString(text.String()) + "</pre>\n")
	}
	return b.String()
}

// pack makes the page's data and its blocks, cut so that they fit.
func (o Options) pack(r []*experiment.Result) (page, []string, error) {
	if o.Hits <= 0 {
		o.Hits = 20
	}
	if o.Text <= 0 {
		o.Text = 1200
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 12 << 20
	}
	for i, rung := range rungs {
		p := page{Title: title(r)}
		var blocks []string
		size := 0
		for _, x := range r {
			out := resultOf(x)
			out.First, out.PerBlock = len(blocks), perBlock
			out.Hits, out.Text = o.Hits*rung[0]/100, o.Text*rung[1]/100
			cut := cutter{result: x, hits: out.Hits, text: out.Text}
			some, err := cut.blocks()
			if err != nil {
				return p, nil, err
			}
			for _, b := range some {
				size += len(b)
			}
			out.Cut = cut.said(i > 0)
			blocks = append(blocks, some...)
			p.Results = append(p.Results, out)
		}
		if size <= o.MaxBytes || i == len(rungs)-1 {
			return p, blocks, nil
		}
	}
	return page{}, nil, nil // not reached: the last rung returns
}
