package pipeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Explanation says why a document stands where it stands in a ranking, or where
// it was lost. Its String is written for a person.
type Explanation struct {
	// ID is the document that was asked about.
	ID string
	// Rank is its rank, from 1, and Of the number of hits; Rank is 0 if the
	// document is not in the ranking.
	Rank, Of int
	// Hit is the document's hit, with every mark, if Rank is not 0.
	Hit Hit
	// Scale is the scale of the ranking.
	Scale Scale
	// Traced says that the ranking carries a trace. Without one, nothing is known
	// of a document that is not in it.
	Traced bool
	// Losses are the places where the document was lost, the last one first;
	// several where it came in through several branches.
	Losses []Loss
	// Missed names the retrievers that did not return the document, in order.
	Missed []string
	// Gaps are the gaps of the ranking that name the document or, for a missing
	// document, a whole part that brought nothing.
	Gaps []Gap
}

// Loss is one place where a document was lost: a part that was given it and did
// not return it.
type Loss struct {
	// Stage names the part.
	Stage string
	// Rank is the document's rank, from 1, in what the part was given, and Of the
	// number of hits there.
	Rank, Of int
	// Score is its score there, on Scale.
	Score float64
	Scale Scale
	// Kept is the number of hits that the part returned.
	Kept int
	// LastKept is the hit that ranked lowest in the input of those that were
	// kept; its ID is empty if none was.
	LastKept Hit
	// LastRank is the rank of LastKept in the input.
	LastRank int
}

// Below returns by how much the document's score lies below that of the last
// hit that was kept; negative if it lies above.
func (l Loss) Below() float64 { return l.LastKept.Score - l.Score }

// Tie reports whether the document has the score of the last hit that was kept,
// and lost only because it stood behind it.
func (l Loss) Tie() bool {
	return l.LastRank > 0 && l.Rank > l.LastRank && l.Score == l.LastKept.Score
}

// Picked reports whether the part chose among its hits, because one that stood
// behind the document was kept: duplicates, groups, diversity and the like.
func (l Loss) Picked() bool { return l.LastRank > l.Rank }

// Explain says why the document stands where it stands in r, or, where it is not
// in r and the query was traced (Query.Trace), where it was lost.
func Explain(r Ranking, id string) Explanation {
	e := Explanation{ID: id, Of: len(r.Hits), Scale: r.Scale, Traced: r.Trace != nil}
	if i := position(r.Hits, id); i >= 0 {
		e.Rank, e.Hit = i+1, r.Hits[i]
	}
	if e.Rank == 0 && e.Traced {
		s := search{id: id, seen: map[*Step]bool{}}
		s.visit(r.Trace)
		e.Losses, e.Missed = s.losses, s.missed
	}
	for _, g := range r.Gaps {
		if concerns(g, id) || (e.Rank == 0 && g.IDs == nil) {
			e.Gaps = append(e.Gaps, g)
		}
	}
	return e
}

func concerns(g Gap, id string) bool {
	for _, other := range g.IDs {
		if other == id {
			return true
		}
	}
	return false
}

func position(hits []Hit, id string) int {
	for i, h := range hits {
		if h.Document.ID == id {
			return i
		}
	}
	return -1
}

// search walks a trace backwards from the result.
type search struct {
	id     string
	seen   map[*Step]bool
	losses []Loss
	missed []string
}

// visit looks for the document behind a step that does not have it.
func (s *search) visit(step *Step) {
	if s.seen[step] {
		return
	}
	s.seen[step] = true
	if len(step.Inputs) == 0 {
		s.missed = append(s.missed, step.Name)
		return
	}
	for _, in := range step.Inputs {
		if i := position(in.Hits, s.id); i >= 0 {
			s.losses = append(s.losses, lossAt(step, in, i))
			continue
		}
		s.visit(in)
	}
}

func lossAt(step, in *Step, i int) Loss {
	l := Loss{
		Stage: step.Name, Rank: i + 1, Of: len(in.Hits), Score: in.Hits[i].Score,
		Scale: in.Scale, Kept: len(step.Hits),
	}
	kept := make(map[string]bool, len(step.Hits))
	for _, h := range step.Hits {
		kept[h.Document.ID] = true
	}
	for j, h := range in.Hits {
		if kept[h.Document.ID] {
			l.LastKept, l.LastRank = h, j+1
		}
	}
	return l
}

// String tells the explanation in a few lines. Numbers are printed so that they
// read back to the same bits.
func (e Explanation) String() string {
	var b strings.Builder
	if e.Rank > 0 {
		fmt.Fprintf(&b, "document %q is at rank %d of %d, score %s (%v)\n", e.ID, e.Rank, e.Of, number(e.Hit.Score), e.Scale)
		marks := e.Hit.Marks()
		for i, m := range marks {
			m.tell(&b, judge(marks, i))
		}
	} else {
		e.tellAbsence(&b)
	}
	for _, g := range e.Gaps {
		fmt.Fprintf(&b, "  gap: %v\n", g)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (e Explanation) tellAbsence(b *strings.Builder) {
	fmt.Fprintf(b, "document %q is not among the %d hits\n", e.ID, e.Of)
	if !e.Traced {
		b.WriteString("  where it was lost is not known: tracing was off, set Query.Trace and ask again\n")
		return
	}
	for _, l := range e.Losses {
		fmt.Fprintf(b, "  %v\n", l)
	}
	for _, name := range e.Missed {
		fmt.Fprintf(b, "  %s did not retrieve it\n", name)
	}
}

// String tells the loss in one line.
func (l Loss) String() string {
	at := fmt.Sprintf("lost at %s: rank %d of %d with score %s (%v)", l.Stage, l.Rank, l.Of, number(l.Score), l.Scale)
	switch {
	case l.LastRank == 0:
		return at + "; nothing was kept"
	case l.Picked():
		return fmt.Sprintf("%s; passed over, while %q at rank %d was kept", at, l.LastKept.Document.ID, l.LastRank)
	case l.Tie():
		return fmt.Sprintf("%s; lost on a tie with %q at rank %d, the last of %d kept", at, l.LastKept.Document.ID, l.LastRank, l.Kept)
	}
	return fmt.Sprintf("%s; %s below %q at rank %d, the last of %d kept", at, number(l.Below()), l.LastKept.Document.ID, l.LastRank, l.Kept)
}

// judge says who left the mark at a position. The mark of a hop stands behind
// those of the parts that ran in it, of which the first found the document.
func judge(marks []Mark, at int) string {
	stage := marks[at].Stage
	if !isHop(stage) {
		return stage
	}
	first := at
	for first > 0 && !isHop(marks[first-1].Stage) {
		first--
	}
	if first == at {
		return "found in " + stage
	}
	return fmt.Sprintf("found in %s by %s", stage, marks[first].Stage)
}

func orUnknown(r Reason) string {
	if r == "" {
		return "no reason given"
	}
	return string(r)
}

// number prints the shortest text that reads back to the same bits.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func signed(v float64) string {
	if math.Signbit(v) {
		return "- " + number(-v)
	}
	return "+ " + number(v)
}
