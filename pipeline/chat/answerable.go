package chat

import (
	"fmt"
	"math"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
)

// Answerability says whether a ranking answers its question.
type Answerability struct {
	// Probability, from 0 to 1, is that one of the documents answers the question.
	Probability float64
	// Reason says in a sentence what decided.
	Reason string
	// Signs are what the probability was computed from.
	Signs Signs
}

// Signs are measures of a ranking beside its question. All but Depth lie between 0
// and 1.
type Signs struct {
	// Document is the largest share of the question's words, weighted by their
	// rarity among the hits, that one of the first five documents has.
	Document float64
	// Sentence is the same for two sentences that follow each other.
	Sentence float64
	// Union is the share that the first ten documents have together.
	Union float64
	// Pairs is the share of pairs of words that follow each other in the question
	// and stand within three words of each other in one of the first five documents.
	Pairs float64
	// Lead is how far the best score stands above the mean of the others, by the
	// spread of all scores: (best - mean) / (best - worst), 0 without a spread. Of
	// fewer than ten hits it says little, and is drawn towards the usual 0.65.
	Lead float64
	// Missing are the words of the question, at most five, that no hit has.
	Missing []string
	// Depth is the number of hits.
	Depth int
}

// model are the coefficients of the logistic regression behind Answerable, fitted
// on five public collections: see docs/chat.md for the command and for how well it
// does on a collection that it was not fitted on.
var model = struct{ intercept, document, sentence, union, pairs, lead float64 }{
	intercept: -6.725, document: 1.212, sentence: 0.750, union: 0.211, pairs: 2.357, lead: 6.076,
}

// Answerable says how likely it is that the ranking answers the question, by the
// words that question and documents share and by how far the best document stands
// out. It asks no model and costs well below a millisecond for short passages.
//
// It sees words and not what they mean: an answer in other words, or in another
// language than the question, looks like none. Give it the candidates, tens of
// them, before they are cut; with a handful of hits it cannot tell rare words from
// common ones. Where a cross-encoder gave probabilities, the best of them is the
// better judge; a hit's score on pipeline.Probability is one.
func Answerable(q pipeline.Query, r pipeline.Ranking) Answerability {
	s := signsOf(q.Text, r)
	switch {
	case len(r.Hits) == 0:
		return Answerability{Reason: "nothing was found", Signs: s}
	case len(prose.Words(q.Text)) == 0:
		return Answerability{Reason: "the question has no words", Signs: s}
	}
	z := model.intercept + model.document*s.Document + model.sentence*s.Sentence + model.union*s.Union +
		model.pairs*s.Pairs + model.lead*s.Lead
	p := 1 / (1 + math.Exp(-z))
	return Answerability{Probability: p, Reason: s.reason(p), Signs: s}
}

// reason says what speaks for the answer where it is likely, and else what speaks
// against it.
func (s Signs) reason(probability float64) string {
	switch {
	case probability >= 0.5 && s.Sentence >= 0.5:
		return fmt.Sprintf("%.0f %% of what the question asks for stands in one place", 100*s.Sentence)
	case len(s.Missing) > 0:
		return "no document has " + strings.Join(s.Missing, " or ")
	case s.Document < 0.5:
		return fmt.Sprintf("no document has more than %.0f %% of what the question asks for", 100*s.Document)
	case s.Sentence < 0.5:
		return "the question's words stand in one document, but far apart"
	case s.Pairs < 0.5 && probability < 0.5:
		return "the question's words stand in one place, but not together"
	case probability < 0.5:
		return "no document stands out from the others"
	}
	return fmt.Sprintf("%.0f %% of what the question asks for stands in one document", 100*s.Document)
}

// signsOf reads the first hits; all hits say how rare words are.
func signsOf(question string, r pipeline.Ranking) Signs {
	s := Signs{Depth: len(r.Hits), Lead: lead(r)}
	terms := prose.Terms(question)
	found := map[string]int{}
	union := map[string]bool{}
	said := make([][]string, min(10, len(r.Hits)))
	for i, h := range r.Hits {
		words := prose.Terms(text(h.Document))
		for w := range setOf(words) {
			found[w]++
			union[w] = union[w] || i < 10
		}
		if i < len(said) {
			said[i] = words
		}
	}
	w := weights(terms, found, len(r.Hits))
	s.Union = w.share(union)
	for _, word := range w.words {
		if found[word] == 0 && len(s.Missing) < 5 {
			s.Missing = append(s.Missing, word)
		}
	}
	for i := range min(5, len(said)) {
		s.Document = max(s.Document, w.share(setOf(said[i])))
		s.Sentence = max(s.Sentence, best(text(r.Hits[i].Document), w))
		s.Pairs = max(s.Pairs, pairs(terms, said[i]))
	}
	return s
}

// text is what a document says, its title first.
func text(d pipeline.Document) string {
	if title, ok := d.Metadata["title"].(string); ok && title != "" {
		return title + ". " + d.Text
	}
	return d.Text
}

// usualLead is what Lead mostly is, and enoughHits how many hits it needs to say
// something.
const (
	usualLead  = 0.65
	enoughHits = 10
)

func lead(r pipeline.Ranking) float64 {
	n := len(r.Hits)
	if n < 2 {
		return usualLead
	}
	trust := min(1, float64(n-1)/(enoughHits-1))
	return trust*spread(r.Hits) + (1-trust)*usualLead
}

func spread(hits []pipeline.Hit) float64 {
	n := len(hits)
	first, last := hits[0].Score, hits[n-1].Score
	if !(first > last) {
		return 0
	}
	var sum float64
	for _, h := range hits[1:] {
		sum += h.Score
	}
	return (first - sum/float64(n-1)) / (first - last)
}

// best returns the largest share of two sentences that follow each other.
func best(text string, w weighted) float64 {
	var most float64
	var before map[string]bool
	for _, s := range prose.Sentences(text) {
		here := setOf(prose.Terms(s.In(text)))
		both := setOf(nil)
		for _, set := range []map[string]bool{before, here} {
			for word := range set {
				both[word] = true
			}
		}
		most = max(most, w.share(both))
		before = here
	}
	return most
}

// pairs returns the share of the question's pairs that stand near each other.
func pairs(terms, said []string) float64 {
	if len(terms) < 2 {
		return 0
	}
	places := map[string][]int{}
	for i, w := range said {
		places[w] = append(places[w], i)
	}
	near := 0
	for i := 1; i < len(terms); i++ {
		if within(places[terms[i-1]], places[terms[i]], 3) {
			near++
		}
	}
	return float64(near) / float64(len(terms)-1)
}

// within reports whether a place of one list lies at most n from one of the other.
func within(a, b []int, n int) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch d := a[i] - b[j]; {
		case d != 0 && d >= -n && d <= n:
			return true
		case d <= 0:
			i++
		default:
			j++
		}
	}
	return false
}
