package pipeline

import (
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ValueKind says what a Value is.
type ValueKind uint8

// The kinds of values. Values of different kinds are never equal.
const (
	// TextValue is a text.
	TextValue ValueKind = iota + 1
	// NumberValue is an integer of any size or a finite fraction.
	NumberValue
	// BoolValue is a boolean.
	BoolValue
	// TimeValue is an instant.
	TimeValue
)

// String returns "text", "number", "boolean" or "time".
func (k ValueKind) String() string {
	switch k {
	case TextValue:
		return "text"
	case NumberValue:
		return "number"
	case BoolValue:
		return "boolean"
	case TimeValue:
		return "time"
	}
	return "invalid kind"
}

// Value is one value that a filter compares, in its one form: whole numbers are
// integers whatever type they had, -0 is 0. The zero value is none. It is
// immutable.
type Value struct {
	kind ValueKind
	text string
	flag bool
	time time.Time
	// A number is exactly one of: large, which does not fit into an int64;
	// fraction, if it is not 0, which is not whole; else small.
	small    int64
	large    *big.Int
	fraction float64
}

// maxDigits bounds the digits that a number written with an exponent may have.
const maxDigits = 4096

var errNoValue = errors.New("want a text, a number, a boolean or a time")

// NewValue makes a Value of a text, a boolean, a number of any Go type, a
// json.Number, a big.Int, a time.Time, a type based on one of these, a value with
// MarshalText (its text), bytes (their base64, as in JSON) or a pointer to one of
// these. Anything else is an error: nil, NaN and infinite numbers, text that is
// not UTF-8, maps, structs, lists, and decimals that no float64 comes near.
func NewValue(v any) (Value, error) {
	switch v := v.(type) {
	case Value:
		if v.kind == 0 {
			return Value{}, errNoValue
		}
		return v, nil
	case string:
		return textValue(v)
	case bool:
		return Value{kind: BoolValue, flag: v}, nil
	case int:
		return Value{kind: NumberValue, small: int64(v)}, nil
	case int64:
		return Value{kind: NumberValue, small: v}, nil
	case float64:
		return floatValue(v)
	case time.Time:
		return timeValue(v)
	case json.Number:
		return parseNumber(string(v))
	case *big.Int:
		if v == nil {
			return Value{}, errNoValue
		}
		return bigValue(v), nil
	case big.Int:
		return bigValue(&v), nil
	}
	return reflectedValue(v)
}

func reflectedValue(v any) (Value, error) {
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return Value{}, fmt.Errorf("%w, not nil", errNoValue)
		}
		if r.Elem().CanInterface() && !isText(v, r) {
			return NewValue(r.Elem().Interface())
		}
	}
	if m, ok := v.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return Value{}, fmt.Errorf("a %T does not write itself as text", v)
		}
		return textValue(string(text))
	}
	switch {
	case r.Kind() == reflect.String:
		return textValue(r.String())
	case r.Kind() == reflect.Bool:
		return Value{kind: BoolValue, flag: r.Bool()}, nil
	case r.CanInt():
		return Value{kind: NumberValue, small: r.Int()}, nil
	case r.CanUint():
		return bigValue(new(big.Int).SetUint64(r.Uint())), nil
	case r.CanFloat():
		return floatValue(r.Float())
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return textValue(base64.StdEncoding.EncodeToString(r.Bytes()))
	}
	return Value{}, fmt.Errorf("%w, not %T", errNoValue, v)
}

// isText reports whether a pointer writes itself as text and what it points to
// does not.
func isText(v any, r reflect.Value) bool {
	if _, ok := r.Elem().Interface().(encoding.TextMarshaler); ok {
		return false
	}
	_, ok := v.(encoding.TextMarshaler)
	return ok
}

func textValue(s string) (Value, error) {
	if !utf8.ValidString(s) {
		return Value{}, errors.New("the text is not valid UTF-8")
	}
	return Value{kind: TextValue, text: s}, nil
}

func timeValue(t time.Time) (Value, error) {
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return Value{}, errors.New("the year of a time is not within 0 and 9999")
	}
	return Value{kind: TimeValue, time: t.Round(0)}, nil
}

