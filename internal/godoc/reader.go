package godoc

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/printer"
	"go/token"
	"strings"
)

// reader turns the documentation of one package into symbols.
type reader struct {
	pkg     *doc.Package
	set     *token.FileSet
	symbols []Symbol
	seen    map[string]bool
}

func (r *reader) all() {
	r.add("package", "", "package "+r.pkg.Name, r.pkg.Doc, r.pkg.Examples)
	r.values("constant", r.pkg.Consts)
	r.values("variable", r.pkg.Vars)
	r.functions("function", "", r.pkg.Funcs)
	for _, t := range r.pkg.Types {
		r.typ(t)
		r.values("constant", t.Consts)
		r.values("variable", t.Vars)
		r.functions("function", "", t.Funcs)
		r.functions("method", t.Name+".", t.Methods)
	}
}

func (r *reader) functions(kind, prefix string, list []*doc.Func) {
	for _, f := range list {
		r.add(kind, prefix+f.Name, r.line(f.Decl), f.Doc, f.Examples)
	}
}

// typ adds a type and, below it, its fields, or the methods that an interface
// asks for.
func (r *reader) typ(t *doc.Type) {
	for _, spec := range t.Decl.Specs {
		s, ok := spec.(*ast.TypeSpec)
		if !ok || s.Name.Name != t.Name {
			continue
		}
		kind, what := "type", ""
		var fields *ast.FieldList
		switch inner := s.Type.(type) {
		case *ast.StructType:
			fields, what = inner.Fields, "field"
			r.add(kind, t.Name, "type "+t.Name+" struct", t.Doc, t.Examples)
		case *ast.InterfaceType:
			fields, what = inner.Methods, "method"
			r.add(kind, t.Name, "type "+t.Name+" interface", t.Doc, t.Examples)
		default:
			r.add(kind, t.Name, "type "+t.Name+" "+r.line(s.Type), t.Doc, t.Examples)
		}
		if fields == nil {
			continue
		}
		for _, f := range fields.List {
			for _, name := range f.Names {
				if name.IsExported() {
					r.add(what, t.Name+"."+name.Name, name.Name+" "+r.line(f.Type), f.Doc.Text()+f.Comment.Text(), nil)
				}
			}
		}
	}
}

// values adds each name of a declaration with its own comment, or the first name
// with that of the whole group.
func (r *reader) values(kind string, groups []*doc.Value) {
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
					r.add(kind, name.Name, g.Decl.Tok.String()+" "+name.Name, text, nil)
				}
			}
		}
	}
}

// add keeps a symbol, unless it has no comment or was met before.
func (r *reader) add(kind, name, declaration, comment string, examples []*doc.Example) {
	if strings.TrimSpace(comment) == "" || r.seen[name] {
		return
	}
	r.seen[name] = true
	s := Symbol{Name: name, Kind: kind, Declaration: declaration, Comment: comment}
	for _, e := range examples {
		s.Examples = append(s.Examples, e.Doc)
	}
	r.symbols = append(r.symbols, s)
}

// line prints a declaration on one line, without its body.
func (r *reader) line(node any) string {
	if f, ok := node.(*ast.FuncDecl); ok {
		node = &ast.FuncDecl{Name: f.Name, Recv: f.Recv, Type: f.Type}
	}
	var b bytes.Buffer
	if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, r.set, node); err != nil {
		return ""
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
