package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/sourcegraph/conc/pool"
)

// Client asks an endpoint that speaks OpenAI's form. It is safe for concurrent
// use.
type Client struct {
	embed.Front
	options  Options
	endpoint string
	key      string
	model    string
	http     *http.Client
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

// Close closes idle connections of a transport of the client's own.
func (c *Client) Close() error {
	if c.options.HTTPClient == nil {
		c.http.CloseIdleConnections()
	}
	return nil
}

// compute asks for the texts in batches, several at once.
func (c *Client) compute(ctx context.Context, texts []string, done func(i int, vector []float32)) error {
	told := teller{done: done}
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(c.options.Concurrency)
	for first := 0; first < len(texts); {
		count := c.fits(texts[first:])
		batch, at := texts[first:first+count], first
		p.Go(func(ctx context.Context) error { return c.divide(ctx, batch, at, &told) })
		first += count
	}
	return p.Wait()
}

// fits is how many of the texts one call takes.
func (c *Client) fits(texts []string) int {
	size := 0
	for i, text := range texts {
		if size += len(text); i > 0 && (i == c.options.Batch || size > c.options.BatchBytes) {
			return i
		}
	}
	return len(texts)
}

// divide asks for a batch, and for its halves if the server finds it too large.
func (c *Client) divide(ctx context.Context, texts []string, at int, told *teller) error {
	vectors, err := c.ask(ctx, texts)
	if err == nil {
		return told.tell(at, vectors)
	}
	if len(texts) == 1 || !err.tooLarge() {
		return err
	}
	half := len(texts) / 2
	if err := c.divide(ctx, texts[:half], at, told); err != nil {
		return err
	}
	return c.divide(ctx, texts[half:], at+half, told)
}
