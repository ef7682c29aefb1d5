package reranker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rankcascade/cascade/pipeline"
)

// Passage is a part of a document's text: the bytes from Start to End, at
// borders of letters.
type Passage struct{ Start, End int }

// Of returns the passage's text; "" for a text that is shorter.
func (p Passage) Of(text string) string {
	if p.Start < 0 || p.Start > p.End || p.End > len(text) {
		return ""
	}
	return text[p.Start:p.End]
}

// PassagesKey is the note under which a rerank stage leaves, on its ranking, the
// passage of each document that had the best score, by the document's ID. The
// positions are those in the text that was sent, which Options.Text makes; by
// default that is Document.Text.
var PassagesKey = pipeline.NewKey[map[string]Passage]("passages")

// Combine says how the scores of a document's passages become its score.
type Combine uint8

// The ways.
const (
	// BestPassage takes the highest score.
	BestPassage Combine = iota
	// FirstPassage takes the score of the first passage, which is the only one that
	// is sent.
	FirstPassage
	// MeanOfBest takes the mean of the best few, see PassageOptions.Best.
	MeanOfBest
)

// String returns "best", "first" or "mean of best".
func (c Combine) String() string {
	return [...]string{"best", "first", "mean of best", "invalid"}[min(c, MeanOfBest+1)]
}

// PassageOptions sets Passages. The zero value is the documented default.
type PassageOptions struct {
	// Tokens is the length of a passage; 0 means 256. Overlap is how many of them
	// the next passage repeats at most; 0 means an eighth of Tokens, negative none.
	Tokens, Overlap int
	// Most is the most passages of one document that are scored, from its
	// beginning; 0 means 8. What lies behind them is not judged, which is a warning
	// of kind WarnPassages.
	Most int
	// Combine says how their scores become one, and Best of how many best ones the
	// mean is taken; 0 means 3.
	Combine Combine
	Best    int
	// Count counts the tokens of a text; nil estimates one for every four bytes. It
	// must be safe for concurrent use.
	Count func(string) int
}

// WarnPassages says that documents were judged by a part of their passages.
const WarnPassages WarningKind = "passages"

// ByPassage is a Scorer for long documents. Make one with Passages. It is safe
// for concurrent use if its scorer is.
type ByPassage struct {
	scorer Scorer
	o      PassageOptions
	node   pipeline.Node
	err    error
}

var (
	_ StreamScorer       = (*ByPassage)(nil)
	_ Varying            = (*ByPassage)(nil)
	_ pipeline.Describer = (*ByPassage)(nil)
)

// Passages returns a scorer that cuts long documents at the ends of sentences
// into overlapping passages, scores all passages of all documents in one call of
// scorer, which is best a Sharded, and makes one score of a document's passages.
// A document of at most Tokens is sent as it is. Scores.Passages says which
// passage of each document had the best score, so that a prompt can quote it.
//
// A document is scored if one of its passages is. A passage that is longer than
// what the scorer's server takes, as far as that is known, is a mistake in the
// options; it is in Describe().Err and in the error of every call.
func Passages(scorer Scorer, o PassageOptions) *ByPassage {
	p := &ByPassage{scorer: scorer, o: o.withDefaults()}
	if scorer != nil {
		p.node = pipeline.Describe(scorer)
	}
	if err := p.check(); err != nil {
		p.err = &Error{Kind: KindConfig, Op: "reranker: passages", Err: err}
	}
	return p
}

func (o PassageOptions) withDefaults() PassageOptions {
	if o.Tokens == 0 {
		o.Tokens = 256
	}
	if o.Overlap == 0 {
		o.Overlap = o.Tokens / 8
	}
	o.Overlap = max(0, o.Overlap)
	if o.Most == 0 {
		o.Most = 8
	}
	if o.Combine == FirstPassage {
		o.Most = 1
	}
	if o.Best == 0 {
		o.Best = 3
	}
	if o.Count == nil {
		o.Count = func(text string) int { return (len(text) + 3) / 4 }
	}
	return o
}

