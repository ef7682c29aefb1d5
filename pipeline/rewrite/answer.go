package rewrite

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
)

// AnswerError says why the answer of a model was not used. It never holds the
// answer's text.
type AnswerError struct {
	reason pipeline.Reason
	text   string
}

// Error says what is wrong.
func (e *AnswerError) Error() string { return e.text }

// Reason implements what pipeline.ReasonOf looks for.
func (e *AnswerError) Reason() pipeline.Reason { return e.reason }

func bad(text string) error { return &AnswerError{pipeline.ReasonBadResponse, text} }

func tooLong(text string) error { return &AnswerError{pipeline.ReasonTooLong, text} }

var (
	errEmpty   = bad("the model answered nothing")
	errRefused = bad("the model refused")
	errTalk    = bad("the answer is longer than a question may be")
	errFormat  = bad("the answer holds no question")

	thought = regexp.MustCompile(`(?is)<think(?:ing)?>.*?(?:</think(?:ing)?>|$)`)
	fence   = regexp.MustCompile("(?m)^\\s*(?:```|~~~).*$")
	label   = regexp.MustCompile(`(?i)^(?:(?:the |a |my )?(?:standalone|stand-alone|rewritten|rephrased|reformulated|condensed|search|sub|step-back|step back|broader|general|final|new)?[ -]?(?:question|query|answer|output|rewrite|passage)s?(?: is| \d+)?)\s*[:：]\s*`)
	bullet  = regexp.MustCompile(`^(?:[-*•–]|\(?\d{1,2}[.):]|[a-hA-H][.)])\s+`)
	refusal = regexp.MustCompile(`(?i)^(?:i['’]?m sorry|i am sorry|sorry,|i cannot|i can['’]?t|i['’]?m unable|i am unable|as an ai|as a language model|i don['’]?t (?:know|have)|i do not (?:know|have)|unfortunately,)`)
)

// stripped returns the answer without the model's thoughts and without fences.
func stripped(answer string) string {
	return strings.TrimSpace(fence.ReplaceAllString(thought.ReplaceAllString(answer, ""), ""))
}

// question reads an answer that should be one question on one line. Labels,
// quotes, emphasis, a preamble and explanations after it are repaired.
func question(answer string, o Options) (string, error) {
	lines := questions(answer)
	if len(lines) == 0 {
		return "", errEmpty
	}
	return fit(lines[0], o)
}

func fit(line string, o Options) (string, error) {
	switch {
	case refusal.MatchString(line) && !strings.HasSuffix(line, "?"):
		return "", errRefused
	case o.Count(line) > o.AnswerTokens:
		return "", errTalk
	case len(prose.Words(line)) == 0:
		return "", errFormat
	}
	return line, nil
}

// list reads an answer that should be up to n questions, each on a line or in a
// JSON array. Questions that are not new among themselves and beside those that
// are known, and lines that are none, are left out.
func list(answer string, n int, o Options, known ...string) ([]string, error) {
	seen := map[string]bool{}
	for _, k := range known {
		seen[normal(k)] = true
	}
	lines := questions(answer)
	if len(lines) == 0 {
		return nil, errEmpty
	}
	var kept []string
	var problems error
	for _, line := range lines {
		line, err := fit(line, o)
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		if k := normal(line); !seen[k] && len(kept) < n {
			seen[k] = true
			kept = append(kept, line)
		}
	}
	if kept == nil && problems != nil {
		return nil, problems
	}
	return kept, nil
}

func normal(question string) string { return strings.Join(prose.Words(question), " ") }

// questions returns what an answer lists, one or several.
func questions(answer string) []string {
	text := stripped(answer)
	if found := fromJSON(text); found != nil {
		return found
	}
	var plain, listed []string
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		entry := bullet.ReplaceAllString(strings.TrimLeft(bare, "#>* "), "")
		isListed := bullet.MatchString(bare)
		if entry = tidy(entry); entry == "" || strings.HasSuffix(entry, ":") {
			continue // a preamble, a heading
		}
		plain = append(plain, entry)
		if isListed {
			listed = append(listed, entry)
		}
	}
	if listed != nil { // what stands beside a list is talk about it
		return listed
	}
	return plain
}

// tidy removes labels, emphasis and quotes around a line.
func tidy(line string) string {
	for {
		before := line
		line = strings.TrimSpace(strings.ReplaceAll(line, "**", ""))
		line = label.ReplaceAllString(line, "")
		for _, pair := range [...][2]string{{`"`, `"`}, {"“", "”"}, {"'", "'"}, {"`", "`"}, {"«", "»"}, {"„", "“"}, {"「", "」"}} {
			inner, opened := strings.CutPrefix(line, pair[0])
			if inner, closed := strings.CutSuffix(inner, pair[1]); opened && closed && !strings.Contains(inner, pair[1]) {
				line = inner
			}
		}
		if line == before {
			return line
		}
	}
}

// fromJSON returns the strings of a JSON value: a string, an array, or an object
// with one of them. It returns nil for anything else.
func fromJSON(text string) []string {
	if text == "" || !strings.ContainsRune(`["{`, rune(text[0])) {
		return nil
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil
	}
	return stringsIn(value)
}

func stringsIn(value any) []string {
	switch v := value.(type) {
	case string:
		if line := tidy(strings.Join(strings.Fields(v), " ")); line != "" {
			return []string{line}
		}
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, stringsIn(e)...)
		}
		return all
	case map[string]any:
		if len(v) != 1 {
			return nil
		}
		for _, e := range v {
			return stringsIn(e)
		}
	}
	return nil
}

// passage reads an answer that should be a short text.
func passage(answer string, o Options) (string, error) {
	text := label.ReplaceAllString(stripped(answer), "")
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case text == "":
		return "", errEmpty
	case refusal.MatchString(text):
		return "", errRefused
	}
	if text = beginning(text, o.AnswerTokens, o.Count); len(prose.Words(text)) == 0 {
		return "", errFormat
	}
	return text, nil
}
