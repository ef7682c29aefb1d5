package nebius

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// endpoint is a checked base URL: where calls go and where models are listed.
type endpoint struct {
	route  url.URL // of rerank, with the query as it was written, without the project
	rerank string  // with the query and the client's project
	models string  // empty if the dialect has no such route
	shown  string  // rerank without the query, for messages
}

// resolve makes one correct URL of what people paste: a host, a host with /v1,
// or the whole route, which is then used as it is written.
func resolve(o Options, w Wire, model string) (endpoint, error) {
	u, err := base(o)
	if err != nil {
		return endpoint{}, err
	}
	if there := u.Query().Get(projectName); there != "" && o.ProjectID != "" && there != o.ProjectID {
		return endpoint{}, errors.New("BaseURL and ProjectID name different projects: leave one of them out")
	}
	route := (&url.URL{Path: strings.ReplaceAll(w.Path, "{model}", model)}).EscapedPath()
	e := endpoint{route: withPath(u, join(u.EscapedPath(), route))}
	e.rerank = e.of(o.ProjectID)
	e.shown = bareURL(e.route.String())
	if w.Models != "" {
		list := withPath(e.route, modelsRoute(e.route.EscapedPath(), w.Models))
		e.models = (endpoint{route: list}).of(o.ProjectID)
	}
	return e, nil
}

// base reads and checks the URL of the options.
func base(o Options) (url.URL, error) {
	raw := strings.TrimSpace(o.BaseURL)
	if raw == "" {
		if o.Dialect != "" && o.Dialect != Nebius || o.Wire != nil {
			return url.URL{}, fmt.Errorf("dialect %q needs a BaseURL", string(o.Dialect))
		}
		raw = defaultBaseURL
	}
	u, err := url.Parse(raw)
	if err != nil {
		return url.URL{}, errors.New("BaseURL cannot be parsed: write https://host or https://host/path") // the parser's error repeats the URL
	}
	return *u, checkURL(u, o.AllowPlainHTTP)
}

// withPath returns u with another path, whose escapes stay as they are.
func withPath(u url.URL, escaped string) url.URL {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		path = escaped
	}
	u.Path, u.RawPath = path, escaped
	return u
}

const projectName = "ai_project_id"

// of returns the URL of rerank for a project; empty leaves the query as it is.
func (e endpoint) of(project string) string {
	u := e.route
	if project == "" || u.Query().Get(projectName) == project {
		return u.String()
	}
	if u.Query().Has(projectName) {
		kept := slices.DeleteFunc(strings.Split(u.RawQuery, "&"), func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return name == projectName
		})
		u.RawQuery = strings.Join(kept, "&")
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += projectName + "=" + url.QueryEscape(project)
	return u.String()
}

// plain reports whether calls travel unencrypted.
func (e endpoint) plain() bool { return e.route.Scheme == "http" }

func checkURL(u *url.URL, allowPlain bool) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("BaseURL %q is not an address with https:// and a host", bareURL(u.Redacted()))
	case u.User != nil:
		return errors.New("BaseURL has user information in it; pass the key to New")
	case u.Fragment != "":
		return errors.New("BaseURL has a fragment (#...) in it; remove it")
	case u.Scheme == "http" && !allowPlain && !loopback(u.Hostname()):
		return fmt.Errorf("BaseURL http://%s would send texts and key unencrypted; use https, or set AllowPlainHTTP", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// join puts the route behind the base path without doubling what the base has. A
// base that names a route itself is left as it is, a slash at its end included.
func join(base, route string) string {
	trimmed := strings.TrimRight(base, "/")
	switch last := path.Base(trimmed); {
	case last == path.Base(route), slices.Contains([]string{"rerank", "reranks", "reranking", "ranking", "text-rerank"}, last):
		return base
	case version(last) && version(firstSegment(route)):
		return strings.TrimSuffix(trimmed, "/"+last) + route
	}
	return trimmed + route
}

func firstSegment(p string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return first
}

// version reports whether a segment is like "v1".
func version(segment string) bool {
	return len(segment) == 2 && segment[0] == 'v' && segment[1] >= '1' && segment[1] <= '9'
}

// modelsRoute puts the list of models beside the rerank route, whose prefix
// may hold more than the host.
func modelsRoute(route, models string) string {
	parent := strings.TrimRight(path.Dir(strings.TrimRight(route, "/")), "/.")
	if v := path.Base(parent); version(v) {
		parent = strings.TrimSuffix(parent, "/"+v)
	}
	return parent + models
}

// bareURL cuts off what may hold secrets: user information and query.
func bareURL(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	raw, _, _ = strings.Cut(raw, "#")
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		host, tail, slash := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			host = host[at+1:]
		}
		raw = scheme + "://" + host
		if slash {
			raw += "/" + tail
		}
	}
	return raw
}

// PublicOnly refuses addresses that are not on the public internet: loopback,
// private, link-local (cloud metadata among them), multicast and unspecified
// ones. It is meant for Options.AllowAddress where a URL comes from outside.
func PublicOnly(a netip.Addr) error {
	a = a.Unmap()
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsValid() ||
		netip.MustParsePrefix("100.64.0.0/10").Contains(a) {
		return fmt.Errorf("address %s is not public", a)
	}
	return nil
}