func (p *ByPassage) check() error {
	o, bounds := p.o, BoundsOf(p.node)
	switch {
	case p.scorer == nil:
		return errors.New("the scorer is nil: pass the one that scores passages")
	case p.node.Err != nil:
		return p.node.Err
	case o.Tokens < 1 || o.Most < 1 || o.Best < 1:
		return fmt.Errorf("Tokens %d, Most %d and Best %d must be at least 1, or 0 for the default", o.Tokens, o.Most, o.Best)
	case o.Overlap >= o.Tokens:
		return fmt.Errorf("Overlap %d must be shorter than a passage of %d tokens", o.Overlap, o.Tokens)
	case o.Combine > MeanOfBest:
		return fmt.Errorf("Combine %d is unknown", o.Combine)
	case bounds.PairTokens > 0 && o.Tokens >= bounds.PairTokens:
		return fmt.Errorf("a passage of %d tokens leaves no room for a query: the model takes %d for both", o.Tokens, bounds.PairTokens)
	}
	return nil
}

// Describe returns the scorer's facts, with the scorer as the only child.
func (p *ByPassage) Describe() pipeline.Node {
	n := pipeline.Node{Name: "passages", Facts: p.node.Facts, Err: p.err, Settings: []pipeline.Setting{
		{Name: "tokens", Value: fmt.Sprint(p.o.Tokens)}, {Name: "overlap", Value: fmt.Sprint(p.o.Overlap)},
		{Name: "most", Value: fmt.Sprint(p.o.Most)}, {Name: "combine", Value: p.o.Combine.String()},
	}}
	if p.scorer != nil {
		n.Children = []pipeline.Node{p.node}
	}
	return n
}

// Variant implements Varying.
func (p *ByPassage) Variant(context.Context) string {
	return fmt.Sprintf("passages %d %d %d %d %d", p.o.Tokens, p.o.Overlap, p.o.Most, p.o.Combine, p.o.Best)
}

// TypicalLatency is that of the scorer behind it.
func (p *ByPassage) TypicalLatency() time.Duration { return TypicalLatency(p.scorer) }

// Score scores the documents by their passages.
func (p *ByPassage) Score(ctx context.Context, query string, documents []string) (_ Scores, err error) {
	if p.err != nil {
		return Scores{}, p.err
	}
	cut, err := p.cutAll(documents)
	if err != nil {
		return Scores{}, err
	}
	s, err := Ask(ctx, p.scorer, query, cut.texts)
	return cut.combined(s, err)
}

// ScoreStream combines what a streaming scorer hands out, see StreamScorer.
func (p *ByPassage) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		if p.err != nil {
			yield(Scores{}, p.err)
			return
		}
		cut, err := p.cutAll(documents)
		if err != nil {
			yield(Scores{}, err)
			return
		}
		for scores, err := range Stream(ctx, p.scorer, query, cut.texts) {
			if !yield(cut.combined(scores, err)) {
				return
			}
		}
	}
}

// cutDocuments are the passages of the documents of one call, one document after
// the other.
type cutDocuments struct {
	o       PassageOptions
	texts   []string
	parts   []Passage
	first   []int // of each document: the position of its first passage, and the end
	cutOff  int   // documents with more passages than are scored
	present bool  // some document has several passages
}

func (p *ByPassage) cutAll(documents []string) (c *cutDocuments, err error) {
	defer recoverScorer("passages", &err)
	c = &cutDocuments{o: p.o, texts: make([]string, 0, len(documents)), first: make([]int, 0, len(documents)+1)}
	var scratch []stretch
	for _, d := range documents {
		c.first = append(c.first, len(c.texts))
		parts, more := p.o.cut(d, &scratch)
		if more {
			c.cutOff++
		}
		for _, part := range parts {
			c.texts, c.parts = append(c.texts, part.Of(d)), append(c.parts, part)
		}
		c.present = c.present || len(parts) > 1 || more
	}
	c.first = append(c.first, len(c.texts))
	return c, nil
}

