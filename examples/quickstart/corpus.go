package main

import (
	"context"
	"slices"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
)

// Keys of a document's metadata.
const (
	keyTitle       = "title"       // the words of its name, searched with the text
	keyDeclaration = "declaration" // one line of Go
	keyPackage     = "package"
	keyKind        = "kind"
)

// corpus is the documentation of the standard library.
type corpus struct {
	// documents are the exported symbols that have a comment: packages, functions,
	// types, methods, fields, constants and variables, in the order of their
	// import paths.
	documents []pipeline.Document
	// importers counts, by import path, the packages of the library that import a
	// package, their tests included, from another part of the library: that the
	// packages below go/ import one another says nothing about their use.
	importers map[string]int
}

// readCorpus reads the packages that keep names, nil all, of a Go installation.
func readCorpus(ctx context.Context, goroot string, keep func(importPath string) bool) (corpus, error) {
	packages, err := godoc.Load(ctx, goroot, keep)
	if err != nil {
		return corpus{}, err
	}
	c := corpus{importers: map[string]int{}}
	for _, p := range packages {
		for _, s := range p.Symbols {
			c.documents = append(c.documents, document(p.Path, s))
		}
		imports := slices.Concat(p.Imports, p.TestImports)
		slices.Sort(imports)
		for _, path := range slices.Compact(imports) {
			if godoc.Part(path) != godoc.Part(p.Path) && godoc.Part(path) != "testing" { // which all tests import
				c.importers[path]++
			}
		}
	}
	return c, nil
}

// document makes a document of a symbol: what is searched is its comment with those
// of its examples.
func document(importPath string, s godoc.Symbol) pipeline.Document {
	d := pipeline.Document{ID: importPath, Text: s.Comment, Metadata: map[string]any{
		keyTitle: title(importPath, s.Name), keyDeclaration: s.Declaration, keyPackage: importPath, keyKind: s.Kind,
	}}
	if s.Name != "" {
		d.ID += "." + s.Name
	}
	for _, e := range s.Examples {
		d.Text += "\n" + e
	}
	return d
}
