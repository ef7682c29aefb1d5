package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// System is what the gate needs to know of one measured system. The zero value of
// every field but Name says that nothing is wrong in that respect.
type System struct {
	Name string
	// Missing are the measured topics that the system has no ranking for, Extra its
	// topics that nobody judged, Barren the measured ones without a relevant
	// document.
	Missing, Extra, Barren []string
	// Skipped counts the lines of its file that could not be read.
	Skipped int
	// Failed and Degraded count the topics on which it did not do its whole work.
	Failed, Degraded int
	// Learned says, if its settings were learned on topics that it is measured on,
	// how; as in "it was trained on the topics that it is measured on".
	Learned string
	// Repeat says that the system is one with the baseline, so that a difference is
	// noise.
	Repeat bool
	// Deepest is the length of its longest ranking; 0 if it is not known.
	Deepest int
	// Judged counts the documents that it returned and that were judged, Returned
	// all of them; both are 0 if that is not known.
	Judged, Returned int
	// Tied counts, among the ten highest scores of each of its rankings, those that
	// several documents have: there ids decide the order. Top counts all of these ten.
	Tied, Top int
	// TieLower and TieHigher say, for each measure, how much lower and higher its
	// figure would be with its tied documents in the worst and the best order; nil if
	// that is not known.
	TieLower, TieHigher []float64
	// Contradicted counts the topics on which the rank column of its file contradicts
	// the scores.
	Contradicted int
	// Unjudged has, for each measure, the mean share of the documents that it
	// looked at and nobody judged.
	Unjudged []float64
	// Values has, for each measure, the value of each topic; nil if there are no
	// values by topic.
	Values [][]float64
}

// See adds one ranking of the system, with the judgements of its topic, to what
// the gate knows. It looks judgements up only until it has found a judged
// document: then Judged is 1.
func (s *System) See(ranking []trec.Entry, judged []trec.Judgement) {
	s.Deepest = max(s.Deepest, len(ranking))
	top, tied := tiedAmong(ranking)
	s.Top, s.Tied = s.Top+top, s.Tied+tied
	if len(judged) == 0 {
		return
	}
	s.Returned += len(ranking)
	if s.Judged > 0 {
		return
	}
	known := make(map[string]struct{}, len(judged))
	for _, j := range judged {
		known[j.Document] = struct{}{}
	}
	for _, e := range ranking {
		if _, found := known[e.Document]; found {
			s.Judged++
			return
		}
	}
}

// tiedAmong counts the ten highest scores, and those of them that several documents
// of the ranking have.
func tiedAmong(ranking []trec.Entry) (top, tied int) {
	const depth = 10
	var best [depth + 1]float64 // falling; the last one shows whether the tenth is tied
	n := 0
	for _, e := range ranking {
		if n == len(best) && !(e.Score > best[depth]) {
			continue
		}
		i := min(n, depth)
		for ; i > 0 && best[i-1] < e.Score; i-- {
			best[i] = best[i-1]
		}
		best[i], n = e.Score, min(n+1, len(best))
	}
	top = min(n, depth)
	for i := range top {
		if i > 0 && best[i] == best[i-1] || i+1 < n && best[i] == best[i+1] {
			tied++
		}
	}
	return top, tied
}

// Measure is a measure of the table.
type Measure struct {
	Name string
	// K is its cut-off, 0 for none.
	K int
}

// Table is what was measured. The first system is the baseline, if anything is
// compared.
type Table struct {
	Measures []Measure
	Systems  []System
	// Topics is the number of measured topics.
	Topics int
	// OnlyRelevant says that the judgements name relevant documents only, so that
	// the share of unjudged documents is another form of the figure itself.
	OnlyRelevant bool
	// Ordered says that ids do not break ties: the file's order does, or the mean over
	// all orders counts.
	Ordered bool
	// Compared says that systems are compared with the first.
	Compared bool
	// Shown says that the shares of unjudged documents stand in the table beside the
	// figures: the gate then speaks of them only from half on.
	Shown bool
}

// Claim is a difference to the baseline that a test calls significant.
type Claim struct {
	// System and Measure are positions in the table.
	System, Measure int
	// Difference is the system's figure less the baseline's.
	Difference float64
}

// Findings are what is wrong with a table.
type Findings struct {
	table    Table
	warnings []string
}