// combined makes the scores of documents out of those of passages. Beside an
// error there are reasons at most if they are reasons for these passages.
func (c *cutDocuments) combined(s Scores, err error) (Scores, error) {
	n := len(c.first) - 1
	if err != nil && !c.tells(s) {
		s.Values, s.Unscored, s.Cached = nil, nil, nil
		return s, err
	}
	if !c.present {
		return s, err
	}
	out := s
	out.Values, out.Unscored, out.Cached, out.Passages = make([]float64, n), nil, nil, make([]Passage, n)
	partly := c.cutOff
	for i := range n {
		scored := c.one(&out, s, i)
		if scored > 0 && scored < c.first[i+1]-c.first[i] {
			partly++
		}
	}
	if partly > 0 {
		out.Warnings = append(slices.Clone(s.Warnings), Warning{Kind: WarnPassages, Detail: fmt.Sprintf("%d of %d documents were judged by a part of their passages", partly, n)})
	}
	if s.Report != nil {
		report := *s.Report
		report.Warnings = out.Warnings
		out.Report = &report
	}
	return out, err
}

// tells reports whether what came beside an error has a reason for each passage.
func (c *cutDocuments) tells(s Scores) bool {
	n := len(c.texts)
	return len(s.Unscored) == n && (len(s.Values) == 0 || len(s.Values) == n) && (s.Cached == nil || len(s.Cached) == n)
}

// one combines the passages of document i and returns how many have a score.
func (c *cutDocuments) one(out *Scores, s Scores, i int) int {
	from, to := c.first[i], c.first[i+1]
	best, cached := -1, true
	var values []float64
	for k := from; k < to; k++ {
		if !s.Scored(k) || len(s.Values) == 0 {
			continue
		}
		values = append(values, s.Values[k])
		cached = cached && s.Cached != nil && s.Cached[k]
		if best < 0 || s.Values[k] > s.Values[best] {
			best = k
		}
	}
	if best < 0 {
		if out.Unscored == nil {
			out.Unscored = make([]pipeline.Reason, len(out.Values))
		}
		out.Unscored[i] = s.Unscored[from]
		return 0
	}
	out.Values[i], out.Passages[i] = c.o.value(values), c.parts[best]
	if cached {
		if out.Cached == nil {
			out.Cached = make([]bool, len(out.Values))
		}
		out.Cached[i] = true
	}
	return len(values)
}

// value makes one score of those of a document's passages, in a fixed order.
func (o PassageOptions) value(values []float64) float64 {
	switch o.Combine {
	case FirstPassage:
		return values[0]
	case MeanOfBest:
		slices.SortFunc(values, func(a, b float64) int { return pipeline.Compare(a, b, 0, 0, "", "") })
		sum, n := 0.0, min(o.Best, len(values))
		for _, v := range values[:n] {
			sum += v
		}
		return sum / float64(n)
	}
	return slices.Max(values)
}

// cut divides a text into passages, and reports whether there would be more than
// are scored. The scratch is used again for the next text.
func (o PassageOptions) cut(text string, scratch *[]stretch) (parts []Passage, more bool) {
	if len(text) <= o.Tokens || o.Count(text) <= o.Tokens { // a token has a byte at least
		return []Passage{{0, len(text)}}, false
	}
	pieces := o.stretches((*scratch)[:0], text, o.Most*o.Tokens)
	*scratch = pieces
	for at := 0; at < len(pieces); {
		if len(parts) == o.Most {
			return parts, true
		}
		end, tokens := at, 0
		for end < len(pieces) && (end == at || tokens+pieces[end].tokens <= o.Tokens) {
			tokens += pieces[end].tokens
			end++
		}
		parts = append(parts, trimmed(text, pieces[at].Start, pieces[end-1].End))
		if end == len(pieces) {
			break
		}
		next, repeated := end, 0
		for next-1 > at && repeated+pieces[next-1].tokens <= o.Overlap {
			next--
			repeated += pieces[next].tokens
		}
		at = next
	}
	last := pieces[len(pieces)-1].End
	return parts, strings.TrimSpace(text[last:]) != ""
}

