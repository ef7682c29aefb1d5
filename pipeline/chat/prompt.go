package chat

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/rankcascade/cascade/pipeline"
)

// Prompt is what a model is asked, as data. It is a value and does not change when
// the conversation goes on.
type Prompt struct {
	// Instructions tell the model what to do.
	Instructions string
	// Passages are the evidence, those of the newest turn's ranking and those that
	// the conversation holds, in the order in which Text has them.
	Passages []Passage
	// Turns are the earlier turns that fit, oldest first.
	Turns []pipeline.Turn
	// Question is the newest question, and Turn its number, from 1.
	Question string
	Turn     int
	// Tokens is what the text counts, at most Options.Tokens.
	Tokens int
	// Last is the highest number that the conversation has given. Numbers up to it
	// that are not in the prompt belong to passages that left it.
	Last int
	// Left are the documents of the ranking that are not in the prompt, in ranking
	// order.
	Left []string
	// Gaps are those of the ranking, and what Fetcher and Focus could not do.
	Gaps []pipeline.Gap

	text  string
	order Order
	first int // the number of the turn that Turns begins with
}

// DefaultTemplate is the form of a Prompt's text where Options.Template is nil.
const DefaultTemplate = `{{.Instructions}}

{{range .Passages}}{{.Block}}{{end}}
{{if .Turns}}The conversation so far:
{{range .Turns}}{{.Role}}: {{fenced .Text}}
{{end}}
{{end}}Question: {{fenced .Question}}
`

var defaultTemplate = template.Must(NewTemplate(DefaultTemplate))

// NewTemplate parses a template for Options.Template. It is executed with a Prompt,
// and knows the function fenced, which is Fenced. Passage.Block is fenced already.
func NewTemplate(text string) (*template.Template, error) {
	t, err := template.New("prompt").Funcs(template.FuncMap{"fenced": Fenced}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("chat: read template: %w", err)
	}
	return t, nil
}

// Text returns the prompt as one text.
func (p Prompt) Text() string { return p.text }

func (p *Prompt) render(o Options) error {
	t := o.Template
	if t == nil {
		t = defaultTemplate
	}
	var b strings.Builder
	if err := t.Execute(&b, *p); err != nil {
		return fmt.Errorf("render the prompt: %w", err)
	}
	p.text = b.String()
	p.Tokens = o.Count(p.text)
	return nil
}

// Passage returns the passage with the number, and whether the prompt has it.
func (p Prompt) Passage(number int) (Passage, bool) {
	for _, passage := range p.Passages {
		if passage.Number == number {
			return passage, true
		}
	}
	return Passage{}, false
}

// Messages returns the prompt as messages of a chat: the instructions as "system",
// and each turn as "user" and "assistant". Passages stand in front of the question
// for which they entered, so that the messages of one prompt begin with those of
// the prompt before it as long as nothing had to leave: servers that remember the
// beginning of a prompt compute the new messages only. A question that was asked
// with passages of earlier turns names their numbers.
func (p Prompt) Messages() []pipeline.Turn {
	messages := []pipeline.Turn{{Role: "system", Text: p.Instructions}}
	number := p.first
	for _, turn := range p.Turns {
		text := Fenced(turn.Text)
		if turn.Role == "user" {
			text = p.blocks(number) + text
			number++
		}
		messages = append(messages, pipeline.Turn{Role: turn.Role, Text: text})
	}
	return append(messages, pipeline.Turn{Role: "user", Text: p.blocks(p.Turn) + p.again() + Fenced(p.Question)})
}

// blocks returns the passages that entered for a turn. Those of turns that are not
// in the prompt any more stand before the first one.
func (p Prompt) blocks(turn int) string {
	var list []Passage
	for _, passage := range p.Passages {
		if max(passage.Turn, p.first) == turn {
			list = append(list, passage)
		}
	}
	// By number, not by rank: an earlier message must not change.
	slices.SortFunc(list, func(a, b Passage) int { return cmp.Compare(a.Number, b.Number) })
	if p.order == Edges {
		list = toEdges(list)
	}
	var b strings.Builder
	for _, passage := range list {
		b.WriteString(passage.Block())
	}
	if len(list) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// again names the passages of earlier turns that the newest ranking found too.
func (p Prompt) again() string {
	var numbers []string
	for _, passage := range p.Passages {
		if passage.Rank > 0 && passage.Turn < p.Turn {
			numbers = append(numbers, "["+strconv.Itoa(passage.Number)+"]")
		}
	}
	if numbers == nil {
		return ""
	}
	return "See also " + strings.Join(numbers, " ") + ".\n\n"
}

// toEdges returns the list with the first at the front, the second at the back, and
// so on inwards.
func toEdges(list []Passage) []Passage {
	out := make([]Passage, len(list))
	front, back := 0, len(list)-1
	for i, p := range list {
		if i%2 == 0 {
			out[front] = p
			front++
		} else {
			out[back] = p
			back--
		}
	}
	return out
}

// arrange puts passages into the order of the text: those of the newest ranking as
// the order says, with those that are only held behind them, or between the edges.
func arrange(passages []Passage, order Order) []Passage {
	list := slices.Clone(passages)
	slices.SortStableFunc(list, func(a, b Passage) int {
		return cmp.Or(cmp.Compare(rankOrLast(a), rankOrLast(b)), cmp.Compare(a.Number, b.Number))
	})
	switch order {
	case Edges:
		return toEdges(list)
	case Reading:
		return bySource(list)
	}
	return list
}

func rankOrLast(p Passage) int {
	if p.Rank == 0 {
		return 1 << 30
	}
	return p.Rank
}

func bySource(list []Passage) []Passage {
	first := map[string]int{} // position in the list of each source's best passage
	groups := map[int]int{}   // by number
	for i, p := range list {
		at, ok := first[p.Source]
		if !ok || p.Source == "" {
			at = i
			first[p.Source] = i
		}
		groups[p.Number] = at
	}
	slices.SortStableFunc(list, func(a, b Passage) int {
		return cmp.Or(cmp.Compare(groups[a.Number], groups[b.Number]), cmp.Compare(a.Position, b.Position))
	})
	return list
}
