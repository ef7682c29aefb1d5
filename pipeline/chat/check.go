package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
)

// Checked is what can be said of an answer beside its prompt. Positions are bytes
// of the answer.
type Checked struct {
	// Sentences are the answer's, in order.
	Sentences []Sentence
	// Citations are all citations, in order.
	Citations []Citation
	// Quotes are all quotes of three words or more, in order.
	Quotes []Quote
}

// Sentence is one sentence of an answer.
type Sentence struct {
	From, To int
	// Cites are the numbers that it cites, each once, in order; nil for none.
	Cites []int
	// Claim says that it states something: it is no question, heading, code,
	// introduction of a list ("There are two ways:") or admission of not knowing.
	Claim bool
}

// Citation is one number in brackets. [1, 2] is two of them, and [1-3] three.
type Citation struct {
	Number   int
	From, To int
	// Exists says that the prompt has the passage. Left says that the conversation
	// gave the number to a passage that is not in the prompt any more. A citation
	// that neither exists nor has left was invented.
	Exists, Left bool
}

// Quote is a passage in quotation marks, or a block quote.
type Quote struct {
	From, To int
	// Text is what is quoted, without the marks.
	Text string
	// Cites are the numbers that its sentence cites.
	Cites []int
	// Verbatim says that it stands word for word in a passage that it cites, or, if
	// it cites none, in any. White space, quotation marks, dashes, emphasis and a
	// full stop or comma at the end do not count; a part that "..." leaves out does
	// not either.
	Verbatim bool
	// Number is the passage in which it stands, also where it cites another one; 0
	// for none.
	Number int
	// Start and End are the bytes of that passage's Text from the first to the last
	// word of the quote.
	Start, End int
}

// Sound reports whether every citation exists, every quote is verbatim, and every
// claim cites something.
func (c Checked) Sound() bool {
	return len(c.Uncited()) == 0 &&
		!slices.ContainsFunc(c.Citations, func(x Citation) bool { return !x.Exists }) &&
		!slices.ContainsFunc(c.Quotes, func(q Quote) bool { return !q.Verbatim })
}

// Invented returns the numbers that were cited and never given, each once, in
// order. A number that has left the prompt is not one of them: the conversation
// still has its passage, see Conversation.Passage.
func (c Checked) Invented() []int {
	var list []int
	for _, x := range c.Citations {
		if !x.Exists && !x.Left && !slices.Contains(list, x.Number) {
			list = append(list, x.Number)
		}
	}
	return list
}

// Uncited returns the claims that cite nothing.
func (c Checked) Uncited() []Sentence {
	var list []Sentence
	for _, s := range c.Sentences {
		if s.Claim && s.Cites == nil {
			list = append(list, s)
		}
	}
	return list
}

// Support judges every claim of the answer beside every passage that it cites, by
// the places of three sentences in a passage of which the best counts. A claim that
// cites nothing, or nothing that the prompt has, is not judged: see Uncited and
// Invented. The judgement is the Supporter's: similarity finds citations of passages
// about something else, and not a number or a "not" that was changed. It asks once
// for each claim. No claim to judge gives an empty list.
//
// There is no threshold for every corpus. With one embedded model the best one was
// .68 on scifact and .46 on claude-code-rag; on scifact the latter kept 58 % of the
// wrong citations, and on claude-code-rag the former kept 12 % of the right ones
// ("go run ./benchmarks/conversation support"). Mark the citations of some thirty
// answers of your own as right or wrong, and take the lowest score that keeps as
// many wrong ones as you can bear. Until then, show a reader the claims with the
// lowest scores, and leave none out.
func (c Checked) Support(ctx context.Context, answer string, p Prompt, s Supporter, threshold float64) ([]Support, error) {
	if s == nil || math.IsNaN(threshold) {
		return nil, errors.New("chat: judge support: a Supporter and a threshold that is a number are needed")
	}
	list := []Support{}
	for i, sentence := range c.Sentences {
		if !sentence.Claim {
			continue
		}
		found, err := supportOf(ctx, statementIn(answer, sentence), sentence.Cites, p, s)
		if err != nil {
			return nil, fmt.Errorf("chat: judge support: %w", err)
		}
		for _, f := range found {
			f.Sentence, f.Supported = i, f.Score >= threshold
			list = append(list, f)
		}
	}
	return list, nil
}

