package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/pool"
)

// sources returns the folder with the source of the standard library.
func sources(ctx context.Context, goroot string) (string, error) {
	if goroot == "" {
		goroot = build.Default.GOROOT
	}
	if goroot == "" { // built with -trimpath
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", errors.New("the Go installation was not found: name it with -goroot")
		}
		goroot = strings.TrimSpace(string(out))
	}
	src := filepath.Join(goroot, "src")
	if _, err := os.Stat(filepath.Join(src, "fmt", "doc.go")); err != nil {
		return "", fmt.Errorf("%s does not hold the source of the standard library, whose documentation is the corpus: "+
			"install Go from go.dev/dl, or name another installation with -goroot", goroot)
	}
	return src, nil
}

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

// readCorpus reads the packages in the folders, on all cores.
func readCorpus(src string, folders []string) (corpus, error) {
	found := make([]contents, len(folders))
	p := pool.New().WithErrors().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i, folder := range folders {
		p.Go(func() (err error) {
			found[i], err = readPackage(src, folder)
			return err
		})
	}
	if err := p.Wait(); err != nil {
		return corpus{}, fmt.Errorf("read the documentation: %w", err)
	}
	c := corpus{importers: map[string]int{}}
	for _, f := range found {
		c.documents = append(c.documents, f.documents...)
		for _, path := range f.imports {
			if part(path) != f.part && part(path) != "testing" { // which all tests import
				c.importers[path]++
			}
		}
	}
	return c, nil
}

// contents is what one package adds to the corpus.
type contents struct {
	documents []pipeline.Document
	part      string
	imports   []string // each path once
}

// part is the first element of an import path.
func part(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

// packages returns the folders below src that others can import.
func packages(src string) ([]string, error) {
	var folders []string
	err := filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch d.Name() {
		case "testdata", "internal", "vendor", "cmd":
			return filepath.SkipDir
		}
		if path != src {
			folders = append(folders, path)
		}
		return nil
	})
	return folders, err
}

func readPackage(src, folder string) (contents, error) {
	found, err := build.ImportDir(folder, 0)
	var none *build.NoGoError
	if errors.As(err, &none) || err == nil && found.Name == "main" {
		return contents{}, nil
	}
	if err != nil {
		return contents{}, err
	}
	names := slices.Concat(found.GoFiles, found.CgoFiles)
	for _, name := range slices.Concat(found.TestGoFiles, found.XTestGoFiles) {
		if strings.HasPrefix(name, "example") { // comments of examples say what things are for
			names = append(names, name)
		}
	}
	set := token.NewFileSet()
	files := make([]*ast.File, len(names))
	for i, name := range names {
		files[i], err = parser.ParseFile(set, filepath.Join(folder, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return contents{}, err
		}
	}
	path, err := filepath.Rel(src, folder)
	if err != nil {
		return contents{}, err
	}
	p, err := doc.NewFromFiles(set, files, filepath.ToSlash(path))
	if err != nil {
		return contents{}, err
	}
	r := reader{pkg: p, set: set, seen: map[string]bool{}}
	r.all()
	imports := slices.Concat(found.Imports, found.TestImports, found.XTestImports)
	slices.Sort(imports)
	return contents{r.documents, part(p.ImportPath), slices.Compact(imports)}, nil
}
