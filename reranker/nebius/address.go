package nebius

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// endpoint is a checked base URL: where calls go and where models are listed.
type endpoint struct {
	rerank string // with the query
	models string // empty if the dialect has no such route
	shown  string // rerank without the query, for messages
	host   string
	plain  bool
}

// resolve makes one correct URL of what people paste: a host, a host with /v1,
// or the whole route, with or without a slash at the end and a query.
func resolve(o Options, w Wire, model string) (endpoint, error) {
	base := strings.TrimSpace(o.BaseURL)
	if base == "" {
		if o.Dialect != "" && o.Dialect != Nebius || o.Wire != nil {
			return endpoint{}, fmt.Errorf("dialect %q needs a BaseURL", string(o.Dialect))
		}
		base = defaultBaseURL
	}
	u, err := url.Parse(base)
	if err != nil {
		return endpoint{}, errors.New("BaseURL cannot be parsed") // the parser's error repeats the URL
	}
	if err := checkURL(u, o.AllowPlainHTTP); err != nil {
		return endpoint{}, err
	}
	query, err := withProject(u.Query(), u.RawQuery, o.ProjectID)
	if err != nil {
		return endpoint{}, err
	}
	route := join(u.Path, strings.ReplaceAll(w.Path, "{model}", model))
	at := func(p, q string) string {
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: p, RawQuery: q}).String()
	}
	e := endpoint{rerank: at(route, query), shown: at(route, ""), host: u.Host, plain: u.Scheme == "http"}
	if w.Models != "" {
		e.models = at(modelsRoute(route, w.Models), query)
	}
	return e, nil
}

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

// withProject adds ai_project_id to a query that is kept as it was written.
func withProject(values url.Values, raw, project string) (string, error) {
	if project == "" {
		return raw, nil
	}
	if there := values.Get("ai_project_id"); there != "" {
		if there != project {
			return "", errors.New("BaseURL and ProjectID name different projects")
		}
		return raw, nil
	}
	if raw != "" {
		raw += "&"
	}
	return raw + "ai_project_id=" + url.QueryEscape(project), nil
}

// join puts the route behind the base path without doubling what the base has.
func join(base, route string) string {
	base = strings.TrimRight(base, "/")
	switch last := path.Base(base); {
	case last == path.Base(route), last == "rerank", last == "reranking", last == "ranking":
		return base
	case version(last) && version(firstSegment(route)):
		return strings.TrimSuffix(base, "/"+last) + route
	}
	return base + route
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
	parent := strings.TrimRight(path.Dir(route), "/.")
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