// citations matches [1], [^1], [-1], [1, 2], [1 and 2], [1-3], [passage 1], 【1】 and
// 【1†source】.
var citations = regexp.MustCompile(`(?i)\[\s*\^?(` + label + `-?\d{1,18}(?:\s*(?:[,;–-]|and|&|und|et)\s*` + label + `\d{1,18})*)\s*\]|【(-?\d{1,18})(?:†[^】\n]{0,80})?】`)

// label is what models put before a number.
const label = `(?:(?:passages?|sources?|documents?|docs?|refs?|citations?|no\.?|n|#)[\s:.=#]*)?`

// Check compares an answer with its prompt. What stands in code, between
// backquotes or in a fence, is neither citation nor quote.
func Check(answer string, p Prompt) Checked {
	k := checking{answer: answer, prompt: p, code: codeIn(answer)}
	k.cite()
	k.quote()
	k.sentences()
	for i, q := range k.Quotes {
		k.Quotes[i].Cites = k.citesOf(q)
		k.find(&k.Quotes[i])
	}
	return k.Checked
}

type checking struct {
	Checked
	answer string
	prompt Prompt
	code   []prose.Span
}

// codeIn returns the spans of code in Markdown.
func codeIn(text string) []prose.Span {
	var spans []prose.Span
	for at := 0; at < len(text); {
		open := strings.IndexByte(text[at:], '`')
		if open < 0 {
			break
		}
		open += at
		ticks := 1
		for open+ticks < len(text) && text[open+ticks] == '`' {
			ticks++
		}
		end := strings.Index(text[open+ticks:], strings.Repeat("`", ticks))
		switch {
		case end >= 0:
			end += open + 2*ticks
		case ticks >= 3: // a fence that has not ended
			end = len(text)
		default:
			at = open + ticks
			continue
		}
		spans = append(spans, prose.Span{From: open, To: end})
		at = end
	}
	return spans
}

func (k *checking) inCode(at int) bool {
	// The first span that ends behind the position; spans do not overlap.
	i, _ := slices.BinarySearchFunc(k.code, at, func(s prose.Span, at int) int { return cmp.Compare(s.To, at+1) })
	return i < len(k.code) && k.code[i].From <= at
}

// maxRange bounds what [1-9999] stands for.
const maxRange = 20

func (k *checking) cite() {
	for _, m := range citations.FindAllStringSubmatchIndex(k.answer, -1) {
		if k.inCode(m[0]) {
			continue
		}
		group := m[2:4]
		if group[0] < 0 {
			group = m[4:6]
		}
		for _, n := range numbersIn(k.answer[group[0]:group[1]]) {
			_, exists := k.prompt.Passage(n)
			k.Citations = append(k.Citations, Citation{
				Number: n, From: m[0], To: m[1], Exists: exists, Left: !exists && n > 0 && n <= k.prompt.Last,
			})
		}
	}
}

// bounds matches the numbers of a citation, and two that are the ends of a range.
var bounds = regexp.MustCompile(`(-?\d+)(?:\s*[–-]\s*(\d+))?`)

