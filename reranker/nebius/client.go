package nebius

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

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

var (
	_ reranker.Scorer    = (*Client)(nil)
	_ reranker.Varying   = (*Client)(nil)
	_ reranker.Bounded   = (*Client)(nil)
	_ reranker.Fitter    = (*Client)(nil)
	_ pipeline.Describer = (*Client)(nil)
)

// New makes a client for a model. Space around the key is removed; an empty key
// is an error unless Options.NoKey allows it. The options are checked, nothing
// is sent; see Client.Check. Errors are *reranker.Error of kind config.
func New(key, model string, o Options) (*Client, error) {
	c, err := newCore(model, o)
	if err != nil {
		return nil, configError("new", err)
	}
	s, err := newSecret(key, !o.NoKey)
	if err != nil {
		return nil, configError("new", err)
	}
	c.redactor = newRedactor(s.value())
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

// Wire returns the row of the dialect in force.
func (c *Client) Wire() Wire { return c.core.wire }

// Model returns the model that is asked for.
func (c *Client) Model() string { return c.core.model }

// Bounds implements reranker.Bounded with the limits of the dialect, for whoever
// packs calls, such as reranker.Shard. The client itself does not enforce them.
func (c *Client) Bounds() reranker.Bounds {
	w := c.core.wire
	return reranker.Bounds{Documents: w.MaxDocuments, Tokens: w.MaxTokens, PairTokens: w.MaxPairTokens}
}

// Fit implements reranker.Fitter by Options.Truncation. An
// instruction and the prompt of Qwen3 take their room.
func (c *Client) Fit(ctx context.Context, query, document string, tokens int) string {
	count := c.options.countTokens
	room := reranker.PairRoom(tokens)
	asked, _ := c.options.ask(ctx)
	if q := c.options.Qwen3; q != nil {
		query, room = q.query(query, asked.instruction), room-count(q.document(""))
	} else if asked.instruction != "" {
		room -= count(asked.instruction)
	}
	if room -= count(query); room < 1 {
		return ""
	}
	short, _ := c.options.truncation(room).Of(document)
	return short
}

// Variant implements reranker.Varying: everything beside query and document
// that changes a score of this client.
func (c *Client) Variant(ctx context.Context) string {
	a, _ := c.options.ask(ctx)
	if a.instruction == c.core.defaults.instruction && a.tokens == c.core.defaults.tokens {
		return c.core.variant
	}
	return c.core.variant + "\x00" + a.instruction + "\x00" + strconv.Itoa(a.tokens)
}

// Score asks the server for the score of each document, in one request.
// Documents without text are not sent, and equal documents are sent once, see
// Options. No document to send means no request. An error is a *reranker.Error;
// an empty query and an attribute of the query that is not allowed are of kind
// config. A document whose score is missing, null or no number is unscored for
// pipeline.ReasonBadResponse, with a cause; asked for again, alone, it may get
// one. The arguments are not kept.
func (c *Client) Score(ctx context.Context, query string, documents []string) (scores reranker.Scores, err error) {
	defer guard(opRerank, &err)
	ctx, span := pipeline.Begin(ctx, pipeline.KindCall, "rerank")
	defer func() { endCall(span, len(documents), scores, err) }()
	return c.score(ctx, query, documents)
}

// endCall tells whoever observes the query what came of the call.
func endCall(span *pipeline.Span, documents int, scores reranker.Scores, err error) {
	if !span.Active() {
		return
	}
	span.Int("documents", documents)
	if scores.Model != "" {
		span.Text("model", scores.Model)
	}
	span.Int("tokens", scores.Usage.Tokens)
	if len(scores.RequestIDs) > 0 {
		span.Text("request_id", scores.RequestIDs[0])
	}
	span.End(err)
}

func (c *Client) score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: c.core.wire.Scale}
	if len(documents) == 0 {
		return scores, nil
	}
	switch {
	case ctx.Err() != nil:
		return reranker.Scores{}, canceled(ctx, opRerank)
	case c.core.closed.Load():
		return reranker.Scores{}, configError("rerank", errors.New("the client is closed: make a new one"))
	case blank(query):
		return reranker.Scores{}, configError("rerank", errors.New("the query has no text: ask with text"))
	}
	a := &attempt{witness: witness{core: c.core, ctx: ctx, query: query}, key: c.key}
	missing, err := a.ask()
	if err != nil {
		return reranker.Scores{}, configError("rerank", err)
	}
	b := newBatch(c.core, a.asked, documents)
	b.unsent(&scores)
	if len(b.texts) == 0 {
		return scores, nil
	}
	a.texts, a.inner = b.texts, b.inner
	r, err := a.do()
	if err != nil {
		return reranker.Scores{}, err
	}
	b.fill(&scores, r)
	scores.Usage, scores.Model, scores.RequestIDs, scores.Limits = r.usage, a.name(r.model), a.ids, a.limits
	scores.Attributes = a.asked.settings()
	scores.Warnings = (&findings{attempt: a, reply: r, missing: missing, cut: b.cut}).all()
	if n := len(b.texts) - r.count(); n > 0 {
		scores.Causes = append(scores.Causes, a.lost(n, r.doubt))
	}
	return scores, nil
}