// The shares of unjudged documents at which the gate speaks.
const (
	// tooUnjudged is from where on a figure is said to be of unjudged documents.
	tooUnjudged = .2
	// lopsided is how much more of one side may be unjudged until a difference
	// against that side is spoiled.
	lopsided = .2
	// tooTied is the share of tied documents, and tooLoose the range of a figure, from
	// which on the gate says that ids order them.
	tooTied, tooLoose = .5, .05
)

// tied is the share of tied documents among the highest.
func (s *System) tied() float64 {
	if s.Top == 0 {
		return 0
	}
	return float64(s.Tied) / float64(s.Top)
}

// Inspect looks at the table. It only reads it, and keeps it: it must not change
// while the findings are used.
func Inspect(t Table) *Findings {
	f := &Findings{table: t}
	for i := range t.Systems {
		f.inspect(&t.Systems[i], t.Compared && i == 0)
	}
	f.unjudged()
	f.alike()
	return f
}

// Warnings are sentences for a reader, in the order of the systems.
func (f *Findings) Warnings() []string { return slices.Clone(f.warnings) }

func (f *Findings) warn(format string, args ...any) {
	f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
}

func (f *Findings) inspect(s *System, baseline bool) {
	claims := ""
	if baseline {
		claims = ", and nothing is marked against it"
	}
	if n := len(s.Missing); n > 0 {
		f.warn("%s: %s not in the run and %s 0: %s%s", s.Name, wording.Count(n, "judged topic")+" "+wording.Are(n), wording.Verb(n, "counts", "count"), wording.Some(s.Missing), claims)
	}
	if s.Skipped > 0 {
		f.warn("%s: %s could not be read and %s missing%s", s.Name, wording.Count(s.Skipped, "line"), wording.Are(s.Skipped), claims)
	}
	if n := len(s.Extra); n > 0 {
		f.warn("%s: %s of the run %s not judged and left out: %s", s.Name, wording.Count(n, "topic"), wording.Are(n), wording.Some(s.Extra))
	}
	if s.Learned != "" {
		f.warn("%s: %s: its figures are too high to be believed, and no gain of it is marked", s.Name, s.Learned)
	}
	if s.Returned > 0 && s.Judged == 0 {
		f.warn("%s: %s judged for its topic: do its ids belong to these judgements?", s.Name, wording.Verb(s.Returned, "its one document is not", fmt.Sprintf("none of its %d documents is", s.Returned)))
	}
	f.ties(s)
	if s.Contradicted > 0 {
		f.warn("%s: the rank column contradicts the scores on %s, and scores decide: are they distances?", s.Name, wording.Count(s.Contradicted, "topic"))
	}
	if deeper := f.deepest(); s.Deepest > 0 && s.Deepest < deeper {
		var short []string
		for _, m := range f.table.Measures {
			if s.Deepest < m.K || m.K == 0 && s.Deepest <= deeper/2 {
				short = append(short, m.Name)
			}
		}
		if len(short) > 0 {
			f.warn("%s: its rankings end at rank %d, those of others at %d: %s %s further down", s.Name, s.Deepest, deeper, wording.Some(short), wording.Verb(len(short), "looks", "look"))
		}
	}
	if n := len(s.Barren); n > 0 && s == &f.table.Systems[0] {
		f.warn("%s %s no relevant document and %s 0 for every system: %s", wording.Count(n, "topic"), wording.Verb(n, "has", "have"), wording.Verb(n, "counts", "count"), wording.Some(s.Barren))
	}
}

// ties says where ids and not scores decide.
func (f *Findings) ties(s *System) {
	share, widest := s.tied(), 0
	for m := range s.TieLower {
		if s.TieLower[m]+s.TieHigher[m] > s.TieLower[widest]+s.TieHigher[widest] {
			widest = m
		}
	}
	low, high := at(s.TieLower, widest), at(s.TieHigher, widest)
	switch {
	case f.table.Ordered:
	case low+high > tooLoose:
		f.warn("%s: %.0f %% of its first ten documents have a score that others have too, and ids order them: by another order %s would be up to %.3f lower or %.3f higher",
			s.Name, 100*share, f.table.Measures[widest].Name, low, high)
	case s.TieLower == nil && share > tooTied:
		f.warn("%s: %.0f %% of its first ten documents have a score that others have too, and ids order them", s.Name, 100*share)
	}
}

// at returns the value of a measure, 0 if it is not known.
func at(values []float64, m int) float64 {
	if m >= len(values) {
		return 0
	}
	return values[m]
}

func (f *Findings) deepest() int {
	most := 0
	for _, s := range f.table.Systems {
		most = max(most, s.Deepest)
	}
	return most
}

