package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
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
	b.WriteString("endpoint: ask for vectors")
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
