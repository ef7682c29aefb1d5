package nebius

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Client is a reranker.Scorer that asks a rerank server. One call of Score is
// at most one request; connections are shared by all calls. It is safe for
// concurrent use.
//
// Printing a Client, in any way, shows neither the key nor a URL's query.
type Client struct {
	core    *core
	options Options
	key     secret
}

// core is everything that a client does not copy.
type core struct {
	model     string
	wire      Wire
	frame     frame
	endpoint  endpoint
	redactor  redactor
	http      *http.Client
	transport *http.Transport // nil if the caller owns it
	buffers   buffers
	warned    atomic.Bool // of a missing template
	closed    atomic.Bool
}

// New makes a client for a model. Space around the key is removed; an empty key
// is an error unless Options.NoKey allows it. The options are checked, nothing
// is sent; see Client.Check. Errors are *reranker.Error of kind config.
func New(key, model string, o Options) (*Client, error) {
	w, err := o.wire()
	if err != nil {
		return nil, configError("new", err)
	}
	if model == "" && w.ModelKey != "" {
		return nil, configError("new", errors.New("the model is empty"))
	}
	s, err := newSecret(key, !o.NoKey)
	if err != nil {
		return nil, configError("new", err)
	}
	e, err := resolve(o, w, model)
	if err != nil {
		return nil, configError("new", err)
	}
	f, err := newFrame(w, model, o)
	if err != nil {
		return nil, configError("new", err)
	}
	c := &core{model: model, wire: w, frame: f, endpoint: e, redactor: newRedactor(s.value())}
	c.http, c.transport = o.httpClient(e.plain)
	return &Client{core: c, options: o, key: s}, nil
}

func configError(verb string, err error) error {
	return &reranker.Error{Kind: reranker.KindConfig, Op: "nebius: " + verb, Err: err}
}

// Clone returns a client with the same settings and connections of its own, for
// a hedge that must not travel on the connection of the call that it hedges. A
// caller's HTTPClient stays shared.
func (c *Client) Clone() *Client {
	twin, err := New(c.key.value(), c.core.model, c.options)
	if err != nil {
		panic("nebius: options that were accepted once are refused: " + err.Error()) // cannot happen
	}
	return twin
}

// Close ends idle connections; those in use end with their calls. Calls that
// are made later fail. A caller's HTTPClient is left alone. Close may be called
// several times and always returns nil.
func (c *Client) Close() error {
	c.core.closed.Store(true)
	c.core.release()
	return nil
}

// release drops connections that went idle after Close.
func (c *core) release() {
	if c.transport != nil && c.closed.Load() {
		c.transport.CloseIdleConnections()
	}
}

// Wire returns the row of the dialect in force, with the limits that a
// scheduler packs calls by.
func (c *Client) Wire() Wire { return c.core.wire }

// Model returns the model that is asked for.
func (c *Client) Model() string { return c.core.model }

// Describe implements pipeline.Describer.
func (c *Client) Describe() pipeline.Node {
	o := c.options
	name := string(or(o.Dialect, Nebius))
	settings := []pipeline.Setting{
		{Name: "model", Value: c.core.model},
		{Name: "url", Value: c.core.endpoint.shown},
		{Name: "dialect", Value: name},
		{Name: "scale", Value: c.core.wire.Scale.String()},
		{Name: "concurrency", Value: strconv.Itoa(or(o.Concurrency, defaultConcurrency))},
		{Name: "timeout", Value: c.timeout().String()},
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"lenient", o.Lenient}, {"check echo", o.CheckEcho}, {"qwen3 prompt", o.Qwen3 != nil}, {"listwise", o.Listwise}, {"may wake", o.MayWake}, {"send blank", o.SendBlank}, {"send duplicates", o.SendDuplicates}} {
		if flag.on {
			settings = append(settings, pipeline.Setting{Name: flag.name, Value: "on"})
		}
	}
	return pipeline.Node{Name: "nebius", Settings: settings, Facts: pipeline.Facts{Scale: c.core.wire.Scale, Listwise: o.Listwise}}
}

func (c *Client) timeout() time.Duration {
	if c.options.Timeout < 0 {
		return 0
	}
	return or(c.options.Timeout, defaultTimeout)
}

func (c *Client) now() time.Time {
	if c.options.Now != nil {
		return c.options.Now()
	}
	return time.Now()
}

// String names the model and the address.
func (c Client) String() string {
	if c.core == nil {
		return "nebius.Client{}"
	}
	return fmt.Sprintf("nebius.Client{model: %q, url: %q}", c.core.model, c.core.endpoint.shown)
}

// GoString is String.
func (c Client) GoString() string { return c.String() }

// MarshalJSON writes what String shows.
func (c Client) MarshalJSON() ([]byte, error) { return appendString(nil, c.String()), nil }
