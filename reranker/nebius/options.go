package nebius

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Options are the settings of a Client. The zero value talks to Nebius Token
// Factory with the defaults that are given at each field.
//
// Printing Options, in any way, shows no header, no query of a URL and no value
// of Extra.
type Options struct {
	// BaseURL is the host, with or without /v1, or the full URL of the route; empty
	// means https://api.tokenfactory.nebius.com. Plain http is refused except for
	// loopback, see AllowPlainHTTP. A query in it is kept.
	BaseURL string
	// Dialect names the server's words; empty means Nebius.
	Dialect Dialect
	// ServedAs is the name that answers have where the server, such as a gateway,
	// serves the model under an alias: the name of what answers. Scores of any other
	// model than it and the one asked for have a warning, reranker.WarnModelMismatch,
	// and are kept by no cache. Empty means the name asked for.
	ServedAs string
	// Wire, if not nil, takes the place of the dialect's row.
	Wire *Wire
	// NoKey allows an empty key, for servers that take none.
	NoKey bool
	// ProjectID is sent as ai_project_id in the query of the URL, ServiceTier and
	// User in the request, if they are not empty. The dialect must know the last
	// two. A query that has ProjectKey, TierKey or UserKey sends its own.
	ProjectID   string
	ServiceTier ServiceTier
	User        string
	// Instruction tells an instruction-following model what to look for, in the
	// dialect's member or in the prompt of Qwen3; a dialect without either refuses
	// it. A query that has InstructionKey sends its own.
	Instruction string
	// Truncation is how documents are cut: to how many tokens, on which side, and who
	// counts them, for several calls at once. The server cuts where the dialect has
	// members for it; elsewhere the client does, and warns with WarnTruncated. A query
	// that has DocumentTokensKey sets its own number of tokens. The zero value leaves
	// documents as they are; side and counter also hold where a document has to be cut
	// because it does not fit together with the query.
	Truncation reranker.Truncation
	// Price is what tokens and units cost, for reranker.Usage.Cost.
	Price Price
	// Extra are members that are added to every request body. A name that the
	// client sends itself is refused. Servers may refuse what they do not know.
	Extra map[string]any
	// Scale is what the model's scores mean; Unknown takes the dialect's word.
	Scale pipeline.Scale
	// MayWake says that the model is a dedicated endpoint that may be starting: a
	// 404 is then an error of kind overloaded, which may be retried, where it is
	// final otherwise.
	MayWake bool
	// Listwise declares that scores depend on what else is in the call, as with
	// jina-reranker-v3. Such a client must not be sharded, and sends equal texts as
	// often as they occur; elsewhere they are sent once and share the score, because
	// each one is paid for.
	Listwise bool
	// Qwen3, if not nil, writes the prompt of Qwen3-Reranker around query and
	// documents, for servers that run the model without its template. On a server
	// that has the template it must stay nil.
	Qwen3 *Qwen3

	// IgnoreEcho switches off the comparison of the texts that a server repeats
	// with those that were sent. It is on by default, for every dialect that repeats
	// them: a text that is another one refuses the answer, because then the numbers
	// of its results cannot be right; one that is cut short is a warning.
	IgnoreEcho bool
	// SendBlank sends documents without any text; by default they are not sent and
	// are unscored for pipeline.ReasonBlank.
	SendBlank bool
	// Timeout bounds one call, whatever the context allows; 0 means 60 s, negative
	// no bound.
	Timeout time.Duration

	// Concurrency is the number of calls that will be made at once; connections
	// are sized to it. 0 means 8. A connection is made within 1 s, and closed when it
	// was idle for 90 s on https and 4 s on plain http, where servers are met that
	// close at 5 s; who needs other times has an HTTPClient.
	Concurrency int
	// AllowPlainHTTP allows plain http to hosts that are not loopback: texts and
	// key can then be read on the way.
	AllowPlainHTTP bool
	// AllowAddress, if not nil, is asked about the address of every connection
	// after the name was resolved; its error refuses the connection. PublicOnly is
	// one. With a proxy it is asked about the proxy's address.
	AllowAddress func(netip.Addr) error
	// TLS, if not nil, is used for connections: other roots, client certificates.
	// Versions below 1.2 and InsecureSkipVerify are refused.
	TLS *tls.Config
	// Proxy chooses a proxy for a request; nil means http.ProxyFromEnvironment, as
	// in net/http.
	Proxy func(*http.Request) (*url.URL, error)
	// HTTPClient, if not nil, carries the calls, and the connection settings above
	// are its owner's business. Redirects stay off.
	HTTPClient *http.Client

	// OnCall, if not nil, is told about every call that was sent, successful or
	// not, from the goroutine that made it.
	OnCall func(Call)
	// Now tells the time, for Retry-After dates and latencies; nil means time.Now.
	Now func() time.Time
}

// Price is what calls cost, in any currency. The zero value costs nothing.
type Price struct {
	// MillionTokens is the price of a million tokens, ThousandUnits that of a
	// thousand billed units.
	MillionTokens, ThousandUnits float64
}

// of returns the cost of a usage in billionths of the currency.
func (p Price) of(u reranker.Usage) int64 {
	return int64(math.Round(float64(u.Tokens)*p.MillionTokens*1e3 + float64(u.Units)*p.ThousandUnits*1e6))
}

