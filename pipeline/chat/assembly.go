package chat

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// assembly makes one prompt.
type assembly struct {
	o        Options
	question string
	turn     int
	turns    []pipeline.Turn
	last     int
	gaps     []pipeline.Gap
	held     []*evidence // by number
	fresh    []*evidence // by rank
	left     []string
}

// gap notes what could not be done, each kind once.
func (a *assembly) gap(stage string, err error) {
	if slices.ContainsFunc(a.gaps, func(g pipeline.Gap) bool { return g.Stage == stage && g.Err != nil && g.Err.Error() == err.Error() }) {
		return
	}
	a.gaps = append(slices.Clip(a.gaps), pipeline.Gap{Stage: stage, Reason: pipeline.ReasonOf(err), Err: err})
}

// fetch asks the Fetcher, and leaves a gap where that fails.
func (a *assembly) fetch(ctx context.Context, what string, call func(context.Context) ([]pipeline.Document, error)) (documents []pipeline.Document, ok bool) {
	ctx, span := pipeline.Begin(ctx, pipeline.KindFetch, what)
	defer func() {
		if v := recover(); v != nil {
			err := &pipeline.PanicError{Part: "fetcher", Value: v, Stack: debug.Stack()}
			span.End(err)
			a.gap("fetcher", err)
			documents, ok = nil, false
		}
	}()
	documents, err := call(ctx)
	span.Int("documents", len(documents))
	span.End(err)
	if err != nil {
		a.gap("fetcher", err)
		return nil, false
	}
	return documents, true
}

// refresh marks passages as stale whose documents are not what they were.
func (a *assembly) refresh(ctx context.Context) {
	now, ok := a.stored(ctx, a.held)
	for _, e := range a.held {
		for _, p := range e.Parts {
			if ok && p.Stored && now[p.ID] != p.Sum {
				e.Stale, e.Out = true, true
			}
		}
	}
}

// stored returns the sums of the passages' documents as the Fetcher has them.
func (a *assembly) stored(ctx context.Context, list []*evidence) (map[string]string, bool) {
	var ids []string
	for _, e := range list {
		if !e.Stale {
			ids = append(ids, e.IDs()...)
		}
	}
	if a.o.Fetcher == nil || ids == nil {
		return nil, false
	}
	documents, ok := a.fetch(ctx, "passages", func(ctx context.Context) ([]pipeline.Document, error) { return a.o.Fetcher.Fetch(ctx, ids) })
	now := map[string]string{}
	for _, d := range documents {
		now[d.ID] = sum(d.Text)
	}
	return now, ok
}

// confirm notes which documents of the new passages the Fetcher has.
func (a *assembly) confirm(ctx context.Context) {
	now, ok := a.stored(ctx, a.fresh)
	for _, e := range a.fresh {
		for i, p := range e.Parts {
			e.Parts[i].Stored = ok && now[p.ID] == p.Sum
		}
	}
}

// collect makes passages of the first hits, up to the number that is wanted.
func (a *assembly) collect(ctx context.Context, ranking pipeline.Ranking) {
	used := 0
	for i, h := range ranking.Hits {
		if used >= a.o.Passages {
			a.left = append(a.left, h.Document.ID)
			continue
		}
		a.replaced(h.Document)
		if a.known(ctx, h.Document, i+1, &used) {
			continue
		}
		if strings.TrimSpace(h.Document.Text) == "" {
			a.left = append(a.left, h.Document.ID)
			continue
		}
		if a.add(ctx, h.Document, i+1) {
			used++
		}
	}
	for _, e := range a.fresh {
		a.write(ctx, e, "")
	}
	a.confirm(ctx)
}

// replaced marks held passages as stale that have another version of the document.
func (a *assembly) replaced(d pipeline.Document) {
	for _, e := range a.held {
		if s, ok := e.sumOf(d.ID); ok && s != sum(d.Text) {
			e.Stale, e.Out = true, true
		}
	}
}

// known reports whether a passage speaks for the document already, and notes that
// it was found.
func (a *assembly) known(ctx context.Context, d pipeline.Document, rank int, used *int) bool {
	var like *likeness
	for _, e := range slices.Concat(a.held, a.fresh) {
		if e.Stale {
			continue
		}
		if !e.has(d.ID) {
			if e.Out { // only its own documents bring it back
				continue
			}
			if like == nil {
				l := likenessOf(d.Text)
				like = &l
			}
			if !like.sameAs(e.likeness(), a.o.Duplicate) {
				continue
			}
			e.Same = append(e.Same, d.ID)
		}
		if e.Rank == 0 {
			e.Rank, e.Used = rank, a.turn
			*used++
			a.again(ctx, e, d)
		}
		return true
	}
	return false
}

