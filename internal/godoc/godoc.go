package godoc

import (
	"context"
	"strings"
	"unicode"

	"github.com/rankcascade/cascade/pipeline"
)

// Keys of a document's metadata, beside pipeline.SourceKey and PositionKey.
const (
	TitleKey = "title" // the symbol as it is written, for people: "http.Get"
	WordsKey = "words" // the words of its name and package, for search
	// ImportersKey is the number of packages of other parts of the library that
	// import the symbol's package.
	ImportersKey = "importers"
)

// Read returns the exported symbols of the standard library that have a comment,
// in the order of their import paths. Each document's ID is the symbol's name
// ("net/http.Get"); a long comment is several documents, "net/http#2" and so on.
// The text is the declaration and the comment. Metadata has TitleKey, WordsKey,
// pipeline.SourceKey (the package), pipeline.PositionKey and ImportersKey.
//
// goroot is the Go installation; "" means the one that is found. Packages for which
// keep is false are left out; nil keeps all.
func Read(ctx context.Context, goroot string, keep func(importPath string) bool) ([]pipeline.Document, error) {
	packages, err := Load(ctx, goroot, keep)
	if err != nil {
		return nil, err
	}
	importers := map[string]int{}
	for _, p := range packages {
		for _, i := range p.Imports {
			if Part(i) != Part(p.Path) { // that the packages below go/ import one another says nothing about their use
				importers[i]++
			}
		}
	}
	var all []pipeline.Document
	for _, p := range packages {
		all = append(all, p.documents(importers[p.Path])...)
	}
	return all, nil
}

// size is the number of bytes at which a comment is split, between paragraphs.
const size = 1500

func pieces(text string) []string {
	var list []string
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if b.Len() > 0 && b.Len()+len(paragraph) > size {
			list = append(list, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(paragraph)
	}
	return append(list, b.String())
}

// Words divides an identifier or an import path into words: at what is neither
// letter nor digit, before a capital after a small letter, and before the last of
// several capitals that begins a word ("HTTPServer" is HTTP and Server).
func Words(identifier string) string {
	runes := []rune(identifier)
	var b strings.Builder
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			b.WriteByte(' ')
			continue
		case i > 0 && unicode.IsUpper(r) && unicode.IsLower(runes[i-1]),
			i > 0 && i+1 < len(runes) && unicode.IsUpper(r) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