func (p Price) check() error {
	for _, v := range [...]float64{p.MillionTokens, p.ThousandUnits} {
		if !(v >= 0) || v > 1e6 {
			return fmt.Errorf("option Price has the value %v; prices lie between 0 and a million", v)
		}
	}
	return nil
}

// Call tells how one call went. It holds no query, no document and no key.
type Call struct {
	// Model and Documents are what was asked for.
	Model     string
	Documents int
	// RequestBytes and ResponseBytes are the sizes of the bodies.
	RequestBytes, ResponseBytes int
	// Status is the HTTP status, 0 without an answer.
	Status int
	// Latency is the time from sending to the decoded answer.
	Latency time.Duration
	// RequestIDs are the server's names for the call.
	RequestIDs []string
	// Limits are the rate limits that the answer declared.
	Limits reranker.Limits
	// Usage is what the call cost.
	Usage reranker.Usage
	// Err is the error that Score returned; nil for a success.
	Err error
}

const (
	defaultBaseURL     = "https://api.tokenfactory.nebius.com"
	defaultConcurrency = 8
	defaultTimeout     = 60 * time.Second
	idlePlain          = 4 * time.Second
	idleTLS            = 90 * time.Second
)

// String describes the options without anything secret.
func (o Options) String() string {
	return fmt.Sprintf("nebius.Options{BaseURL: %q, Dialect: %q}", bareURL(o.BaseURL), string(o.Dialect))
}

// GoString is String.
func (o Options) GoString() string { return o.String() }

// MarshalJSON writes what String shows.
func (o Options) MarshalJSON() ([]byte, error) {
	return appendString(nil, o.String()), nil
}

// wire returns the row in force after checking what the options say about it.
func (o Options) wire() (Wire, error) {
	w, err := o.Dialect.Wire()
	if o.Wire != nil {
		w, err = *o.Wire, o.Wire.check()
	}
	if err != nil {
		return Wire{}, err
	}
	if o.Scale != pipeline.Unknown {
		w.Scale = o.Scale
	}
	if o.User != "" && !w.User {
		return Wire{}, fmt.Errorf("dialect %q knows no user; leave User empty or put it into Extra", string(o.Dialect))
	}
	if o.ServiceTier != "" && !w.ServiceTier {
		return Wire{}, fmt.Errorf("dialect %q knows no service tier; leave ServiceTier empty", string(o.Dialect))
	}
	return w, errors.Join(o.ServiceTier.check(), o.checkNames(), o.checkNumbers(), o.Price.check())
}

// checkNames checks what has to hold for the attributes of a query as well.
func (o Options) checkNames() error {
	var errs []error
	if o.User != "" {
		errs = append(errs, checkName(UserKey.String(), o.User))
	}
	if o.ProjectID != "" {
		errs = append(errs, checkName(ProjectKey.String(), o.ProjectID))
	}
	return errors.Join(append(errs, checkInstruction(o.instruction()), checkTokens(o.Truncation.Tokens))...)
}

// instruction is what every query tells the model unless it says otherwise.
func (o Options) instruction() string {
	if o.Instruction == "" && o.Qwen3 != nil {
		return o.Qwen3.Instruction
	}
	return o.Instruction
}

// ask returns the client's settings, replaced where the context carries
// attributes of a query.
func (o Options) ask(ctx context.Context) (asked, error) {
	a := asked{user: o.User, project: o.ProjectID, instruction: o.instruction(), tier: o.ServiceTier, tokens: o.Truncation.Tokens}
	var errs [5]error
	if v, ok := UserKey.From(ctx); ok {
		a.user, errs[0] = v, checkName(UserKey.String(), v)
	}
	if v, ok := TierKey.From(ctx); ok {
		a.tier, errs[1] = v, v.check()
	}
	if v, ok := ProjectKey.From(ctx); ok {
		a.project, errs[2] = v, checkName(ProjectKey.String(), v)
	}
	if v, ok := InstructionKey.From(ctx); ok && v != "" {
		a.instruction, errs[3] = v, checkInstruction(v)
	}
	if v, ok := DocumentTokensKey.From(ctx); ok && v != 0 {
		a.tokens, errs[4] = v, checkTokens(v)
	}
	return a, errors.Join(errs[:]...)
}

// countTokens counts or estimates the tokens of a text.
func (o Options) countTokens(text string) int {
	if o.Truncation.Count != nil {
		return o.Truncation.Count(text)
	}
	return (len(text) + 3) / 4
}

// truncation cuts documents to so many tokens.
func (o Options) truncation(tokens int) reranker.Truncation {
	return reranker.Truncation{Tokens: tokens, Front: o.Truncation.Front, Count: o.Truncation.Count}
}

// timeout bounds one call; 0 means no bound.
func (o Options) timeout() time.Duration {
	if o.Timeout < 0 {
		return 0
	}
	return or(o.Timeout, defaultTimeout)
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// limitFor returns how many bytes of a decoded answer to a request are read. Echoed
// text makes answers about as large as requests.
func limitFor(request int) int64 {
	r := int64(request)
	return max(min(32<<20, 1<<20+8*r), 1<<20+2*r)
}

func (o Options) checkNumbers() error {
	switch {
	case o.Concurrency < 0:
		return fmt.Errorf("option Concurrency is %d; it must be at least 1, or 0 for %d", o.Concurrency, defaultConcurrency)
	case o.TLS != nil && o.TLS.InsecureSkipVerify:
		return errors.New("TLS.InsecureSkipVerify is refused: put the server's certificate into TLS.RootCAs")
	}
	return nil
}
