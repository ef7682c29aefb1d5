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

// Signs are measures of a ranking beside its question. All numbers but Depth lie
// between 0 and 1.
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
	// Compared says that cosines were given, and that enough of them count:
	// AnswerableBy says how many. Without them, Similarity and Agreement are 0.
	Compared bool
	// Similarity is the largest cosine of question and document among the first ten
	// hits, 0 if that is negative.
	Similarity float64
	// Agreement is 1 where the hit of the best score has that largest cosine, and
	// else 0. Of fewer than ten hits it says little, and is drawn towards the usual
	// 0.45.
	Agreement float64
	// Missing are the words of the question, at most five, that no hit has.
	Missing []string
	// Depth is the number of hits.
	Depth int
}

// weighing are the coefficients of a logistic regression.
type weighing struct{ intercept, document, sentence, union, pairs, lead, similarity, agreement float64 }

// The regressions behind Answerable and AnswerableBy, fitted on five public
// collections: see docs/chat.md for the command and for how well they do on a
// collection that they were not fitted on.
var (
	byWords = weighing{
		intercept: -6.725, document: 1.212, sentence: 0.750, union: 0.211, pairs: 2.357, lead: 6.076,
	}
	byMeaning = weighing{
		intercept: -8.307, document: 0.426, sentence: 0.965, union: -0.188, pairs: 2.189, lead: 6.235, similarity: 3.634, agreement: 0.221,
	}
)

func (w weighing) probability(s Signs) float64 {
	z := w.intercept + w.document*s.Document + w.sentence*s.Sentence + w.union*s.Union +
		w.pairs*s.Pairs + w.lead*s.Lead + w.similarity*s.Similarity + w.agreement*s.Agreement
	return 1 / (1 + math.Exp(-z))
}

// Answerable says how likely it is that the ranking answers the question, by the
// words that question and documents share and by how far the best document stands
// out. It asks no model and costs well below a millisecond for short passages.
//
// It sees words and not what they mean: an answer in other words, or in another
// language than the question, looks like none; AnswerableBy sees both. Give it the
// candidates, tens of them, before they are cut; with a handful of hits it cannot
// tell rare words from common ones. Where a cross-encoder gave probabilities, the
// best of them is the better judge; a hit's score on pipeline.Probability is one.
func Answerable(q pipeline.Query, r pipeline.Ranking) Answerability { return AnswerableBy(q, r, nil) }

// AnswerableBy is Answerable with a second sign beside words: how similar question
// and documents are in meaning. The similarities are cosines by the document's ID,
// as Cosines reads them from a ranking that a bi-encoder judged. The ranking's own
// order and scores should be those of words, such as BM25's.
//
// The cosines must be those of all-MiniLM-L6-v2 (reranker/local/minilm) between the
// question and the whole document with its title: the probability was fitted to
// them. Another embedder orders rankings well too, but its cosines lie elsewhere
// (many give 0.7 to unrelated texts), so that the probability is off, mostly too
// high: measure a threshold of your own for it, or use Answerable.
//
// Documents without a cosine, and cosines that are NaN or outside of [-1, 1], are
// left out. Where the hit of the best score has none, or less than half of the first
// ten hits have one, the answer is that of Answerable, and Signs.Compared is false;
// so it is with nil.
func AnswerableBy(q pipeline.Query, r pipeline.Ranking, similarities map[string]float64) Answerability {
	s := signsOf(q.Text, r)
	switch {
	case len(r.Hits) == 0:
		return Answerability{Reason: "nothing was found", Signs: s}
	case len(prose.Words(q.Text)) == 0:
		return Answerability{Reason: "the question has no words", Signs: s}
	}
	words := byWords.probability(s)
	if !s.compare(r.Hits, similarities) {
		return Answerability{Probability: words, Reason: s.reason(words), Signs: s}
	}
	p := byMeaning.probability(s)
	reason := s.reason(p)
	switch {
	case p >= 0.5 && words < 0.5:
		reason = fmt.Sprintf("a document is close to the question in meaning (cosine %.2f)", s.Similarity)
	case p < 0.5 && words >= 0.5:
		reason = fmt.Sprintf("documents have the question's words, but none is close to it in meaning (cosine %.2f at most)", s.Similarity)
	}
	return Answerability{Probability: p, Reason: reason, Signs: s}
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

// compare sets what the cosines say, and reports whether they say enough.
func (s *Signs) compare(hits []pipeline.Hit, similarities map[string]float64) bool {
	scored := 0 // the hit of the best score
	for i, h := range hits {
		if h.Score > hits[scored].Score {
			scored = i
		}
	}
	if _, ok := cosine(hits[scored], similarities); !ok {
		return false
	}
	first := hits[:min(10, len(hits))]
	similar, most, known := -1, math.Inf(-1), 0
	for i, h := range first {
		if c, ok := cosine(h, similarities); ok {
			known++
			if c > most {
				similar, most = i, c
			}
		}
	}
	if 2*known < len(first) {
		return false
	}
	s.Compared, s.Similarity = true, max(0, most)
	s.Agreement = (1 - trust(len(hits))) * usualAgreement
	if similar == scored {
		s.Agreement += trust(len(hits))
	}
	return true
}

func cosine(h pipeline.Hit, similarities map[string]float64) (float64, bool) {
	c, ok := similarities[h.Document.ID]
	return c, ok && c >= -1 && c <= 1
}

// Cosines returns what AnswerableBy wants, by the ID of the document: the newest
// score on pipeline.Cosine that a stage, or the search itself, gave each hit. Hits
// without one are left out, and so are imputed scores. A ranking that was blended
// of words and a bi-encoder still has them.
func Cosines(r pipeline.Ranking) map[string]float64 {
	cosines := map[string]float64{}
	for _, h := range r.Hits {
		for _, m := range h.Marks() {
			if m.Scale == pipeline.Cosine && m.Status.Judged() {
				cosines[h.Document.ID] = m.Score
			}
		}
	}
	return cosines
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

// usualLead and usualAgreement are what Lead and Agreement mostly are, and
// enoughHits how many hits they need to say something.
const (
	usualLead      = 0.65
	usualAgreement = 0.45
	enoughHits     = 10
)

// trust is what the spread of n hits is worth, from 0 to 1.
func trust(n int) float64 { return min(1, float64(n-1)/(enoughHits-1)) }

func lead(r pipeline.Ranking) float64 {
	n := len(r.Hits)
	if n < 2 {
		return usualLead
	}
	return trust(n)*spread(r.Hits) + (1-trust(n))*usualLead
}

// spread takes the hits in any order, as a ranking that a part put in another order
// than that of its scores has them.
func spread(hits []pipeline.Hit) float64 {
	top, worst := 0, hits[0].Score
	for i, h := range hits {
		if h.Score > hits[top].Score {
			top = i
		}
		worst = min(worst, h.Score)
	}
	best := hits[top].Score
	if !(best > worst) {
		return 0
	}
	var sum float64
	for i, h := range hits {
		if i != top {
			sum += h.Score
		}
	}
	return (best - sum/float64(len(hits)-1)) / (best - worst)
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
