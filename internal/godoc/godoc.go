package godoc

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
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
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
	src, err := sources(ctx, goroot)
	if err != nil {
		return nil, err
	}
	folders, err := packages(src)
	if err != nil {
		return nil, fmt.Errorf("godoc: %w", err)
	}
	var all []pipeline.Document
	importers := map[string]int{}
	for _, folder := range folders {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("godoc: %w", context.Cause(ctx))
		}
		path, err := filepath.Rel(src, folder)
		if err != nil {
			return nil, fmt.Errorf("godoc: %w", err)
		}
		if path = filepath.ToSlash(path); keep != nil && !keep(path) {
			continue
		}
		documents, imports, err := readPackage(folder, path)
		if err != nil {
			return nil, fmt.Errorf("godoc: read %s: %w", path, err)
		}
		all = append(all, documents...)
		for _, i := range imports {
			if first(i) != first(path) { // that the packages below go/ import one another says nothing about their use
				importers[i]++
			}
		}
	}
	for _, d := range all {
		d.Metadata[ImportersKey] = importers[d.Metadata[pipeline.SourceKey].(string)]
	}
	return all, nil
}

// first is the first element of an import path.
func first(path string) string {
	head, _, _ := strings.Cut(path, "/")
	return head
}

// sources returns the folder with the source of the standard library.
func sources(ctx context.Context, goroot string) (string, error) {
	if goroot == "" {
		goroot = build.Default.GOROOT
	}
	if goroot == "" { // built with -trimpath
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", errors.New("godoc: the Go installation was not found: name it")
		}
		goroot = strings.TrimSpace(string(out))
	}
	src := filepath.Join(goroot, "src")
	if _, err := os.Stat(filepath.Join(src, "fmt", "doc.go")); err != nil {
		return "", fmt.Errorf("godoc: %s does not hold the source of the standard library", goroot)
	}
	return src, nil
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

func readPackage(folder, path string) (documents []pipeline.Document, imports []string, err error) {
	found, err := build.ImportDir(folder, 0)
	var none *build.NoGoError
	if errors.As(err, &none) || err == nil && found.Name == "main" {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	names := slices.Concat(found.GoFiles, found.CgoFiles)
	set := token.NewFileSet()
	files := make([]*ast.File, len(names))
	for i, name := range names {
		files[i], err = parser.ParseFile(set, filepath.Join(folder, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
	}
	p, err := doc.NewFromFiles(set, files, path)
	if err != nil {
		return nil, nil, err
	}
	r := reader{pkg: p, set: set, seen: map[string]bool{}}
	r.all()
	return r.documents, found.Imports, nil
}
