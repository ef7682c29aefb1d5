package ltr

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rankcascade/cascade/pipeline"
)

// rankConstant is the k of the feature rrf, as in reciprocal rank fusion.
const rankConstant = 60

// builtin is a kind of feature that Parse knows.
type builtin struct {
	name     string
	argument string // what the argument means; empty if there is none
	doc      string
	of       func(argument string, clock func() time.Time) FeatureFunc
}

// builtins lists the kinds, as a function so that nobody can change them.
func builtins() []builtin {
	return []builtin{
		{"score", "part", "the score that the part gave the hit, as it is", score},
		{"norm", "part", "that score between 0, the lowest of the ranking, and 1, the highest; 1 where all are equal", norm},
		{"rrf", "part", "1/(60+rank) of the part", rrf},
		{"has", "part", "1 if the part gave the hit a score of its own, else 0", has},
		{"meta", "path", "a number of the metadata; true and false are 1 and 0, keys within keys have dots between them", meta},
		{"age", "path", "the days since a date of the metadata", age},
		{"length", "", "the logarithm of 1 + the number of words of the document", length},
		{"query", "", "the logarithm of 1 + the number of words of the query", queryLength},
		{"overlap", "", "the share of the query's different words that the document has", overlap},
	}
}

// Builtins describes the features that Parse knows, one line for each.
func Builtins() []string {
	var lines []string
	for _, b := range builtins() {
		name := b.name
		if b.argument != "" {
			name += "(" + strings.ToUpper(b.argument) + ")"
		}
		lines = append(lines, name+": "+b.doc)
	}
	return lines
}

// Parse makes built-in features from their names, such as "norm(bm25)", "rrf(dense)",
// "meta(views)", "age(date)", "length" and "log(meta(views))". The name is the
// feature's name in a model. now is the clock of age; nil means time.Now.
func Parse(now func() time.Time, names ...string) ([]Feature, error) {
	if now == nil {
		now = time.Now
	}
	var features []Feature
	for _, name := range names {
		f, err := parse(name, now)
		if err != nil {
			return nil, fmt.Errorf("ltr: feature %q: %w", name, err)
		}
		features = append(features, Feature{Name: name, Of: f})
	}
	return features, CheckFeatures(features)
}

func parse(name string, now func() time.Time) (FeatureFunc, error) {
	kind, argument, open := strings.Cut(name, "(")
	if open {
		inner, closed := strings.CutSuffix(argument, ")")
		if !closed || inner == "" {
			return nil, fmt.Errorf("write it as %s(NAME)", kind)
		}
		argument = inner
	}
	if kind == "log" && open {
		inner, err := parse(argument, now)
		if err != nil {
			return nil, err
		}
		return logarithm(inner), nil
	}
	var known []string
	for _, b := range builtins() {
		if b.name == kind && open == (b.argument != "") {
			return b.of(argument, now), nil
		}
		known = append(known, b.name)
	}
	return nil, fmt.Errorf("no such feature: there are %s, and log of each; score, norm, rrf, has, meta and age take a name in brackets", strings.Join(known, ", "))
}

// scoreOf is the score of a part's own, NaN if it gave none.
func scoreOf(part string, h pipeline.Hit) float64 {
	m, ok := h.Mark(part)
	if !ok || !m.Status.Judged() {
		return math.NaN()
	}
	return m.Score
}

func score(part string, _ func() time.Time) FeatureFunc {
	return OfHit(func(_ pipeline.Query, h pipeline.Hit) float64 { return scoreOf(part, h) })
}

func has(part string, _ func() time.Time) FeatureFunc {
	return OfHit(func(_ pipeline.Query, h pipeline.Hit) float64 {
		if math.IsNaN(scoreOf(part, h)) {
			return 0
		}
		return 1
	})
}

func rrf(part string, _ func() time.Time) FeatureFunc {
	return OfHit(func(_ pipeline.Query, h pipeline.Hit) float64 {
		m, ok := h.Mark(part)
		if !ok || !m.Status.Judged() {
			return math.NaN()
		}
		return 1 / float64(rankConstant+m.Rank)
	})
}

