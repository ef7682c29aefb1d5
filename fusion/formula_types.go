package fusion

import (
	"fmt"
	"strconv"

	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline"
)

// sort is what the values of an expression mean.
type sort uint8

const (
	sortNumber   sort = iota // numbers, shares and probabilities: they go together
	sortScore                // scores on a scale of their own
	sortDuration             // seconds
)

// meaning is the sort of an expression and, for scores, their scale.
type meaning struct {
	sort  sort
	scale pipeline.Scale
}

// String names the meaning in errors.
func (m meaning) String() string {
	switch m.sort {
	case sortScore:
		return m.scale.String() + " scores"
	case sortDuration:
		return "times"
	}
	return "numbers"
}

// scoresOn returns what scores on a scale mean: those between 0 and 1 are numbers.
func scoresOn(scale pipeline.Scale) meaning {
	if scale == pipeline.Probability || scale == pipeline.RankOnly {
		return meaning{}
	}
	return meaning{sort: sortScore, scale: scale}
}

// typist finds the meaning of expressions, and what is wrong with them.
type typist struct {
	// scaleOf returns the scale of a list or mark.
	scaleOf func(name string) pipeline.Scale
}

func (t typist) of(e *expr) (meaning, error) {
	switch e.form {
	case formNumber:
		return meaning{}, nil
	case formDuration:
		return meaning{sort: sortDuration}, nil
	case formText:
		return meaning{}, fmt.Errorf("%w: the text %q stands where a number is wanted", ErrConfig, e.text)
	case formName:
		if e.text == ageName {
			return meaning{sort: sortDuration}, nil
		}
		return scoresOn(t.scaleOf(e.text)), nil
	case formNegate:
		return t.of(e.args[0])
	case formCall:
		return t.call(e)
	}
	return t.operation(e)
}

func (t typist) operation(e *expr) (meaning, error) {
	a, err := t.of(e.args[0])
	if err != nil {
		return a, err
	}
	b, err := t.of(e.args[1])
	if err != nil {
		return b, err
	}
	switch {
	case e.form == formAdd || e.form == formSubtract:
		if a == b {
			return a, nil
		}
		return a, fmt.Errorf("%w: %s adds %v and %v: put norm(...) around scores, or raw(...) where they are meant as numbers", ErrConfig, e, a, b)
	case e.form == formDivide && a == b:
		return meaning{}, nil
	case b.sort == sortNumber:
		return a, nil
	case e.form == formMultiply && a.sort == sortNumber:
		return b, nil
	}
	return a, fmt.Errorf("%w: %s combines %v and %v", ErrConfig, e, a, b)
}

// call checks the arguments of a function.
func (t typist) call(e *expr) (meaning, error) {
	f, ok := library[e.text]
	if !ok {
		return meaning{}, fmt.Errorf("%w: there is no function %q%s", ErrConfig, e.text, nearest.Hint(e.text, functionNames()))
	}
	if len(e.args) < f.least || len(e.args) > f.most {
		return meaning{}, fmt.Errorf("%w: %s: %s", ErrConfig, e, f.usage)
	}
	switch f.takes {
	case takesList:
		return t.list(e, f)
	case takesKey:
		return t.key(e)
	}
	var first meaning
	for i, a := range e.args {
		m, err := t.of(a)
		if err != nil {
			return m, err
		}
		if i == 0 {
			first = m
		} else if m != first {
			return m, fmt.Errorf("%w: %s takes %v and %v together", ErrConfig, e, first, m)
		}
	}
	if f.keeps {
		return first, nil
	}
	return meaning{}, nil
}

// list checks a function of a list: its first argument names it.
func (t typist) list(e *expr, f function) (meaning, error) {
	if k := e.args[0].form; k != formName && k != formText {
		return meaning{}, fmt.Errorf("%w: %s: %s", ErrConfig, e, f.usage)
	}
	if len(e.args) == 1 {
		return meaning{}, nil
	}
	if e.text == "norm" {
		_, err := normaliserOf(e)
		return meaning{}, err
	}
	if e.args[1].form != formNumber || !(e.args[1].num >= 0) {
		return meaning{}, fmt.Errorf("%w: %s: %s", ErrConfig, e, f.usage)
	}
	return meaning{}, nil
}

// key checks a function of metadata: its first argument names the key.
func (t typist) key(e *expr) (meaning, error) {
	usage := library[e.text].usage
	if k := e.args[0].form; k != formName && k != formText {
		return meaning{}, fmt.Errorf("%w: %s: %s", ErrConfig, e, usage)
	}
	switch e.text {
	case ageName:
		return meaning{sort: sortDuration}, nil
	case "is":
		if k := e.args[1].form; k != formText && k != formNumber {
			return meaning{}, fmt.Errorf("%w: %s: %s", ErrConfig, e, usage)
		}
	case "meta":
		if len(e.args) == 2 {
			return t.of(e.args[1])
		}
	}
	return meaning{}, nil
}

// normaliserOf returns the normaliser that norm(list, name) names.
func normaliserOf(e *expr) (Normaliser, error) {
	if len(e.args) == 1 {
		return Auto{}, nil
	}
	spec := e.args[1].text
	switch e.args[1].form {
	case formName, formText:
		return ParseNormaliser(spec)
	}
	return nil, fmt.Errorf("%w: %s: the second argument names a normaliser, in quotes where it has parameters", ErrConfig, strconv.Quote(e.String()))
}