// unjudged says where a low figure may come from missing judgements.
func (f *Findings) unjudged() {
	var shares []string
	looking := map[string][]string{} // by share
	for m, measure := range f.table.Measures {
		low, high := 1.0, 0.0
		for _, s := range f.table.Systems {
			if m < len(s.Unjudged) {
				low, high = min(low, s.Unjudged[m]), max(high, s.Unjudged[m])
			}
		}
		if high <= tooUnjudged || f.table.Shown && high < .5 {
			continue
		}
		share := fmt.Sprintf("%.0f %%", 100*high)
		if fmt.Sprintf("%.0f %%", 100*low) != share {
			share = fmt.Sprintf("%.0f to %s, depending on the system,", 100*low, share)
		}
		if looking[share] == nil {
			shares = append(shares, share)
		}
		looking[share] = append(looking[share], measure.Name)
	}
	for _, share := range shares {
		names := looking[share]
		f.warn("%s of the documents that %s %s at are not judged and count as not relevant", share, wording.Some(names), wording.Verb(len(names), "looks", "look"))
	}
}

// alike names systems that give the same values throughout.
func (f *Findings) alike() {
	said := map[int]bool{}
	for i := range f.table.Systems {
		if said[i] {
			continue
		}
		names := []string{f.table.Systems[i].Name}
		for j := i + 1; j < len(f.table.Systems); j++ {
			if f.equal(i, j) {
				names, said[j] = append(names, f.table.Systems[j].Name), true
			}
		}
		if len(names) > 1 {
			f.warn("%s give the same value on every topic: a comparison of them cannot differ, and counts in no correction", strings.Join(names, " and "))
		}
	}
}

func (f *Findings) equal(i, j int) bool {
	a, b := f.table.Systems[i].Values, f.table.Systems[j].Values
	return len(a) > 0 && slices.EqualFunc(a, b, func(x, y []float64) bool { return slices.Equal(x, y) })
}

// Spoiled says why a claim must not be marked; "" if nothing is against it.
//
// A gain is spoiled by what is wrong with the baseline or by what the system
// learned, a loss by what is missing of the system. Where an incomplete file
// stands for the baseline, no difference of either sign is a claim.
func (f *Findings) Spoiled(c Claim) string {
	base, s := &f.table.Systems[0], &f.table.Systems[c.System]
	gain := c.Difference > 0
	behind, ahead := base, s // who is lower, who is higher
	if !gain {
		behind, ahead = s, base
	}
	switch {
	case len(base.Missing)+base.Skipped > 0:
		return "the baseline is incomplete"
	case s.Repeat:
		return "it is a repeat of the baseline"
	case ahead.Learned != "":
		return ahead.Name + " learned on these topics"
	case gain && base.Failed+base.Degraded > 0:
		return "the baseline did not do its whole work"
	case len(behind.Missing)+behind.Skipped > 0:
		return behind.Name + " is incomplete"
	case f.cutShort(behind, ahead, c.Measure):
		return fmt.Sprintf("the rankings of %s end at rank %d", behind.Name, behind.Deepest)
	case behind.Returned > 0 && behind.Judged == 0:
		return "no document of " + behind.Name + " is judged"
	case at(ahead.TieLower, c.Measure)+at(behind.TieHigher, c.Measure) >= math.Abs(c.Difference):
		return "another order of tied documents would turn it around"
	case 2*behind.Contradicted > f.table.Topics:
		return "the rank column of " + behind.Name + " contradicts its scores"
	case f.lopsided(behind, ahead, c.Measure):
		return fmt.Sprintf("%.0f %% of what %s returned is not judged", 100*behind.Unjudged[c.Measure], behind.Name)
	}
	return ""
}

// cutShort reports whether the lower side ends before the measure does and the
// other one goes on. To a measure of the whole ranking half the depth is short.
func (f *Findings) cutShort(behind, ahead *System, m int) bool {
	k := f.table.Measures[m].K
	if k == 0 {
		k = (ahead.Deepest + 2) / 2
	}
	return behind.Deepest > 0 && behind.Deepest < ahead.Deepest && behind.Deepest < k
}

// lopsided reports whether the lower side has so many more unjudged documents that
// the judgements may be the difference.
func (f *Findings) lopsided(behind, ahead *System, m int) bool {
	if f.table.OnlyRelevant || m >= len(behind.Unjudged) || m >= len(ahead.Unjudged) {
		return false
	}
	return behind.Unjudged[m] > ahead.Unjudged[m]+lopsided
}