func norm(part string, _ func() time.Time) FeatureFunc {
	return func(_ context.Context, _ pipeline.Query, r pipeline.Ranking) ([]float64, error) {
		out := make([]float64, len(r.Hits))
		low, high := math.Inf(1), math.Inf(-1)
		for i, h := range r.Hits {
			out[i] = scoreOf(part, h)
			if !math.IsNaN(out[i]) {
				low, high = min(low, out[i]), max(high, out[i])
			}
		}
		for i, v := range out {
			switch {
			case math.IsNaN(v):
			case high == low:
				out[i] = 1
			default: // halved first, so that the range cannot overflow
				out[i] = (v/2 - low/2) / (high/2 - low/2)
			}
		}
		return out, nil
	}
}

// logarithm is the sign of the value times log(1 + its size), so that counts and
// negative numbers both have one.
func logarithm(inner FeatureFunc) FeatureFunc {
	return func(ctx context.Context, q pipeline.Query, r pipeline.Ranking) ([]float64, error) {
		values, err := inner(ctx, q, r)
		out := make([]float64, len(values))
		for i, v := range values {
			out[i] = math.Copysign(math.Log1p(math.Abs(v)), v)
		}
		return out, err
	}
}

func pathOf(argument string) pipeline.Path { return strings.Split(argument, ".") }

func meta(argument string, _ func() time.Time) FeatureFunc {
	path := pathOf(argument)
	return OfHit(func(_ pipeline.Query, h pipeline.Hit) float64 { return number(path.In(h.Document.Metadata)) })
}

// number reads a number of any type, a truth value, or a text that is a number; NaN
// for everything else.
func number(value any) float64 {
	if n, ok := value.(json.Number); ok {
		value = string(n)
	}
	v := reflect.ValueOf(value)
	x := math.NaN()
	switch {
	case !v.IsValid():
	case v.CanFloat():
		x = v.Float()
	case v.CanInt():
		x = float64(v.Int())
	case v.CanUint():
		x = float64(v.Uint())
	case v.Kind() == reflect.Bool && v.Bool():
		x = 1
	case v.Kind() == reflect.Bool:
		x = 0
	case v.Kind() == reflect.String:
		if parsed, err := strconv.ParseFloat(v.String(), 64); err == nil {
			x = parsed
		}
	}
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
}

// age asks the clock once for each ranking, so that equal dates have equal ages.
func age(argument string, now func() time.Time) FeatureFunc {
	path := pathOf(argument)
	return func(_ context.Context, _ pipeline.Query, r pipeline.Ranking) ([]float64, error) {
		at := now()
		out := make([]float64, len(r.Hits))
		for i, h := range r.Hits {
			out[i] = math.NaN()
			if date, ok := dateOf(path.In(h.Document.Metadata)); ok {
				out[i] = at.Sub(date).Hours() / 24
			}
		}
		return out, nil
	}
}

// dateOf reads a time, a text such as 2026-03-31 or 2026-03-31T12:00:00Z, or a
// number of seconds since 1970.
func dateOf(value any) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return v, true
	case string:
		for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", time.DateTime} {
			if t, err := time.Parse(layout, v); err == nil {
				return t, true
			}
		}
	}
	seconds := number(value)
	return time.Unix(0, 0).Add(time.Duration(seconds * float64(time.Second))), !math.IsNaN(seconds) && math.Abs(seconds) < 9e9
}

func length(string, func() time.Time) FeatureFunc {
	return OfHit(func(_ pipeline.Query, h pipeline.Hit) float64 {
		return math.Log1p(float64(len(words(h.Document.Text))))
	})
}

func queryLength(string, func() time.Time) FeatureFunc {
	return OfHit(func(q pipeline.Query, _ pipeline.Hit) float64 { return math.Log1p(float64(len(words(q.Text)))) })
}

// overlap is absent where the query has no words.
func overlap(string, func() time.Time) FeatureFunc {
	return func(_ context.Context, q pipeline.Query, r pipeline.Ranking) ([]float64, error) {
		wanted := map[string]bool{}
		for _, w := range words(q.Text) {
			wanted[w] = true
		}
		out := make([]float64, len(r.Hits))
		for i, h := range r.Hits {
			found := map[string]bool{}
			for _, w := range words(h.Document.Text) {
				if wanted[w] {
					found[w] = true
				}
			}
			out[i] = float64(len(found)) / float64(len(wanted))
		}
		return out, nil
	}
}

// words are the runs of letters and digits, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}