// Models asks which models the server has and returns their names in its order.
// Errors are those of Score; a dialect without such a route gives one of kind
// config.
func (c *Client) Models(ctx context.Context) (names []string, err error) {
	defer guard("nebius: models", &err)
	if ctx.Err() != nil {
		return nil, canceled(ctx, "nebius: models")
	}
	if c.core.endpoint.models == "" {
		return nil, configError("models", errors.New("the dialect has no route that lists models"))
	}
	a := &attempt{witness: witness{core: c.core, ctx: ctx}, key: c.key}
	names, err = a.list()
	if err != nil {
		var e *reranker.Error
		if errors.As(err, &e) {
			e.Op = "nebius: models"
		}
		return nil, err
	}
	return names, nil
}

// Check asks whether the server is there, takes the key and has the model,
// without scoring anything. A model that is missing is an error of kind
// model_not_found that names models that look like rerankers. Dialects whose
// requests name no model are not checked for one.
func (c *Client) Check(ctx context.Context) error {
	names, err := c.Models(ctx)
	if err != nil {
		return err
	}
	if c.core.wire.ModelKey == "" || slices.Contains(names, c.core.model) {
		return nil
	}
	var near []string
	for _, n := range names {
		if strings.EqualFold(n, c.core.model) || strings.Contains(strings.ToLower(n), "rerank") {
			near = append(near, n)
		}
	}
	said := "model " + quoted(c.core.model) + " is not among the models of the server; names are case-sensitive"
	if len(near) > 0 {
		said += "; rerankers there: " + strings.Join(near[:min(len(near), 5)], ", ")
	} else {
		said += ", and none of them looks like a reranker"
	}
	return &reranker.Error{Kind: reranker.KindModelNotFound, Op: "nebius: check", Message: c.core.redactor.text(said, maxMessage)}
}

// Describe implements pipeline.Describer. The user is a person and not shown.
func (c *Client) Describe() pipeline.Node {
	o := c.options
	settings := []pipeline.Setting{
		{Name: "model", Value: c.core.model},
		{Name: "url", Value: c.core.endpoint.shown},
		{Name: "dialect", Value: string(or(o.Dialect, Nebius))},
		{Name: "scale", Value: c.core.wire.Scale.String()},
		{Name: "concurrency", Value: strconv.Itoa(or(o.Concurrency, defaultConcurrency))},
		{Name: "timeout", Value: o.timeout().String()},
	}
	for _, s := range c.core.defaults.settings() {
		if s.Name == UserKey.String() {
			s.Value = "set"
		}
		settings = append(settings, s)
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"ignore echo", o.IgnoreEcho}, {"qwen3 prompt", o.Qwen3 != nil}, {"listwise", o.Listwise}, {"may wake", o.MayWake}, {"send blank", o.SendBlank}} {
		if flag.on {
			settings = append(settings, pipeline.Setting{Name: flag.name, Value: "on"})
		}
	}
	return pipeline.Node{Name: "nebius", Settings: settings, Facts: pipeline.Facts{Scale: c.core.wire.Scale, Listwise: c.Listwise()}}
}

// Listwise reports whether scores depend on what else is in the call: because
// Options.Listwise says so, or because an answer of the server did, as a Handler
// around such a scorer does by the header X-Rerank-Listwise. A reranker.Shard then
// sends a query in one call.
func (c *Client) Listwise() bool { return c.options.Listwise || c.core.listwise.Load() }

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

// core is everything that a client does not copy.
type core struct {
	model     string
	options   Options
	wire      Wire
	defaults  asked
	variant   string
	frame     frame
	endpoint  endpoint
	redactor  redactor
	http      *http.Client
	transport *http.Transport // nil if the caller owns it
	buffers   buffers
	templated atomic.Bool // a missing template was warned of
	outside   atomic.Bool // a score outside of the scale was warned of
	lacking   atomic.Bool // an incomplete answer was warned of
	listwise  atomic.Bool // the server said that its scores depend on the whole call
	closed    atomic.Bool
}

func newCore(model string, o Options) (*core, error) {
	w, err := o.wire()
	if err != nil {
		return nil, err
	}
	if model == "" && w.ModelKey != "" {
		return nil, errors.New("the model is empty: pass its name as the server knows it")
	}
	defaults, err := o.ask(context.Background())
	if err != nil {
		return nil, err
	}
	if _, err := defaults.fit(w, o); err != nil {
		return nil, err
	}
	e, err := resolve(o, w, model)
	if err != nil {
		return nil, err
	}
	f, err := newFrame(w, model, o, defaults)
	if err != nil {
		return nil, err
	}
	c := &core{model: model, options: o, wire: w, defaults: defaults, variant: variantOf(w, model, o), frame: f, endpoint: e}
	c.http, c.transport = newHTTPClient(o, e.plain())
	return c, nil
}

// dialect is the name of the dialect.
func (c *core) dialect() string { return string(or(c.options.Dialect, Nebius)) }

// release drops connections that went idle after Close.
func (c *core) release() {
	if c.transport != nil && c.closed.Load() {
		c.transport.CloseIdleConnections()
	}
}

// authorize sets the headers that every request to the server has.
func (c *core) authorize(req *http.Request, key secret) {
	h := headers{of: req.Header, values: make([]string, 0, len(c.wire.Header)+4)}
	if req.Body != nil {
		h.set("Content-Type", "application/json")
	}
	h.set("Accept", "application/json")
	h.set("User-Agent", "cascade-nebius")
	for _, f := range c.wire.Header {
		h.set(f.Name, f.JSON)
	}
	switch key := key.value(); {
	case key == "":
	case c.wire.KeyHeader != "":
		h.set(c.wire.KeyHeader, c.wire.KeyPrefix+key)
	default:
		h.set("Authorization", "Bearer "+key)
	}
}
