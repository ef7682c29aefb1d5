package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/textsplitter"
)

// folder is a folder of documents that may change.
type folder struct {
	root string
	seen map[string]stamp // by path below the root
}

// stamp tells one version of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// maxFile bounds what is read: a larger file is no text that people wrote.
const maxFile = 8 << 20

// read returns the passages of every file.
func (f *folder) read(ctx context.Context) ([]pipeline.Document, error) {
	f.seen = map[string]stamp{}
	var all []pipeline.Document
	err := f.changes(ctx, func(_ string, documents []pipeline.Document) error {
		all = append(all, documents...)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no Markdown, HTML or text files with text in them", f.root)
	}
	return all, err
}

// changes calls update for every file that is new, has changed, or is gone.
func (f *folder) changes(ctx context.Context, update func(source string, documents []pipeline.Document) error) error {
	present := map[string]bool{}
	err := filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path != f.root && errors.Is(err, fs.ErrNotExist) {
				return nil // removed while we looked
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() {
			if path != f.root && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		source, err := filepath.Rel(f.root, path)
		if err != nil || !d.Type().IsRegular() || kindOf(source) == "" {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxFile {
			return nil
		}
		source = filepath.ToSlash(source)
		present[source] = true
		now := stamp{info.Size(), info.ModTime()}
		if f.seen[source] == now {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil // the next look will tell
		}
		documents, err := passages(source, string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		f.seen[source] = now
		return update(source, documents)
	})
	if err != nil {
		return err
	}
	for source := range f.seen {
		if !present[source] {
			delete(f.seen, source)
			if err := update(source, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// kindOf is "markdown", "html" or "text" by the file's name, "" for other files.
func kindOf(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".md", ".markdown":
		return "markdown"
	case ".html", ".htm":
		return "html"
	case ".txt", ".text", ".rst", ".adoc":
		return "text"
	}
	return ""
}

var (
	invisible = regexp.MustCompile(`(?is)<(script|style|head|template|noscript)\b.*?</(?:script|style|head|template|noscript)\s*>|<!--.*?-->`)
	titleTag  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	headTag   = regexp.MustCompile(`(?is)<h([1-6])[^>]*>(.*?)</h[1-6]\s*>`)
	blockTag  = regexp.MustCompile(`(?i)</?(?:p|div|li|ul|ol|br|tr|table|section|article|pre|blockquote|h[1-6])\b[^>]*>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
	blanks    = regexp.MustCompile(`\n\s*\n\s*`)
)

// plainHTML returns what a reader sees of a page, headings as those of Markdown.
func plainHTML(text string) string {
	title := ""
	if m := titleTag.FindStringSubmatch(text); m != nil {
		title = "# " + strings.TrimSpace(m[1]) + "\n\n"
	}
	text = invisible.ReplaceAllString(text, "")
	text = headTag.ReplaceAllString(text, "\n\n## $2\n\n")
	text = blockTag.ReplaceAllString(text, "\n\n")
	text = title + anyTag.ReplaceAllString(text, "")
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(text), "\n\n"))
}

// passages splits a file, Markdown and HTML at their headings.
func passages(source, text string) ([]pipeline.Document, error) {
	var splitter textsplitter.TextSplitter = textsplitter.NewRecursiveCharacter(textsplitter.WithChunkSize(1200), textsplitter.WithChunkOverlap(0))
	kind := kindOf(source)
	if kind == "html" {
		text = plainHTML(text)
	}
	if kind != "text" {
		splitter = textsplitter.NewMarkdownTextSplitter(textsplitter.WithChunkSize(1200), textsplitter.WithChunkOverlap(0),
			textsplitter.WithHeadingHierarchy(true), textsplitter.WithCodeBlocks(true))
	}
	chunks, err := splitter.SplitText(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil {
		return nil, err
	}
	var documents []pipeline.Document
	for _, chunk := range chunks {
		if strings.TrimSpace(chunk) == "" {
			continue
		}
		n := len(documents) + 1
		title := headingOf(chunk)
		if title == "" {
			title = source
		}
		documents = append(documents, pipeline.Document{
			ID: fmt.Sprintf("%s#%d", source, n), Text: strings.TrimSpace(chunk),
			Metadata: map[string]any{"title": title, "words": title + " " + source, pipeline.SourceKey: source, pipeline.PositionKey: n},
		})
	}
	return documents, nil
}

// headingOf returns the innermost heading with which a chunk begins.
func headingOf(chunk string) string {
	heading := ""
	for line := range strings.Lines(chunk) {
		bare := strings.TrimSpace(line)
		if bare == "" {
			continue
		}
		if !strings.HasPrefix(bare, "#") {
			break
		}
		heading = strings.TrimSpace(strings.TrimLeft(bare, "#"))
	}
	return heading
}
