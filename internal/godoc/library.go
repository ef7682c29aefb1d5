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
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/pool"
)

// Package is what others can import of one package.
type Package struct {
	Path, Name string
	// Symbols are those that have a comment, the package itself first.
	Symbols []Symbol
	// Imports are the packages that it imports, and TestImports those that its tests
	// do.
	Imports, TestImports []string
}

// documents are the symbols of a package as documents.
func (p Package) documents(importers int) []pipeline.Document {
	var all []pipeline.Document
	for _, s := range p.Symbols {
		id, title := p.Path, "package "+p.Path
		if s.Name != "" {
			id, title = id+"."+s.Name, p.Name+"."+s.Name
		}
		for i, piece := range pieces(s.Comment) {
			d := pipeline.Document{ID: id, Text: s.Declaration + "\n\n" + piece, Metadata: map[string]any{
				TitleKey: title, WordsKey: Words(p.Path) + " " + Words(s.Name) + " " + title,
				pipeline.SourceKey: p.Path, pipeline.PositionKey: len(all), ImportersKey: importers,
			}}
			if i > 0 {
				d.ID += "#" + strconv.Itoa(i+1)
				d.Text = piece
			}
			all = append(all, d)
		}
	}
	return all
}

// Symbol is a package, constant, variable, function, type, method or field with its
// comment.
type Symbol struct {
	// Name is "" for the package, and "Client.Timeout" for a field or method.
	Name string
	// Kind is the first word above for it.
	Kind string
	// Declaration is one line of Go.
	Declaration string
	Comment     string
	// Examples are the comments of its examples, which say what it is for.
	Examples []string
}

// Part is the part of the library that a package belongs to: the first element of its
// import path.
func Part(importPath string) string {
	first, _, _ := strings.Cut(importPath, "/")
	return first
}

// Load reads the packages of the standard library that others can import, on all
// cores, in the order of their import paths.
//
// goroot is the Go installation; "" means the one that is found. Packages for which
// keep is false are left out; nil keeps all.
func Load(ctx context.Context, goroot string, keep func(importPath string) bool) ([]Package, error) {
	src, err := sources(ctx, goroot)
	if err != nil {
		return nil, err
	}
	paths, err := importable(src, keep)
	if err != nil {
		return nil, fmt.Errorf("godoc: %w", err)
	}
	all := make([]Package, len(paths))
	p := pool.New().WithErrors().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		p.Go(func() (err error) {
			if ctx.Err() != nil {
				return fmt.Errorf("godoc: %w", context.Cause(ctx))
			}
			if all[i], err = readPackage(src, path); err != nil {
				return fmt.Errorf("godoc: read %s: %w", path, err)
			}
			return nil
		})
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(p Package) bool { return p.Name == "" }), nil
}

// sources returns the folder with the source of the standard library.
func sources(ctx context.Context, goroot string) (string, error) {
	if goroot == "" {
		goroot = build.Default.GOROOT
	}
	if goroot == "" { // built with -trimpath
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", errors.New("godoc: the Go installation was not found: name it with -goroot")
		}
		goroot = strings.TrimSpace(string(out))
	}
	src := filepath.Join(goroot, "src")
	if _, err := os.Stat(filepath.Join(src, "fmt", "doc.go")); err != nil {
		return "", fmt.Errorf("godoc: %s does not hold the source of the standard library, whose documentation is the corpus: "+
			"install Go from go.dev/dl, or name another installation with -goroot", goroot)
	}
	return src, nil
}

// importable returns the import paths below src that others can import.
func importable(src string, keep func(importPath string) bool) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(src, func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch d.Name() {
		case "testdata", "internal", "vendor", "cmd":
			return filepath.SkipDir
		}
		path, err := filepath.Rel(src, folder)
		if path = filepath.ToSlash(path); err == nil && path != "." && (keep == nil || keep(path)) {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

// readPackage reads one package, which has no name if there is none in the folder.
func readPackage(src, path string) (Package, error) {
	folder := filepath.Join(src, filepath.FromSlash(path))
	found, err := build.ImportDir(folder, 0)
	var none *build.NoGoError
	if errors.As(err, &none) || err == nil && found.Name == "main" {
		return Package{}, nil
	}
	if err != nil {
		return Package{}, err
	}
	names := slices.Concat(found.GoFiles, found.CgoFiles)
	for _, name := range slices.Concat(found.TestGoFiles, found.XTestGoFiles) {
		if strings.HasPrefix(name, "example") {
			names = append(names, name)
		}
	}
	set := token.NewFileSet()
	files := make([]*ast.File, len(names))
	for i, name := range names {
		files[i], err = parser.ParseFile(set, filepath.Join(folder, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return Package{}, err
		}
	}
	p, err := doc.NewFromFiles(set, files, path)
	if err != nil {
		return Package{}, err
	}
	r := reader{pkg: p, set: set, seen: map[string]bool{}}
	r.all()
	return Package{
		Path: path, Name: p.Name, Symbols: r.symbols,
		Imports: found.Imports, TestImports: slices.Concat(found.TestImports, found.XTestImports),
	}, nil
}