// stretch is a sentence, or a part of one that is too long.
type stretch struct {
	Passage
	tokens int
}

// stretches appends the sentences of a text to all, and those that are longer than
// a passage in parts between words. It stops well behind the tokens that can be
// scored.
func (o PassageOptions) stretches(all []stretch, text string, enough int) []stretch {
	total := 0
	for at := 0; at < len(text) && total <= 2*enough; {
		end := at + sentence(text[at:])
		for at < end {
			stop := end
			n := o.Count(text[at:stop])
			for n > o.Tokens && stop > at+1 {
				stop = wordBorder(text, at, at+max(1, (stop-at)*o.Tokens/(n+1)))
				n = o.Count(text[at:stop])
			}
			all = append(all, stretch{Passage{at, stop}, n})
			total += n
			at = stop
		}
	}
	return all
}

// wordBorder returns a position near stop, and behind at, that splits no letter and
// if possible no word.
func wordBorder(text string, at, stop int) int {
	for stop < len(text) && !utf8.RuneStart(text[stop]) {
		stop++
	}
	if i := strings.LastIndexFunc(text[at:stop], unicode.IsSpace); i > 0 {
		_, size := utf8.DecodeRuneInString(text[at+i:])
		return at + i + size
	}
	return stop
}

// sentence returns the length of the first sentence of text, with the space
// behind it: up to a full stop of any script that a space or the end follows, or
// up to an empty line. Full stops of scripts without spaces need none.
func sentence(text string) int {
	for i := skip(text, 0); i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		after := i + size
		switch r {
		case '。', '！', '？', '｡', '।', '။', '።':
			return after + spaces(text[after:])
		case '.', '!', '?', '…', '؟', '۔':
			rest := strings.TrimLeftFunc(text[after:], closes)
			if n := spaces(rest); n > 0 || rest == "" {
				return len(text) - len(rest) + n
			}
		case '\n':
			if n := spaces(text[i:]); strings.Count(text[i:i+n], "\n") > 1 {
				return i + n
			}
		}
		i = skip(text, after)
	}
	return len(text)
}

// closes says whether a letter belongs to the end of a sentence, behind a full
// stop.
func closes(r rune) bool {
	switch r {
	case '.', '!', '?', '…', '"', '\'', '”', '’', ')', ']':
		return true
	}
	return false
}

// skip returns the first position from i on at which a sentence may end, or the
// end of the text.
func skip(text string, i int) int {
	for i+4 <= len(text) && mayEnd[text[i]]|mayEnd[text[i+1]]|mayEnd[text[i+2]]|mayEnd[text[i+3]] == 0 {
		i += 4
	}
	for i < len(text) && mayEnd[text[i]] == 0 {
		i++
	}
	return i
}

// mayEnd is 1 for the first bytes of all letters at which sentence looks: most bytes
// of a text are none of them.
var mayEnd = func() (first [256]byte) {
	for _, r := range "。！？｡।။።.!?…؟۔\n" {
		first[string(r)[0]] = 1
	}
	return first
}()

// spaces is the length of the space at the beginning of text.
func spaces(text string) int { return len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace)) }

// trimmed is a passage without the space around it.
func trimmed(text string, start, end int) Passage {
	inner := strings.TrimLeftFunc(text[start:end], unicode.IsSpace)
	start = end - len(inner)
	return Passage{start, start + len(strings.TrimRightFunc(inner, unicode.IsSpace))}
}
