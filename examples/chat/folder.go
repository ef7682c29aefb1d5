package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/textsplitter"
)

// folder is a folder of documents that may change.
type folder struct {
	root string
	seen map[string]stamp  // by path below the root
	left map[string]string // why files and folders are left out, by path
	size int64             // bytes of the files that are read
}

// stamp tells one version of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// The bounds of what is read: a larger file is no text that people wrote, and the
// index is in memory.
const (
	maxFile = 8 << 20
	maxAll  = 256 << 20
)

// read returns the passages of every file.
func (f *folder) read(ctx context.Context) ([]pipeline.Document, error) {
	f.seen = map[string]stamp{}
	var all []pipeline.Document
	err := f.changes(ctx, func(_ string, documents []pipeline.Document) error {
		all = append(all, documents...)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no Markdown, HTML or text files with text in them%s", f.root, f.leftOut())
	}
	return all, err
}

// leftOut says which files are not read, "" if all are.
func (f *folder) leftOut() string {
	if len(f.left) == 0 {
		return ""
	}
	paths := slices.Sorted(maps.Keys(f.left))
	var b strings.Builder
	fmt.Fprintf(&b, "; %d left out:", len(paths))
	for i, path := range paths {
		if i == 5 {
			b.WriteString(" and others")
			break
		}
		fmt.Fprintf(&b, " %s (%s)", path, f.left[path])
	}
	return b.String()
}

// changes calls update for every file that is new, has changed, or is gone. What
// cannot be read is left out, and noted.
func (f *folder) changes(ctx context.Context, update func(source string, documents []pipeline.Document) error) error {
	present := map[string]bool{}
	f.left, f.size = map[string]string{}, 0
	err := filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		source, relErr := filepath.Rel(f.root, path)
		source = filepath.ToSlash(source)
		switch {
		case err != nil && path == f.root, relErr != nil:
			return errors.Join(err, relErr)
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) { // and not removed while we looked
				f.left[source] = "cannot be read"
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case path != f.root && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || kindOf(source) == "":
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		return f.look(path, source, info, present, update)
	})
	if err != nil {
		return err
	}
	return f.forget(present, update)
}

// look reads a file if it is new or has changed.
func (f *folder) look(path, source string, info fs.FileInfo, present map[string]bool, update func(string, []pipeline.Document) error) error {
	if info.Size() > maxFile {
		f.left[source] = fmt.Sprintf("larger than %d MB", maxFile>>20)
		return nil
	}
	if f.size+info.Size() > maxAll {
		f.left[source] = fmt.Sprintf("more than %d MB in all", maxAll>>20)
		return nil
	}
	f.size += info.Size()
	now := stamp{info.Size(), info.ModTime()}
	if f.seen[source] == now {
		present[source] = true
		return nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.left[source] = "cannot be read"
		}
		return nil
	}
	text, ok := decoded(raw)
	if !ok {
		f.left[source] = "no text"
		return nil
	}
	documents, err := passages(source, text)
	if err != nil {
		f.left[source] = "cannot be split: " + brief(err)
		return nil
	}
	present[source] = true
	f.seen[source] = now
	return update(source, documents)
}

// forget takes out what was seen and is not present any more.
func (f *folder) forget(present map[string]bool, update func(string, []pipeline.Document) error) error {
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
	cellTag   = regexp.MustCompile(`(?i)</t[dh]\s*>\s*`)
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
	text = cellTag.ReplaceAllString(text, " | ")
	text = title + anyTag.ReplaceAllString(text, "")
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(text), "\n\n"))
}

// chunkMost is how many characters a passage has at most, code aside.
const chunkMost = 1200

// passages splits a file, Markdown and HTML at their headings.
func passages(source, text string) ([]pipeline.Document, error) {
	var splitter textsplitter.TextSplitter = textsplitter.NewRecursiveCharacter(textsplitter.WithChunkSize(chunkMost), textsplitter.WithChunkOverlap(0))
	kind := kindOf(source)
	if kind == "html" {
		text = plainHTML(text)
	}
	if kind != "text" {
		splitter = textsplitter.NewMarkdownTextSplitter(textsplitter.WithChunkSize(chunkMost), textsplitter.WithChunkOverlap(0),
			textsplitter.WithHeadingHierarchy(true), textsplitter.WithCodeBlocks(true))
	}
	chunks, err := splitter.SplitText(text)
	if err != nil {
		return nil, err
	}
	if chunks, err = bounded(chunks); err != nil {
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

// bounded splits chunks that the splitter left long, as it does with code.
func bounded(chunks []string) ([]string, error) {
	hard := textsplitter.NewRecursiveCharacter(textsplitter.WithChunkSize(chunkMost), textsplitter.WithChunkOverlap(0))
	var all []string
	for _, chunk := range chunks {
		if len(chunk) <= 2*chunkMost {
			all = append(all, chunk)
			continue
		}
		parts, err := hard.SplitText(chunk)
		if err != nil {
			return nil, err
		}
		all = append(all, parts...)
	}
	return all, nil
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
