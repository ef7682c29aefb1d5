package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Error is a call to an endpoint that failed. It holds neither key nor texts.
type Error struct {
	// Status is the HTTP status, 0 if there was no answer.
	Status int
	// Message is what the server said, shortened, or what is wrong with its answer.
	Message string
	// Attempts is how often the call was made.
	Attempts int
	// Err is the cause; it may be nil.
	Err error

	badAnswer  bool
	retryAfter time.Duration
}

// Error says what failed.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("embed: ask for vectors")
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reason classifies the failure for a gap.
func (e *Error) Reason() pipeline.Reason {
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded):
		return pipeline.ReasonDeadline
	case errors.Is(e.Err, context.Canceled):
		return pipeline.ReasonCanceled
	case e.badAnswer:
		return pipeline.ReasonBadResponse
	case e.Status == http.StatusTooManyRequests:
		return pipeline.ReasonRateLimit
	case e.Status >= 500:
		return pipeline.ReasonServerError
	case e.Status >= 300:
		return pipeline.ReasonClientError
	}
	return pipeline.ReasonTransport
}

// passes reports whether the same call may succeed later.
func (e *Error) passes() bool {
	return e.Status == 0 && !e.badAnswer || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500
}

// tooLarge reports whether fewer texts may succeed.
func (e *Error) tooLarge() bool {
	return e.Status == http.StatusRequestEntityTooLarge || e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
}

// request is the body of a call.
type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Format     string   `json:"encoding_format"`
	Dimensions int      `json:"dimensions,omitempty"`
}

// ask makes a call, again and again if that may help.
func (c *Client) ask(ctx context.Context, texts []string) ([][]float32, *Error) {
	input := make([]string, len(texts))
	for i, text := range texts {
		if input[i] = text; text == "" {
			input[i] = " " // servers refuse an empty text
		}
	}
	body, err := json.Marshal(request{c.model, input, "float", c.options.Dimensions})
	if err != nil {
		return nil, &Error{Err: err, badAnswer: true}
	}
	for attempt := 1; ; attempt++ {
		vectors, failed := c.attempt(ctx, body, texts)
		if failed == nil {
			return vectors, nil
		}
		failed.Attempts = attempt
		if cause := context.Cause(ctx); cause != nil {
			failed.Err = cause
			return nil, failed
		}
		if attempt == c.options.Attempts || !failed.passes() {
			return nil, failed
		}
		if cause := wait(ctx, pause(attempt, failed.retryAfter)); cause != nil {
			failed.Err = cause
			return nil, failed
		}
	}
}

// pause is how long to wait after an attempt: what the server asks for, or a
// quarter of a second, doubled each time, of which up to a half is left to chance.
func pause(attempt int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, mostWait)
	}
	d := 250 * time.Millisecond << min(attempt-1, 6)
	return d/2 + rand.N(d/2)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attempt makes one call.
func (c *Client) attempt(ctx context.Context, body []byte, texts []string) ([][]float32, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, &Error{Err: err}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, c.refusal(answer, texts)
	}
	// 32 bytes hold any number in decimal digits, and a megabyte everything else.
	limit := int64(len(texts))*mostDimensions*32 + 1<<20
	return parse(io.LimitReader(answer.Body, min(limit, 1<<30)), len(texts), answer.StatusCode)
}

// refusal reads what the server says, without the key, and not at all if it
// repeats a text.
func (c *Client) refusal(answer *http.Response, texts []string) *Error {
	raw, _ := io.ReadAll(io.LimitReader(answer.Body, 4096)) // what could be read is shown
	said := struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}{}
	message := ""
	if json.Unmarshal(raw, &said) == nil {
		message = said.Error.Message
	}
	if c.key != "" {
		message = strings.ReplaceAll(message, c.key, "[redacted]")
	}
	for _, text := range texts {
		const window = 16 // bytes that give a text away
		if text = strings.TrimSpace(text); len(text) > 4 && strings.Contains(message, text[:min(len(text), window)]) {
			message = "the server repeats a text"
		}
	}
	e := &Error{Status: answer.StatusCode, Message: clean(message)}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.retryAfter = time.Duration(min(seconds, int(mostWait/time.Second))) * time.Second
	}
	return e
}

// clean keeps the beginning of a message, on one line.
func clean(message string) string {
	message = strings.Join(strings.Fields(strings.ToValidUTF8(message, "")), " ")
	const most = 200
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "..."
	}
	return message
}

// parse reads an answer, of which nothing is believed: each text must have one
// vector, found by its index, of finite numbers.
func parse(r io.Reader, count, status int) ([][]float32, *Error) {
	bad := func(format string, args ...any) *Error {
		return &Error{Status: status, Message: fmt.Sprintf(format, args...), badAnswer: true}
	}
	var answer struct {
		Data []struct {
			Index  *int      `json:"index"`
			Vector []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r).Decode(&answer); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &syntax) || errors.As(err, &kind) {
			return nil, bad("the answer is not of OpenAI's form")
		}
		return nil, &Error{Err: err} // the connection broke
	}
	if len(answer.Data) != count {
		return nil, bad("%d vectors came for %d texts", len(answer.Data), count)
	}
	vectors := make([][]float32, count)
	for _, d := range answer.Data {
		if d.Index == nil || *d.Index < 0 || *d.Index >= count || vectors[*d.Index] != nil {
			return nil, bad("an index is missing, beyond the texts, or there twice")
		}
		if len(d.Vector) == 0 || len(d.Vector) > mostDimensions {
			return nil, bad("a vector has %d dimensions", len(d.Vector))
		}
		for _, x := range d.Vector {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return nil, bad("a vector is not finite")
			}
		}
		vectors[*d.Index] = d.Vector
	}
	return vectors, nil
}