func numbersIn(list string) []int {
	var numbers []int
	for _, m := range bounds.FindAllStringSubmatch(list, -1) {
		from, _ := strconv.Atoi(m[1]) // 18 digits at most
		to := from
		if m[2] != "" {
			to, _ = strconv.Atoi(m[2])
		}
		if to < from || to-from >= maxRange {
			numbers = append(numbers, from, to)
			continue
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// marks are the pairs of quotation marks.
var marks = [...][2]string{{`"`, `"`}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"»", "«"}, {"「", "」"}, {"『", "』"}, {"《", "》"}}

// quote finds quotes: in marks, within a paragraph, and blocks of lines with ">".
func (k *checking) quote() {
	start := 0
	for _, paragraph := range strings.SplitAfter(k.answer, "\n\n") {
		if strings.HasPrefix(strings.TrimSpace(paragraph), ">") {
			k.block(start, paragraph)
		} else {
			k.marked(start, paragraph)
		}
		start += len(paragraph)
	}
}

func (k *checking) block(start int, paragraph string) {
	from, to := -1, -1
	var text []string
	at := start
	for line := range strings.Lines(paragraph) {
		if bare, ok := strings.CutPrefix(strings.TrimSpace(line), ">"); ok {
			if from < 0 {
				from = at
			}
			to = at + len(strings.TrimRight(line, "\n"))
			text = append(text, bare)
		}
		at += len(line)
	}
	if from >= 0 && !k.inCode(from) {
		k.quoted(from, to, citations.ReplaceAllString(strings.Join(text, "\n"), ""))
	}
}

func (k *checking) marked(start int, paragraph string) {
	for at := 0; at < len(paragraph); {
		pair, open := opening(paragraph, at)
		if open < 0 {
			return
		}
		inner := open + len(pair[0])
		end := strings.Index(paragraph[inner:], pair[1])
		if end < 0 || k.inCode(start+open) {
			at = inner
			continue
		}
		at = inner + end + len(pair[1])
		k.quoted(start+open, start+at, paragraph[inner:inner+end])
	}
}

// opening returns the first opening quotation mark from a position on, and -1 if
// there is none.
func opening(text string, at int) (pair [2]string, open int) {
	open = -1
	for _, p := range marks {
		if i := strings.Index(text[at:], p[0]); i >= 0 && (open < 0 || at+i < open) {
			pair, open = p, at+i
		}
	}
	return pair, open
}

func (k *checking) quoted(from, to int, text string) {
	text = strings.TrimSpace(text)
	if len(prose.Words(text)) >= 3 {
		k.Quotes = append(k.Quotes, Quote{From: from, To: to, Text: text})
	}
}

// sentences splits the answer. A quote of several sentences makes one of all that
// it touches, and a citation on its own belongs to what stands before it.
func (k *checking) sentences() {
	for _, s := range prose.Sentences(k.answer) {
		n := len(k.Sentences)
		if n > 0 && (k.oneQuote(k.Sentences[n-1].To, s.From) || k.onlyCites(s)) {
			k.Sentences[n-1].To = s.To
			continue
		}
		k.Sentences = append(k.Sentences, Sentence{From: s.From, To: s.To})
	}
	rest := k.Citations // in order, as sentences are
	for i := range k.Sentences {
		s := &k.Sentences[i]
		for ; len(rest) > 0 && rest[0].From < s.To; rest = rest[1:] {
			if rest[0].From >= s.From && !slices.Contains(s.Cites, rest[0].Number) {
				s.Cites = append(s.Cites, rest[0].Number)
			}
		}
		s.Claim = k.claims(*s)
	}
}

// oneQuote reports whether a quote spans the end of a sentence and the beginning of
// the next one.
func (k *checking) oneQuote(end, next int) bool {
	// The first quote that ends behind the beginning; quotes do not overlap.
	i, _ := slices.BinarySearchFunc(k.Quotes, next, func(q Quote, at int) int { return cmp.Compare(q.To, at+1) })
	return i < len(k.Quotes) && k.Quotes[i].From < end
}

func (k *checking) onlyCites(s prose.Span) bool {
	return strings.IndexAny(strings.TrimLeft(s.In(k.answer), " ."), "[【") == 0 && strings.Trim(citations.ReplaceAllString(s.In(k.answer), ""), " .\n") == ""
}

var (
	ignorance = regexp.MustCompile(`(?i)\b(?:do(?:es)? not|don['’]?t|doesn['’]?t|cannot|can['’]?t|could not|couldn['’]?t|not|no)\b[^.]{0,40}\b(?:know|say|answer|mention|contain|cover|find|found|state|tell|information|provided)\b`)
	heading   = regexp.MustCompile(`^(?:#{1,6}\s|\*\*[^*]+\*\*:?$)`)
)

func (k *checking) claims(s Sentence) bool {
	text := strings.TrimSpace(citations.ReplaceAllString(k.answer[s.From:s.To], ""))
	switch {
	case k.inCode(s.From) && k.inCode(s.To-1), heading.MatchString(text):
		return false
	case strings.HasSuffix(text, ":") || strings.HasSuffix(text, "?"):
		return false
	case ignorance.MatchString(text):
		return false
	}
	return len(prose.Words(text)) >= 3
}

// citesOf returns what the sentence with the end of the quote cites.
func (k *checking) citesOf(q Quote) []int {
	i, _ := slices.BinarySearchFunc(k.Sentences, q.To, func(s Sentence, to int) int { return cmp.Compare(s.To, to) })
	if i == len(k.Sentences) {
		return nil
	}
	return k.Sentences[i].Cites
}

// find looks for the quote: first in what it cites, then in everything.
func (k *checking) find(q *Quote) {
	cited := func(p Passage) bool { return slices.Contains(q.Cites, p.Number) }
	for _, wanted := range []bool{true, false} {
		for _, p := range k.prompt.Passages {
			if cited(p) != wanted {
				continue
			}
			if start, end, ok := Locate(p.Text, q.Text); ok {
				q.Number, q.Start, q.End = p.Number, start, end
				q.Verbatim = wanted || q.Cites == nil
				return
			}
		}
	}
}