// again brings back a held passage: one that had left enters anew, and one that was
// cut for another question is cut for this one too.
func (a *assembly) again(ctx context.Context, e *evidence, d pipeline.Document) {
	if e.Out {
		e.Out, e.Turn = false, a.turn
	}
	if !e.Cut || len(e.Parts) != 1 || e.Parts[0].ID != d.ID {
		return
	}
	before, parts := e.Text, e.Parts
	e.documents = []pipeline.Document{d}
	a.write(ctx, e, before)
	if e.Parts = parts; e.Text != before {
		e.Turn = a.turn
	}
}

// add makes a passage of a document, its parent or its neighbours, and reports
// whether one more passage is in use.
func (a *assembly) add(ctx context.Context, d pipeline.Document, rank int) bool {
	documents, isParent := a.around(ctx, d)
	if isParent {
		if e := a.holder(documents[0].ID); e != nil { // it speaks for this child too
			return a.adopt(e, d, rank)
		}
	}
	documents = slices.DeleteFunc(documents, func(n pipeline.Document) bool {
		e := a.holder(n.ID)
		return e != nil && !e.Out
	})
	for _, e := range a.fresh {
		if slices.ContainsFunc(documents, func(n pipeline.Document) bool { return e.has(n.ID) }) {
			e.join(documents)
			if isParent {
				e.Same = append(e.Same, d.ID)
			}
			return false
		}
	}
	e := &evidence{fresh: true, documents: documents}
	e.Rank, e.Turn, e.Used = rank, a.turn, a.turn
	e.name(d, a.o)
	if isParent {
		e.Same = []string{d.ID}
		e.name(documents[0], a.o)
	}
	e.join(nil)
	a.fresh = append(a.fresh, e)
	return true
}

// holder is the passage of an earlier turn that speaks for the document, nil if
// there is none.
func (a *assembly) holder(id string) *evidence {
	for _, e := range a.held {
		if !e.Stale && e.has(id) {
			return e
		}
	}
	return nil
}

// adopt makes a held passage speak for one more document.
func (a *assembly) adopt(e *evidence, d pipeline.Document, rank int) bool {
	e.Same = append(e.Same, d.ID)
	if e.Rank > 0 {
		return false
	}
	e.Rank, e.Used = rank, a.turn
	if e.Out {
		e.Out, e.Turn = false, a.turn
	}
	return true
}

// around returns the document with its neighbours, or its parent in its place.
func (a *assembly) around(ctx context.Context, d pipeline.Document) (documents []pipeline.Document, isParent bool) {
	if a.o.Parent != nil {
		if id := a.o.Parent(d); id != "" && id != d.ID {
			found, ok := a.fetch(ctx, "parent", func(ctx context.Context) ([]pipeline.Document, error) { return a.o.Fetcher.Fetch(ctx, []string{id}) })
			if ok && len(found) == 1 && found[0].ID == id {
				return found, true
			}
		}
	}
	if a.o.Before > 0 || a.o.After > 0 {
		found, ok := a.fetch(ctx, "neighbours", func(ctx context.Context) ([]pipeline.Document, error) {
			return a.o.Fetcher.Neighbours(ctx, d.ID, a.o.Before, a.o.After)
		})
		if ok && slices.ContainsFunc(found, func(n pipeline.Document) bool { return n.ID == d.ID }) {
			return found, false
		}
	}
	return []pipeline.Document{d}, false
}

// write fills in the text of the passage from its documents. What is in kept stays.
func (a *assembly) write(ctx context.Context, e *evidence, kept string) {
	e.join(nil)
	e.Cut = false
	if a.o.Focus == nil {
		return
	}
	text, cut, err := reduced(ctx, a.o, a.question, e.Text, kept)
	if err != nil {
		a.gap("focus", err)
	}
	e.Text, e.Cut, e.like = text, cut, nil
}

// passages returns all passages, by number.
func (a *assembly) passages() []Passage {
	var list []Passage
	for _, e := range slices.Concat(a.held, a.fresh) {
		if e.Number > 0 {
			list = append(list, e.Passage)
		}
	}
	slices.SortFunc(list, func(x, y Passage) int { return cmp.Compare(x.Number, y.Number) })
	return list
}
