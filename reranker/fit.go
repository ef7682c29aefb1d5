package reranker

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// Fitter is implemented by scorers that know how their model counts tokens, and
// which side of a document it can do without. A Sharded asks it about documents
// that may exceed the Bounds.PairTokens of the server; without one it estimates
// a token for every four bytes and cuts at the end.
type Fitter interface {
	// Fit returns the document, or what is left of it after cutting, so that the
	// query and it have at most so many tokens, templates included. It returns ""
	// if there is no room for any of it. It must be safe for concurrent use.
	Fit(ctx context.Context, query, document string, tokens int) string
}

// FitterFunc is a Fitter.
type FitterFunc func(ctx context.Context, query, document string, tokens int) string

// Fit calls f.
func (f FitterFunc) Fit(ctx context.Context, query, document string, tokens int) string {
	return f(ctx, query, document, tokens)
}

// fitterOf returns the first Fitter among the parts of a described scorer, or one
// that estimates.
func fitterOf(scorer pipeline.Node) Fitter {
	var found Fitter
	walk(scorer, func(n pipeline.Node) {
		if f, ok := n.Value.(Fitter); ok && found == nil {
			found = f
		}
	})
	if found != nil {
		return found
	}
	return FitterFunc(func(_ context.Context, query, document string, tokens int) string {
		room := PairRoom(tokens) - estimateTokens(query)
		if room < 1 {
			return ""
		}
		short, _ := Truncation{Tokens: room}.Of(document)
		return short
	})
}

// PairRoom returns what is left of the tokens that a model takes for the query and
// one document after the marks between them and the words of a template: a
// sixty-fourth of them is set aside, and 4 at least.
func PairRoom(tokens int) int { return tokens - max(4, tokens/64) }

// Truncation cuts texts to a number of tokens.
type Truncation struct {
	// Tokens is the most that is left of a text; 0 means all.
	Tokens int
	// Front says that the beginning is cut away, and not the end.
	Front bool
	// Count counts the tokens of a text; nil estimates one for every four bytes. A
	// longer text must not have less tokens, as no tokenizer counts but for one or
	// two at a border.
	Count func(string) int
}

// bytesPerToken is the estimate of a text's tokens where nobody counts them.
const bytesPerToken = 4

func estimateTokens(text string) int { return (len(text) + bytesPerToken - 1) / bytesPerToken }

// Of returns the text with at most Tokens tokens, cut at a border of letters, at a
// space if one is near, and reports whether it had to be cut.
func (t Truncation) Of(text string) (string, bool) {
	count := t.Count
	if count == nil {
		count = estimateTokens
	}
	if t.Tokens == 0 || len(text) <= t.Tokens || count(text) <= t.Tokens { // a token has a byte at least
		return text, false
	}
	low, high := 0, len(text) // low bytes fit, high bytes do not
	for high-low > 1 {
		mid := (low + high) / 2
		if count(t.part(text, mid)) <= t.Tokens {
			low = mid
		} else {
			high = mid
		}
	}
	return t.atSpace(t.part(text, low)), true
}

// part returns n bytes of text, or a few less so that no letter is split.
func (t Truncation) part(text string, n int) string {
	if t.Front {
		at := len(text) - n
		for at < len(text) && !utf8.RuneStart(text[at]) {
			at++
		}
		return text[at:]
	}
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// nearBytes is how far from a cut a space may be to be the border.
const nearBytes = 32

// atSpace moves the cut to a space that is near.
func (t Truncation) atSpace(kept string) string {
	if t.Front {
		if i := strings.IndexFunc(kept, unicode.IsSpace); i >= 0 && i < nearBytes && i < len(kept)/2 {
			kept = kept[i:]
		}
		return strings.TrimLeftFunc(kept, unicode.IsSpace)
	}
	if i := strings.LastIndexFunc(kept, unicode.IsSpace); i > len(kept)-nearBytes && i > len(kept)/2 {
		kept = kept[:i]
	}
	return strings.TrimRightFunc(kept, unicode.IsSpace)
}

// fitting is the look at the documents of a query before they are sent.
type fitting struct {
	limit  int // most tokens of the query and a document; 0 for no bound
	fitter Fitter
	noCut  bool
	query  string
	// documents are what is sent: the caller's, until one is cut.
	documents []string
	cut       int
	long      []pace.Item // do not fit
	failed    []pace.Item // the fitter panicked at them, err is the newest panic
	err       error
}

// all cuts the documents that do not fit together with the query into what the
// model takes, or gives them up. It returns what is to be sent.
func (f *fitting) all(ctx context.Context, send []pace.Item) []pace.Item {
	if f.limit == 0 {
		return send
	}
	given, kept := f.documents, send[:0]
	for _, it := range send {
		document := given[it.Document]
		short, err := f.one(ctx, document)
		switch {
		case err != nil:
			f.failed, f.err = append(f.failed, it), err
			continue
		case short == document:
		case f.noCut || strings.TrimSpace(short) == "":
			f.long = append(f.long, it)
			continue
		default:
			if f.cut++; f.cut == 1 {
				f.documents = slices.Clone(given) // the caller's stay as they are
			}
			f.documents[it.Document], it.Bytes = short, len(short)
		}
		kept = append(kept, it)
	}
	return kept
}

// one returns what is sent of a document.
func (f *fitting) one(ctx context.Context, document string) (short string, err error) {
	if len(f.query)+len(document) <= PairRoom(f.limit) { // a token has a byte at least
		return document, nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = &Error{Kind: KindPanic, Op: "reranker: shard", Err: &pipeline.PanicError{Part: "fitter", Value: v, Stack: debug.Stack()}}
		}
	}()
	return f.fitter.Fit(ctx, f.query, document, f.limit), nil
}

// warning says how many documents were cut, nil for none.
func (f *fitting) warning() *Warning {
	if f.cut == 0 {
		return nil
	}
	return &Warning{Kind: WarnTruncated, Detail: f.say(f.cut, "cut")}
}

// tooLong says how many documents were given up.
func (f *fitting) tooLong() error {
	return &Error{Kind: KindTooLarge, Op: "reranker: shard", Message: f.say(len(f.long), "not sent")}
}

func (f *fitting) say(n int, what string) string {
	return fmt.Sprintf("%d of %d documents were %s: the model takes %d tokens for the query and a document", n, len(f.documents), what, f.limit)
}