func bigValue(n *big.Int) Value {
	if n.IsInt64() {
		return Value{kind: NumberValue, small: n.Int64()}
	}
	return Value{kind: NumberValue, large: new(big.Int).Set(n)}
}

func floatValue(f float64) (Value, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return Value{}, errors.New("the number is not finite")
	case f != math.Trunc(f):
		return Value{kind: NumberValue, fraction: f}, nil
	case f >= -1<<63 && f < 1<<63:
		return Value{kind: NumberValue, small: int64(f)}, nil
	}
	n, _ := big.NewFloat(f).Int(nil)
	return Value{kind: NumberValue, large: n}, nil
}

// parseNumber reads a number as JSON writes it. A whole one is exact, however it
// is written; any other is the nearest float64, which must not be whole.
func parseNumber(s string) (Value, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return Value{kind: NumberValue, small: n}, nil
	}
	if !json.Valid([]byte(s)) || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return Value{}, errors.New("the number is not written as in JSON")
	}
	if digits, ok := wholeDigits(s); ok {
		n, ok := new(big.Int).SetString(digits, 10)
		if !ok {
			return Value{}, errors.New("the number is not written as in JSON")
		}
		return bigValue(n), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f == math.Trunc(f) {
		return Value{}, errors.New("no floating-point number comes near the number")
	}
	return Value{kind: NumberValue, fraction: f}, nil
}

// wholeDigits returns the digits of a whole number that may be written with a
// fraction or an exponent, such as 1.50e3.
func wholeDigits(s string) (string, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil {
			shift = math.MinInt32
		}
	}
	sign := ""
	if mantissa[0] == '-' {
		sign, mantissa = "-", mantissa[1:]
	}
	before, after, _ := strings.Cut(mantissa, ".")
	after = strings.TrimRight(after, "0")
	if after == "" {
		trimmed := strings.TrimRight(before, "0")
		shift += len(before) - len(trimmed)
		before = trimmed
	}
	digits := before + after
	if strings.Trim(digits, "0") == "" {
		return "0", true
	}
	shift -= len(after)
	if shift < 0 || shift > maxDigits && exponent != "" {
		return "", false
	}
	return sign + digits + strings.Repeat("0", shift), true
}

// Kind returns what the value is, 0 for the zero Value.
func (v Value) Kind() ValueKind { return v.kind }

// Text returns the text, empty for other kinds.
func (v Value) Text() string { return v.text }

// Bool returns the boolean, false for other kinds.
func (v Value) Bool() bool { return v.flag }

// Time returns the instant, the zero time for other kinds.
func (v Value) Time() time.Time { return v.time }

// Int64 returns the number, and whether it is whole and fits.
func (v Value) Int64() (int64, bool) {
	return v.small, v.kind == NumberValue && v.large == nil && v.fraction == 0
}

// BigInt returns the number, and whether it is whole. The caller owns it.
func (v Value) BigInt() (*big.Int, bool) {
	switch {
	case v.kind != NumberValue || v.fraction != 0:
		return nil, false
	case v.large != nil:
		return new(big.Int).Set(v.large), true
	}
	return big.NewInt(v.small), true
}

// Float64 returns the nearest float64, and whether the number is exactly that.
func (v Value) Float64() (float64, bool) {
	switch {
	case v.kind != NumberValue:
		return 0, false
	case v.fraction != 0:
		return v.fraction, true
	case v.large != nil:
		f, accuracy := new(big.Float).SetInt(v.large).Float64()
		return f, accuracy == big.Exact
	}
	f := float64(v.small)
	return f, f < 1<<63 && int64(f) == v.small
}

// Literal returns a number as JSON writes it, in full and without an exponent if
// it is whole; empty for other kinds.
func (v Value) Literal() string {
	switch {
	case v.kind != NumberValue:
		return ""
	case v.fraction != 0:
		return strconv.FormatFloat(v.fraction, 'g', -1, 64)
	case v.large != nil:
		return v.large.String()
	}
	return strconv.FormatInt(v.small, 10)
}

