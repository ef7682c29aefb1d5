package main

import (
	"cmp"
	"slices"

	"github.com/rankcascade/cascade/fusion"
)

// stringFuser fuses from strings with memory that is kept between queries.
type stringFuser struct {
	method    fusion.Method
	workspace fusion.Workspace
	names     fusion.Interner
	ids       []uint32
	lists     []fusion.List
	top       []fusion.Scored
}

func newStringFuser(m fusion.Method) *stringFuser { return &stringFuser{method: m} }

func (f *stringFuser) fuse(lists []fusion.NamedList, limit int) error {
	f.names.Reset()
	f.ids, f.lists = f.ids[:0], f.lists[:0]
	for _, l := range lists {
		from := len(f.ids)
		f.ids = f.names.Append(f.ids, l.Names)
		f.lists = append(f.lists, fusion.List{IDs: f.ids[from:], Scores: l.Scores, Scale: l.Scale})
	}
	var err error
	f.top, err = f.workspace.Fuse(f.top[:0], f.method, fusion.Task{Lists: f.lists, Names: f.names.Names(), Limit: limit})
	return err
}

// mapAndSort is RRF as the Go projects write it that fuse without a library: a
// map of strings, then a sort of everything, then a cut.
func mapAndSort(lists []fusion.NamedList, limit int) []fusion.NamedScore {
	scores := make(map[string]float64)
	for _, l := range lists {
		for i, name := range l.Names {
			scores[name] += 1 / float64(60+i+1)
		}
	}
	out := make([]fusion.NamedScore, 0, len(scores))
	for name, score := range scores {
		out = append(out, fusion.NamedScore{Name: name, Score: score})
	}
	slices.SortFunc(out, func(a, b fusion.NamedScore) int { return cmp.Compare(b.Score, a.Score) })
	return out[:min(limit, len(out))]
}
