package measure

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/internal/nearest"
)

// Parse reads measures separated by commas or spaces, in the form that String
// prints: name, parameters in parentheses, cut-off behind @. Letter case does
// not matter, and trec_eval's names (map, ndcg_cut_10, P_5) are understood. An
// unknown name or parameter is an error that suggests the nearest known one.
func Parse(text string) ([]Measure, error) {
	var measures []Measure
	for _, word := range words(text) {
		m, err := parseOne(word)
		if err != nil {
			return nil, fmt.Errorf("measure: parse %q: %w", word, err)
		}
		measures = append(measures, m)
	}
	if len(measures) == 0 {
		return nil, errors.New("measure: parse: no measure named")
	}
	return measures, nil
}

// MustParse is Parse for names that stand in the program; it panics on an error.
func MustParse(names ...string) []Measure {
	measures, err := Parse(strings.Join(names, ","))
	if err != nil {
		panic(err)
	}
	return measures
}

// words splits at commas and spaces outside parentheses.
func words(text string) []string {
	depth := 0
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return depth == 0 && (r == ',' || r == ' ' || r == '\n' || r == '\t')
	})
}

func parseOne(word string) (Measure, error) {
	head, cut, hasCut := strings.Cut(word, "@")
	name, params, hasParams := strings.Cut(head, "(")
	if hasParams {
		inner, ok := strings.CutSuffix(strings.TrimSpace(params), ")")
		if !ok {
			return Measure{}, errors.New("a parenthesis is not closed")
		}
		params = inner
	}
	name = strings.TrimSpace(name)
	if known, suffix := splitTrecName(name); !hasCut && !hasParams && suffix != "" {
		name, cut, hasCut = known, suffix, true
	}
	s, err := lookUp(name)
	if err != nil {
		return Measure{}, err
	}
	m := Measure{Name: s.name}
	if hasCut {
		if err := setCut(s, &m, cut); err != nil {
			return Measure{}, err
		}
	}
	if err := setParams(s, &m, params); err != nil {
		return Measure{}, err
	}
	if s.cut == cutMust && m.K == 0 {
		return Measure{}, fmt.Errorf("needs a cut-off, as in %s@10", s.name)
	}
	if s.prepare != nil {
		return s.prepare(m)
	}
	return m, nil
}

// splitTrecName takes "ndcg_cut_10" apart.
func splitTrecName(name string) (known, suffix string) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return name, ""
	}
	if _, err := strconv.ParseFloat(name[i+1:], 64); err != nil {
		return name, ""
	}
	if _, err := lookUp(name[:i]); err != nil {
		return name, ""
	}
	return name[:i], name[i+1:]
}

func lookUp(name string) (spec, error) {
	lower := strings.ToLower(name)
	var known []string
	for _, s := range catalogue() {
		if strings.ToLower(s.name) == lower || slices.Contains(s.aliases, lower) {
			return s, nil
		}
		known = append(append(known, s.name), s.aliases...)
	}
	return spec{}, fmt.Errorf("no measure has the name %q%s", name, nearest.Hint(name, known))
}

// setCut reads what follows the @: a rank, or for measures at a recall or a
// multiple of R that number.
func setCut(s spec, m *Measure, text string) error {
	for _, p := range s.params {
		if p.name == "recall" || p.name == "factor" {
			return p.set(m, text)
		}
	}
	if s.cut == cutNever {
		return fmt.Errorf("%s takes no cut-off", s.name)
	}
	return whole(text, 1, &m.K)
}

func setParams(s spec, m *Measure, text string) error {
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !ok {
			return fmt.Errorf("parameter %q has no value", key)
		}
		i := slices.IndexFunc(s.params, func(p param) bool { return p.name == key })
		if i < 0 {
			var known []string
			for _, p := range s.params {
				known = append(known, p.name)
			}
			return fmt.Errorf("%s has no parameter %q, it has [%s]%s", s.name, key, strings.Join(known, " "), nearest.Hint(key, known))
		}
		if err := s.params[i].set(m, strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("parameter %s: %w", key, err)
		}
	}
	return nil
}
