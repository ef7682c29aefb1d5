package endpoint

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rankcascade/cascade/retriever/embed"
)

// Options sets a client of an endpoint. The zero value asks Nebius Token
// Factory.
type Options struct {
	// BaseURL is what stands in front of "/embeddings"; empty means
	// https://api.tokenfactory.nebius.com/v1. Plain http is refused for other
	// hosts than this machine, unless NoKey is set.
	BaseURL string
	// NoKey allows an empty key, for servers that want none.
	NoKey bool
	// QueryPrefix and PassagePrefix stand in front of each query and passage.
	QueryPrefix, PassagePrefix string
	// Dimensions asks for shorter vectors, where the model has them; 0 does not
	// ask.
	Dimensions int
	// Batch is the most texts, and BatchBytes the most bytes of text, in a call; 0
	// means 64 and 256 KiB. A text that is longer goes alone. A call that the
	// server refuses as too large is divided.
	Batch, BatchBytes int
	// Concurrency is the most calls at once, for each use of the client; 0 means 4.
	Concurrency int
	// Attempts is how often a call is made that fails for a reason that may pass: a
	// full quota, an overloaded server, a broken connection; 0 means 4.
	Attempts int
	// Timeout bounds one attempt; 0 means 30 seconds.
	Timeout time.Duration
	// Cache remembers vectors; nil remembers nothing.
	Cache *embed.Cache
	// Progress, if set, is told how many texts of a call are done.
	Progress func(done, total int)
	// HTTPClient carries the calls; nil means one of the client's own. Redirects
	// are not followed.
	HTTPClient *http.Client
}

const (
	defaultBaseURL = "https://api.tokenfactory.nebius.com/v1"
	mostWait       = time.Minute // that a server's Retry-After is obeyed
	mostDimensions = 1 << 16
)

func (o Options) withDefaults() (Options, error) {
	for name, v := range map[string]int{
		"Dimensions": o.Dimensions, "Batch": o.Batch, "BatchBytes": o.BatchBytes, "Concurrency": o.Concurrency, "Attempts": o.Attempts, "Timeout": int(o.Timeout),
	} {
		if v < 0 {
			return o, fmt.Errorf("endpoint: %s is %d: set at least 1, or 0 for the default", name, v)
		}
	}
	set := func(v *int, otherwise int) {
		if *v == 0 {
			*v = otherwise
		}
	}
	set(&o.Batch, 64)
	set(&o.BatchBytes, 256<<10)
	set(&o.Concurrency, 4)
	set(&o.Attempts, 4)
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBaseURL
	}
	return o, nil
}

var _ embed.Embedder = (*Client)(nil)

// New makes a client for a model behind an endpoint. It asks nothing yet. Errors
// of calls are *Error.
func New(key, model string, o Options) (*Client, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if model == "" {
		return nil, fmt.Errorf("endpoint: the model is empty: name one that the server has")
	}
	if key == "" && !o.NoKey {
		return nil, fmt.Errorf("endpoint: the key is empty: set it, or NoKey for a server that wants none")
	}
	if strings.ContainsAny(key, "\r\n") {
		return nil, fmt.Errorf("endpoint: the key holds a line break")
	}
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("endpoint: BaseURL is no http or https address with a host")
	}
	if host := base.Hostname(); base.Scheme == "http" && key != "" && host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return nil, fmt.Errorf("endpoint: BaseURL is plain http, which would show the key to others: use https")
	}
	c := &Client{options: o, endpoint: base.JoinPath("embeddings").String(), key: key, model: model, http: &http.Client{}}
	if o.HTTPClient != nil {
		copied := *o.HTTPClient
		c.http = &copied
	} else {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxConnsPerHost, t.MaxIdleConnsPerHost = o.Concurrency, o.Concurrency
		c.http.Transport = t
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Front = embed.NewFront(fmt.Sprintf("http %q %q %d", c.endpoint, model, o.Dimensions), c.compute, embed.FrontOptions{
		QueryPrefix: o.QueryPrefix, PassagePrefix: o.PassagePrefix, Cache: o.Cache, Progress: o.Progress,
	})
	return c, nil
}
