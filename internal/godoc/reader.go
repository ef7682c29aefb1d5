package godoc

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/printer"
	"go/token"
	"strconv"
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

// reader turns the documentation of one package into documents.
type reader struct {
	pkg       *doc.Package
	set       *token.FileSet
	documents []pipeline.Document
	seen      map[string]bool
}

func (r *reader) all() {
	r.add("", "package "+r.pkg.Name, r.pkg.Doc)
	r.values(r.pkg.Consts)
	r.values(r.pkg.Vars)
	r.functions("", r.pkg.Funcs)
	for _, t := range r.pkg.Types {
		r.typ(t)
		r.values(t.Consts)
		r.values(t.Vars)
		r.functions("", t.Funcs)
		r.functions(t.Name+".", t.Methods)
	}
}

func (r *reader) functions(prefix string, list []*doc.Func) {
	for _, f := range list {
		r.add(prefix+f.Name, r.line(&ast.FuncDecl{Name: f.Decl.Name, Recv: f.Decl.Recv, Type: f.Decl.Type}), f.Doc)
	}
}

// typ adds a type and its fields, or the methods that an interface asks for.
func (r *reader) typ(t *doc.Type) {
	for _, spec := range t.Decl.Specs {
		s, ok := spec.(*ast.TypeSpec)
		if !ok || s.Name.Name != t.Name {
			continue
		}
		var fields *ast.FieldList
		declaration := "type " + t.Name
		switch inner := s.Type.(type) {
		case *ast.StructType:
			fields, declaration = inner.Fields, declaration+" struct"
		case *ast.InterfaceType:
			fields, declaration = inner.Methods, declaration+" interface"
		default:
			declaration += " " + r.line(s.Type)
		}
		r.add(t.Name, declaration, t.Doc)
		if fields == nil {
			continue
		}
		for _, f := range fields.List {
			for _, name := range f.Names {
				if name.IsExported() {
					r.add(t.Name+"."+name.Name, name.Name+" "+r.line(f.Type), f.Doc.Text()+f.Comment.Text())
				}
			}
		}
	}
}

// values adds each name of a declaration with its own comment, or the first name
// with that of the whole group.
func (r *reader) values(groups []*doc.Value) {
	for _, g := range groups {
		for i, spec := range g.Decl.Specs {
			s, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			text := s.Doc.Text() + s.Comment.Text()
			if i == 0 {
				text = g.Doc + text
			}
			for _, name := range s.Names {
				if name.IsExported() {
					r.add(name.Name, g.Decl.Tok.String()+" "+name.Name, text)
				}
			}
		}
	}
}

// add makes the documents of a symbol, none if it has no comment.
func (r *reader) add(name, declaration, text string) {
	id, title := r.pkg.ImportPath, "package "+r.pkg.ImportPath
	if name != "" {
		id, title = id+"."+name, r.pkg.Name+"."+name
	}
	if strings.TrimSpace(text) == "" || r.seen[id] {
		return
	}
	r.seen[id] = true
	for i, piece := range pieces(text) {
		d := pipeline.Document{ID: id, Text: declaration + "\n\n" + piece, Metadata: map[string]any{
			TitleKey: title, WordsKey: words(r.pkg.ImportPath) + " " + words(name) + " " + title,
			pipeline.SourceKey: r.pkg.ImportPath, pipeline.PositionKey: len(r.documents),
		}}
		if i > 0 {
			d.ID += "#" + strconv.Itoa(i+1)
			d.Text = piece
		}
		r.documents = append(r.documents, d)
	}
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

// words divides an identifier or an import path into words: at what is neither
// letter nor digit, before a capital after a small letter, and before the last of
// several capitals that begins a word ("HTTPServer" is HTTP and Server).
func words(identifier string) string {
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

// line prints a declaration on one line.
func (r *reader) line(node any) string {
	var b bytes.Buffer
	if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, r.set, node); err != nil {
		return ""
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
