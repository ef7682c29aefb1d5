package chat

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// fitting chooses what of an assembly fits the budget, and makes the prompt of it.
type fitting struct{ *assembly }

// prompt chooses what fits the budget and renders it.
func (a fitting) prompt() (Prompt, error) {
	p := Prompt{Instructions: a.o.Instructions, Question: a.question, Turn: a.turn, first: a.turn, order: a.o.Order}
	if err := p.render(a.o); err != nil {
		return Prompt{}, err
	}
	if p.Tokens > a.o.Tokens {
		return Prompt{}, fmt.Errorf("%w: instructions and question take %d of %d tokens", ErrBudget, p.Tokens, a.o.Tokens)
	}
	room := a.o.Tokens - p.Tokens
	reserve := min(a.turnTokens(lastPair(a.turns)), room/4)
	chosen, rest := a.current(room - reserve)
	p.Turns, chosen = a.earlier(chosen, rest+reserve)
	return a.settle(p, chosen)
}

// current returns the passages of the newest ranking that fit, best first, and what
// is left of the room. The last one may be cut at the end of a sentence.
func (a fitting) current(room int) (chosen []*evidence, left int) {
	var found []*evidence
	for _, e := range slices.Concat(a.held, a.fresh) {
		if e.Rank > 0 && !e.Stale {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(x, y *evidence) int { return cmp.Compare(x.Rank, y.Rank) })
	left = room
	for i, e := range found {
		tokens := a.o.Count(e.Block())
		if tokens > left {
			rest := found[i:]
			if a.cut(e, left) {
				left -= a.o.Count(e.Block())
				chosen = append(chosen, e)
				rest = rest[1:]
			}
			a.omit(rest)
			break
		}
		left -= tokens
		chosen = append(chosen, e)
	}
	return chosen, left
}

// cut shortens a passage so that its block fits, if something is left of it.
func (a fitting) cut(e *evidence, room int) bool {
	bare := e.Passage
	bare.Text = ""
	room -= a.o.Count(bare.Block())
	if room < minText {
		return false
	}
	text, ok := shortened(e.Text, room, a.o.Count)
	if !ok {
		return false
	}
	e.Text, e.Cut, e.like = text, true, nil
	if !e.fresh {
		e.Turn = a.turn
	}
	return true
}

// omit leaves passages out.
func (a fitting) omit(list []*evidence) {
	for _, e := range list {
		if e.Rank > 0 {
			a.left = append(a.left, e.IDs()...)
		}
		e.Out = true
	}
}

func (a fitting) turnTokens(turns []pipeline.Turn) int {
	n := 0
	for _, t := range turns {
		n += a.o.Count(t.Role + ": " + Fenced(t.Text) + "\n")
	}
	return n
}

// earlier adds what earlier turns said and hold, as far as it fits. Where not all
// of it does, a quarter of the budget stays free.
func (a fitting) earlier(chosen []*evidence, room int) ([]pipeline.Turn, []*evidence) {
	var others []*evidence
	tokens := a.turnTokens(a.turns)
	for _, e := range a.held {
		if !e.Out && e.Rank == 0 {
			others = append(others, e)
			tokens += a.o.Count(e.Block())
		}
	}
	if tokens <= room {
		return a.turns, append(chosen, others...)
	}
	room -= min(a.o.Tokens/4, room/2)
	turns := a.newest(&room)
	slices.SortStableFunc(others, func(x, y *evidence) int {
		return cmp.Or(cmp.Compare(y.Used, x.Used), cmp.Compare(y.Number, x.Number))
	})
	for _, e := range others {
		n := a.o.Count(e.Block())
		if n > room {
			room = 0 // older ones do not take the place of newer ones
			e.Out = true
			continue
		}
		room -= n
		chosen = append(chosen, e)
	}
	return turns, chosen
}

// newest returns the newest turns that fit, beginning with a question. The newest
// answer may be cut.
func (a fitting) newest(room *int) []pipeline.Turn {
	kept, left := len(a.turns), *room
	for i := len(a.turns) - 1; i >= 0; i-- {
		n := a.turnTokens(a.turns[i : i+1])
		if n > left {
			break
		}
		left -= n
		if a.turns[i].Role == "user" {
			kept, *room = i, left
		}
	}
	if kept < len(a.turns) || len(a.turns) < 2 {
		return a.turns[kept:]
	}
	pair := slices.Clone(lastPair(a.turns))
	left = *room - a.turnTokens(pair[:1])
	if text, ok := shortened(pair[1].Text, left-a.turnTokens([]pipeline.Turn{{Role: pair[1].Role}}), a.o.Count); ok && pair[0].Role == "user" {
		pair[1].Text = text
		*room -= a.turnTokens(pair)
		return pair
	}
	return nil
}

// settle gives numbers, renders, and takes things out again as long as the text is
// longer than the parts were together.
func (a fitting) settle(p Prompt, chosen []*evidence) (Prompt, error) {
	for {
		a.number(chosen)
		p.first = a.turn - questions(p.Turns)
		p.Passages = make([]Passage, len(chosen))
		for i, e := range chosen {
			p.Passages[i] = e.Passage
		}
		p.Passages = arrange(p.Passages, a.o.Order)
		p.Last = a.last
		if err := p.render(a.o); err != nil {
			return Prompt{}, err
		}
		if p.Tokens <= a.o.Tokens {
			p.Left, p.Gaps = a.left, a.gaps
			return p, nil
		}
		switch {
		case len(p.Turns) > 0:
			next := slices.IndexFunc(p.Turns[1:], func(t pipeline.Turn) bool { return t.Role == "user" })
			p.Turns = p.Turns[1:]
			if next >= 0 {
				p.Turns = p.Turns[next:]
			} else {
				p.Turns = nil
			}
		case len(chosen) > 0:
			a.omit(chosen[len(chosen)-1:])
			chosen = chosen[:len(chosen)-1]
		default:
			return Prompt{}, fmt.Errorf("%w: the empty prompt takes %d of %d tokens", ErrBudget, p.Tokens, a.o.Tokens)
		}
	}
}

// number gives the passages that are new their numbers, by rank.
func (a fitting) number(chosen []*evidence) {
	for _, e := range chosen {
		e.Out = false
		if e.Number == 0 {
			a.last++
			e.Number = a.last
		}
	}
}
