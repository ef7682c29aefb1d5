package fusion

import "reflect"

// Info describes a method or a normaliser, for lists and help texts.
type Info struct {
	// Name is what specifications call it.
	Name string
	// Formula says what it computes, in one line.
	Formula string
	// Source is where the definition comes from.
	Source string
	// Parameters are its parameters, with defaults.
	Parameters []Parameter
}

// Parameter is a parameter of a method or a normaliser.
type Parameter struct {
	// Name is what specifications call it.
	Name string
	// Type is "number", "whole number", "true or false", "text", "list of
	// numbers", "list of lists of numbers", "normaliser", "list of normalisers",
	// or the choices, separated by |.
	Type string
	// Default is the value in force when the parameter is not given, as it would
	// be written; empty for lists that are not given.
	Default string
}

// Methods lists all fusion methods, in a fixed order.
func Methods() []Info { return infos(methods) }

// Normalisers lists all normalisers, in a fixed order.
func Normalisers() []Info { return infos(normalisers) }

func infos(table []entry) []Info {
	out := make([]Info, len(table))
	for i, e := range table {
		out[i] = Info{Name: e.name, Formula: e.formula, Source: e.source, Parameters: parametersOf(e.prototype)}
	}
	return out
}

func parametersOf(prototype any) []Parameter {
	if d, ok := prototype.(defaulted); ok {
		prototype = d.effective()
	}
	v := reflect.ValueOf(prototype)
	var out []Parameter
	for _, f := range fieldsOf(v.Type()) {
		field := v.FieldByIndex(f.index)
		p := Parameter{Name: f.name, Type: typeName(field), Default: f.zero}
		if f.zero == "" && (field.Kind() != reflect.Slice || !field.IsZero()) {
			p.Default = printValue(field)
		}
		out = append(out, p)
	}
	return out
}

func typeName(v reflect.Value) string {
	switch v.Interface().(type) {
	case NonFinite:
		return choices(nonFiniteNames)
	case Duplicates:
		return choices(duplicatesNames)
	case Degenerate:
		return choices(degenerateNames)
	case BoundMode:
		return choices(boundNames)
	case Ranks:
		return choices(ranksNames)
	case Missing:
		return choices(missingNames) + "|rank(n)"
	case []float64:
		return "list of numbers"
	case [][]float64:
		return "list of lists of numbers"
	case []Normaliser:
		return "list of normalisers"
	case []string:
		return "list of texts"
	case []int:
		return "list of whole numbers"
	case float64:
		return "number"
	case int:
		return "whole number"
	case bool:
		return "true or false"
	case string:
		return "text"
	}
	return "normaliser"
}

func choices(names []string) string {
	out := names[0]
	for _, n := range names[1:] {
		out += "|" + n
	}
	return out
}

// named is implemented by types that stand in a table more than once.
type named interface{ specName() string }

// lookupName returns the name under which a value's type stands in the tables,
// the type itself for what comes from elsewhere.
func lookupName(m any) string {
	if n, ok := m.(named); ok {
		return n.specName()
	}
	t := reflect.TypeOf(m)
	if name, ok := nameByType[t]; ok {
		return name
	}
	return t.String()
}

func names(table []entry) []string {
	out := make([]string, len(table))
	for i, e := range table {
		out[i] = e.name
	}
	return out
}