// Compare is negative if v stands before w, 0 if they are equal and positive if v
// stands after w. Kinds stand in the order of their constants.
func (v Value) Compare(w Value) int {
	if v.kind != w.kind {
		return cmp.Compare(v.kind, w.kind)
	}
	switch v.kind {
	case TextValue:
		return strings.Compare(v.text, w.text)
	case TimeValue:
		return v.time.Compare(w.time)
	case NumberValue:
		return v.compareNumber(w)
	}
	switch {
	case v.flag == w.flag:
		return 0
	case w.flag:
		return -1
	}
	return 1
}

func (v Value) compareNumber(w Value) int {
	switch {
	case v.large != nil && w.large != nil:
		return v.large.Cmp(w.large)
	case v.large != nil: // its magnitude is above that of all others
		return v.large.Sign()
	case w.large != nil:
		return -w.large.Sign()
	case v.fraction == 0 && w.fraction == 0:
		return cmp.Compare(v.small, w.small)
	case v.fraction != 0 && w.fraction != 0:
		return cmp.Compare(v.fraction, w.fraction)
	case v.fraction != 0:
		return -compareWhole(w.small, v.fraction)
	}
	return compareWhole(v.small, w.fraction)
}

// compareWhole compares an integer with a fraction. A float64 that is not whole
// is below 2^52, so that rounding a larger integer does not change the answer.
func compareWhole(n int64, fraction float64) int { return cmp.Compare(float64(n), fraction) }

// Key returns bytes that are equal for equal values and, within a kind, stand in
// the order of the values. A store can index values by them.
func (v Value) Key() string {
	switch v.kind {
	case TextValue:
		return "t" + v.text
	case BoolValue:
		if v.flag {
			return "b1"
		}
		return "b0"
	case TimeValue:
		key := binary.BigEndian.AppendUint64([]byte{'d'}, uint64(v.time.Unix())^1<<63)
		return string(binary.BigEndian.AppendUint32(key, uint32(v.time.Nanosecond())))
	case NumberValue:
		return "n" + v.numberKey()
	}
	return ""
}

// numberKey is a sign, the exponent of 2 and the mantissa from its highest bit
// on, 7 bits in a byte, of which the lowest bit says that another byte follows.
// The bytes of a negative number are inverted.
func (v Value) numberKey() string {
	mantissa, exponent := v.binary()
	if mantissa.Sign() == 0 {
		return "1"
	}
	negative := mantissa.Sign() < 0
	mantissa.Abs(mantissa)
	mantissa.Lsh(mantissa, uint(6-(mantissa.BitLen()+6)%7))
	key := binary.BigEndian.AppendUint32(nil, uint32(exponent)^1<<31)
	group := new(big.Int)
	for top := mantissa.BitLen() - 7; ; top -= 7 {
		bits := byte(group.Rsh(mantissa, uint(top)).Uint64()&0x7f) << 1
		if mantissa.TrailingZeroBits() >= uint(top) {
			key = append(key, bits)
			break
		}
		key = append(key, bits|1)
	}
	if !negative {
		return "2" + string(key)
	}
	for i := range key {
		key[i] = ^key[i]
	}
	return "0" + string(key)
}

// binary returns the number's mantissa and the exponent of its highest bit.
func (v Value) binary() (mantissa *big.Int, exponent int32) {
	if v.fraction == 0 {
		n, _ := v.BigInt()
		return n, int32(n.BitLen() - 1)
	}
	f, e := math.Frexp(v.fraction)
	return big.NewInt(int64(f * (1 << 53))), int32(e - 1)
}

// counterpart returns the time that a text is, or the text of a time.
func (v Value) counterpart() (Value, bool) {
	switch v.kind {
	case TextValue:
		t, ok := parseTime(v.text)
		return Value{kind: TimeValue, time: t}, ok
	case TimeValue:
		text, err := v.time.MarshalText()
		return Value{kind: TextValue, text: string(text)}, err == nil
	}
	return Value{}, false
}

// parseTime reads a time of RFC 3339 or a date.
func parseTime(s string) (time.Time, bool) {
	if len(s) < len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	layout := time.RFC3339Nano
	if len(s) == len(time.DateOnly) {
		layout = time.DateOnly
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}
