package fusion

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFormula bounds the length of a formula and formulaDepth its nesting.
const (
	maxFormula   = 1 << 16
	formulaDepth = 64
)

// form is the kind of an expression.
type form uint8

const (
	formNumber   form = iota // num
	formDuration             // num seconds
	formText                 // text
	formName                 // text
	formCall                 // text(args)
	formAdd                  // args[0] + args[1]
	formSubtract
	formMultiply
	formDivide
	formNegate
)

// expr is a node of a parsed formula.
type expr struct {
	form form
	num  float64
	text string
	args []*expr
}

// operators are the characters of the forms with two sides.
func (f form) operator() string {
	switch f {
	case formAdd:
		return " + "
	case formSubtract:
		return " - "
	case formMultiply:
		return "*"
	case formDivide:
		return "/"
	}
	return ""
}

// String writes the expression so that it reads back to the same.
func (e *expr) String() string {
	switch e.form {
	case formNumber:
		return strconv.FormatFloat(e.num, 'g', -1, 64)
	case formDuration:
		return strconv.FormatFloat(e.num, 'f', -1, 64) + "s"
	case formText:
		return strconv.Quote(e.text)
	case formName:
		return e.text
	case formNegate:
		return "-" + e.args[0].inside(formNegate)
	case formCall:
		parts := make([]string, len(e.args))
		for i, a := range e.args {
			parts[i] = a.String()
		}
		return e.text + "(" + strings.Join(parts, ", ") + ")"
	}
	return e.args[0].inside(e.form) + e.form.operator() + e.args[1].behind(e.form)
}

// inside writes the expression as the left side of another one.
func (e *expr) inside(outer form) string {
	if e.form >= formAdd && e.form.binds() < outer.binds() {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// behind writes the expression as the right side, where equal strength needs
// brackets too.
func (e *expr) behind(outer form) string {
	if e.form >= formAdd && e.form.binds() <= outer.binds() {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// binds is how strongly an operator binds.
func (f form) binds() int {
	switch f {
	case formAdd, formSubtract:
		return 1
	case formMultiply, formDivide:
		return 2
	}
	return 3
}

// secondsOf are the units of durations.
func secondsOf(unit string) (float64, bool) {
	seconds, ok := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}[unit]
	return seconds, ok
}

// formulaReader is a recursive descent over a formula.
type formulaReader struct {
	text string
	at   int
}

func readFormula(text string) (*expr, error) {
	if len(text) > maxFormula {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrConfig, maxFormula)
	}
	r := &formulaReader{text: text}
	e, err := r.sum(0)
	if err != nil {
		return nil, err
	}
	if r.peek() != 0 {
		return nil, r.expected("an operator or the end")
	}
	return e, nil
}

// peek returns the next character after spaces, 0 at the end.
func (r *formulaReader) peek() rune {
	for r.at < len(r.text) {
		c, size := utf8.DecodeRuneInString(r.text[r.at:])
		if !unicode.IsSpace(c) {
			return c
		}
		r.at += size
	}
	return 0
}

func (r *formulaReader) take(c rune) bool {
	if r.peek() != c {
		return false
	}
	r.at += utf8.RuneLen(c)
	return true
}

func (r *formulaReader) expected(what string) error {
	found := "the end"
	if r.peek() != 0 {
		found = strconv.Quote(shorten(r.text[r.at:]))
	}
	return fmt.Errorf("%w: expected %s at byte %d, found %s", ErrConfig, what, r.at, found)
}

func (r *formulaReader) sum(depth int) (*expr, error) {
	return r.chain(depth, r.product, map[rune]form{'+': formAdd, '-': formSubtract})
}

func (r *formulaReader) product(depth int) (*expr, error) {
	return r.chain(depth, r.factor, map[rune]form{'*': formMultiply, '/': formDivide})
}

// chain reads operands of one strength from left to right.
func (r *formulaReader) chain(depth int, operand func(int) (*expr, error), operators map[rune]form) (*expr, error) {
	left, err := operand(depth)
	for err == nil {
		op, ok := operators[r.peek()]
		if !ok {
			return left, nil
		}
		r.at++
		var right *expr
		if right, err = operand(depth); err == nil {
			left = &expr{form: op, args: []*expr{left, right}}
		}
	}
	return nil, err
}

func (r *formulaReader) factor(depth int) (*expr, error) {
	if depth > formulaDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrConfig, formulaDepth)
	}
	switch c := r.peek(); {
	case c == '-':
		r.at++
		inner, err := r.factor(depth + 1)
		return &expr{form: formNegate, args: []*expr{inner}}, err
	case c == '(':
		r.at++
		inner, err := r.sum(depth + 1)
		if err == nil && !r.take(')') {
			err = r.expected(`")"`)
		}
		return inner, err
	case c == '"':
		prefix, err := strconv.QuotedPrefix(r.text[r.at:])
		if err != nil {
			return nil, r.expected("a quoted text")
		}
		r.at += len(prefix)
		text, err := strconv.Unquote(prefix)
		return &expr{form: formText, text: text}, err
	case c >= '0' && c <= '9' || c == '.':
		return r.number()
	case unicode.IsLetter(c) || c == '_':
		return r.name(depth)
	}
	return nil, r.expected("a number, a name or a bracket")
}

// number reads .7, 1e-3 or, with a unit, 30d.
func (r *formulaReader) number() (*expr, error) {
	start := r.at
	for r.at < len(r.text) {
		c := r.text[r.at]
		exponent := (c == 'e' || c == 'E') && r.at+1 < len(r.text) && strings.IndexByte("+-0123456789", r.text[r.at+1]) >= 0
		if exponent {
			r.at++
		} else if (c < '0' || c > '9') && c != '.' {
			break
		}
		r.at++
	}
	v, err := strconv.ParseFloat(r.text[start:r.at], 64)
	if err != nil || !finite(v) {
		r.at = start
		return nil, r.expected("a finite number")
	}
	unit := r.word()
	if unit == "" {
		return &expr{form: formNumber, num: v}, nil
	}
	seconds, ok := secondsOf(unit)
	if !ok {
		return nil, fmt.Errorf("%w: %q is no unit of time: s, m, h, d, w or y", ErrConfig, unit)
	}
	return &expr{form: formDuration, num: float64(v * seconds)}, nil
}

func (r *formulaReader) word() string {
	start := r.at
	for r.at < len(r.text) {
		c, size := utf8.DecodeRuneInString(r.text[r.at:])
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && (c != '.' || r.at == start) {
			break
		}
		r.at += size
	}
	return r.text[start:r.at]
}

func (r *formulaReader) name(depth int) (*expr, error) {
	e := &expr{form: formName, text: r.word()}
	if !r.take('(') {
		return e, nil
	}
	e.form = formCall
	for !r.take(')') {
		if len(e.args) > 0 && !r.take(',') {
			return nil, r.expected(`"," or ")"`)
		}
		a, err := r.sum(depth + 1)
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, a)
	}
	return e, nil
}
