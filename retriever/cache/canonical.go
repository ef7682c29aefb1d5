package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// digest is the key of what was written to it. Every part has its length in front
// of it, so that no two lists of parts are written alike.
type digest struct{ strings.Builder }

func (d *digest) part(s string) {
	d.WriteString(strconv.Itoa(len(s)))
	d.WriteByte(':')
	d.WriteString(s)
}

func (d *digest) sum() string {
	h := sha256.Sum256([]byte(d.String()))
	return hex.EncodeToString(h[:])
}

var errOpaque = errors.New("a value that cannot be told from others")

// maxDepth bounds how deep values are followed, so that cycles end.
const maxDepth = 64

// value writes what tells a value from every other one: its type and its content,
// what is unexported too. Functions, channels and cycles are errOpaque. A method
// of the value is not asked, since its text may leave out what matters.
func (d *digest) value(v any) error { return d.reflected(reflect.ValueOf(v), 0) }

func (d *digest) reflected(v reflect.Value, depth int) error {
	if !v.IsValid() {
		d.part("nil")
		return nil
	}
	if depth > maxDepth {
		return errOpaque
	}
	d.part(v.Type().PkgPath() + " " + v.Type().String())
	if v.CanInterface() {
		switch own := v.Interface().(type) {
		case pipeline.Filter:
			return d.filter(own)
		case time.Time:
			d.part(own.Format(time.RFC3339Nano) + " " + own.Location().String())
			return nil
		}
	}
	return d.content(v, depth+1)
}

// filter writes a filter of the module by its JSON, which tells all filters apart.
func (d *digest) filter(f pipeline.Filter) error {
	text, err := f.MarshalJSON()
	if err != nil {
		return errOpaque
	}
	d.part(string(text))
	return nil
}

func (d *digest) content(v reflect.Value, depth int) error {
	switch v.Kind() {
	case reflect.Bool:
		d.part(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.part(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		d.part(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		d.part(strconv.FormatUint(math.Float64bits(v.Float()), 16))
	case reflect.Complex64, reflect.Complex128:
		d.part(fmt.Sprint(v.Complex()))
	case reflect.String:
		d.part(v.String())
	case reflect.Slice, reflect.Array:
		return d.list(v, depth)
	case reflect.Map:
		return d.mapped(v, depth)
	case reflect.Struct:
		return d.fields(v, depth)
	case reflect.Pointer, reflect.Interface:
		return d.reflected(v.Elem(), depth)
	default: // functions, channels, unsafe pointers
		if v.Kind() == reflect.UnsafePointer || !v.IsNil() {
			return errOpaque
		}
		d.part("nil")
	}
	return nil
}

func (d *digest) list(v reflect.Value, depth int) error {
	if v.Kind() == reflect.Slice && v.IsNil() {
		d.part("nil")
		return nil
	}
	d.part(strconv.Itoa(v.Len()))
	for i := range v.Len() {
		if err := d.reflected(v.Index(i), depth); err != nil {
			return err
		}
	}
	return nil
}

func (d *digest) mapped(v reflect.Value, depth int) error {
	if v.IsNil() {
		d.part("nil")
		return nil
	}
	var entries []string
	for iter := v.MapRange(); iter.Next(); {
		var e digest
		if err := e.reflected(iter.Key(), depth); err != nil {
			return err
		}
		if err := e.reflected(iter.Value(), depth); err != nil {
			return err
		}
		entries = append(entries, e.String())
	}
	slices.Sort(entries)
	d.part(strconv.Itoa(len(entries)))
	for _, e := range entries {
		d.part(e)
	}
	return nil
}

func (d *digest) fields(v reflect.Value, depth int) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if bookkeeping(field) {
			continue
		}
		d.part(field.Name)
		if err := d.reflected(v.Field(i), depth); err != nil {
			return err
		}
	}
	return nil
}

// bookkeeping reports what generated messages of protocol buffers have beside
// their content.
func bookkeeping(f reflect.StructField) bool {
	return f.PkgPath != "" && (strings.HasPrefix(f.Type.PkgPath(), "google.golang.org/protobuf/internal/") ||
		f.Name == "sizeCache" && f.Type.Kind() == reflect.Int32)
}
