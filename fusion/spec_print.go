package fusion

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// field is a parameter of a method or normaliser, found by its spec tag:
// `spec:"name"`, or `spec:"name,zero=60"` where the zero value stands for 60.
type field struct {
	name  string
	zero  string // what the zero value stands for; empty if for itself
	index []int
}

// fieldsOf lists the parameters of a struct type in order, those of embedded
// options included.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("spec")
		if !tagged {
			if f.IsExported() && f.Type.Kind() == reflect.Struct {
				for _, inner := range fieldsOf(f.Type) {
					inner.index = append([]int{i}, inner.index...)
					fields = append(fields, inner)
				}
			}
			continue
		}
		name, zero, _ := strings.Cut(tag, ",zero=")
		fields = append(fields, field{name: name, zero: zero, index: []int{i}})
	}
	return fields
}

// parameter is a printed field.
type parameter struct{ name, value string }

// defaulted is implemented by methods whose defaults are not the same for all
// their values.
type defaulted interface{ effective() any }

// printed returns the parameters that are in force: all that differ from their
// zero value, and those whose zero value stands for a number.
func printed(m any) []parameter {
	if d, ok := m.(defaulted); ok {
		m = d.effective()
	}
	v := reflect.ValueOf(m)
	var out []parameter
	for _, f := range fieldsOf(v.Type()) {
		value := v.FieldByIndex(f.index)
		switch {
		case value.IsZero() && f.zero != "":
			out = append(out, parameter{f.name, f.zero})
		case value.Kind() == reflect.Interface && value.IsZero() && hasNorms(v):
			// each list has its own normaliser, and this one is not in force
		case !value.IsZero() || value.Kind() == reflect.Interface:
			out = append(out, parameter{f.name, printValue(value)})
		}
	}
	return out
}

func hasNorms(v reflect.Value) bool {
	norms := v.FieldByName("Norms")
	return norms.IsValid() && !norms.IsZero()
}

// specOf prints a method or a normaliser: name(parameter=value, ...).
func specOf(m any) string {
	var b strings.Builder
	b.WriteString(lookupName(m))
	params := printed(m)
	if len(params) == 0 {
		return b.String()
	}
	b.WriteByte('(')
	for i, p := range params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	b.WriteByte(')')
	return b.String()
}

func printValue(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Normaliser:
		return x.String()
	case Missing:
		return x.String()
	case fmt.Stringer:
		return x.String()
	case float64:
		if x == Zero {
			return "0"
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = printValue(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Interface:
		return "auto" // a nil Normaliser
	case reflect.String:
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// assign sets a field from a parsed value.
func assign(target reflect.Value, f field, v value) error {
	switch p := target.Addr().Interface().(type) {
	case *Normaliser:
		n, err := buildNormaliser(v)
		if err == nil {
			*p = n
		}
		return err
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(v.text()))
	case *float64:
		x, err := v.number()
		if x == 0 && f.zero != "" {
			x = Zero
		}
		*p = x
		return err
	case *int:
		x, err := strconv.Atoi(v.text())
		if err == nil && x == 0 && f.zero != "" {
			return fmt.Errorf("%w: 0 is not possible here", ErrConfig)
		}
		if err != nil {
			return fmt.Errorf("%w: %s is not a whole number", ErrConfig, v.text())
		}
		*p = x
		return nil
	case *bool:
		if v.text() != "true" && v.text() != "false" {
			return fmt.Errorf("%w: %s is neither true nor false", ErrConfig, v.text())
		}
		*p = v.text() == "true"
		return nil
	case *string:
		if !v.quoted {
			return fmt.Errorf("%w: %s must be in quotes", ErrConfig, v.text())
		}
		*p = v.name
		return nil
	}
	return assignSlice(target, v)
}

func assignSlice(target reflect.Value, v value) error {
	if target.Kind() != reflect.Slice || !v.isList {
		return fmt.Errorf("%w: %s is not a list in brackets", ErrConfig, v.text())
	}
	out := reflect.MakeSlice(target.Type(), len(v.items), len(v.items))
	for i, item := range v.items {
		if err := assign(out.Index(i), field{}, item); err != nil {
			return err
		}
	}
	target.Set(out)
	return nil
}
