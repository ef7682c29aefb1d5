package nebius

import (
	"net/http"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// What tests look at from inside, because outside bytes meet it first.

// Clean is clean.
func Clean(text string) string { return clean(text) }

// AppendString is appendString.
func AppendString(dst []byte, text string) []byte { return appendString(dst, text) }

// Message is message.
func Message(body []byte) string { return message(body) }

// Printable is printable.
func Printable(text string, n int) string { return printable(text, n) }

// Redact is what an error shows of a message.
func Redact(key, said string, n int, texts ...string) string {
	return newRedactor(key).text(said, n, texts...)
}

// RetryAfter is retryAfter.
func RetryAfter(h http.Header, status int, now time.Time) time.Duration {
	return retryAfter(h, status, rateLimits(h), now)
}

// RateLimits is rateLimits.
func RateLimits(h http.Header) reranker.Limits { return rateLimits(h) }

// Decoded is a reply in a form that tests compare.
type Decoded struct {
	Values    []float64
	Refused   []bool
	ID, Model string
	Tokens    int
}

func decoded(r *reply) Decoded {
	d := Decoded{Values: r.values, Refused: make([]bool, len(r.state)), ID: r.id, Model: r.model, Tokens: r.usage.Tokens}
	for i, s := range r.state {
		d.Refused[i] = s != scored
	}
	return d
}

// Scan is the fast reader.
func Scan(w Wire, body []byte, sent []string, ignoreEcho bool) (Decoded, bool) {
	r, ok := scan(w, body, sent, reading{ignoreEcho: ignoreEcho})
	if !ok {
		return Decoded{}, false
	}
	return decoded(r), true
}

// Referee is the slow reader.
func Referee(w Wire, body []byte, sent []string, ignoreEcho bool) (Decoded, error) {
	r, err := referee(w, body, sent, reading{ignoreEcho: ignoreEcho})
	if err != nil {
		return Decoded{}, err
	}
	return decoded(r), nil
}

// TemplateMissing is templateMissing.
func TemplateMissing(model string, tokens, pairs, textBytes int) bool {
	return templateMissing(model, tokens, pairs, textBytes)
}

// LateBody asks a request's body for a reader after everybody was done with it.
func LateBody() error {
	p := newPayload(&buffers{}, &[]byte{1})
	r, err := p.open()
	if err != nil {
		return err
	}
	p.done()
	if err := r.Close(); err != nil {
		return err
	}
	_, err = p.open()
	return err
}
