package nebius

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// door decides who is let in before anything of a request is read.
type door struct {
	keys    [][sha256.Size]byte
	hosts   []string
	origins []string
}

func newDoor(o HandlerOptions) (*door, error) {
	d := &door{hosts: o.Hosts, origins: o.Origins}
	for _, k := range o.Keys {
		if k = strings.TrimSpace(k); k == "" {
			return nil, errors.New("one of the handler's keys is empty: leave it out, or leave Keys empty to let everybody in")
		}
		d.keys = append(d.keys, sha256.Sum256([]byte(k)))
	}
	for _, origin := range o.Origins {
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Host == "" || u.Path != "") {
			return nil, fmt.Errorf("origin %q of the handler is not like https://example.com", origin)
		}
	}
	return d, nil
}

// denied says why a request may not pass, nil if it may.
func (d *door) denied(r *http.Request) *answer {
	if a := d.stranger(r); a != nil {
		return a
	}
	if said := d.unknown(r); said != "" {
		return detail(http.StatusUnauthorized, said).with("WWW-Authenticate", "Bearer")
	}
	return nil
}

// unknown says why a key is not good. The time that it takes does not depend on
// how much of a key was right.
func (d *door) unknown(r *http.Request) string {
	if len(d.keys) == 0 {
		return ""
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(key) == "" {
		return "Not authenticated"
	}
	given := sha256.Sum256([]byte(strings.TrimSpace(key)))
	allowed := 0
	for i := range d.keys {
		allowed |= subtle.ConstantTimeCompare(given[:], d.keys[i][:])
	}
	if allowed == 0 {
		return "Invalid API key"
	}
	return ""
}

// stranger refuses what a web page in somebody's browser could send to a server
// on the same machine or network: requests of another origin, and names that
// were made to point here.
func (d *door) stranger(r *http.Request) *answer {
	host := hostname(r.Host)
	if !d.knows(host, r) {
		return detail(http.StatusForbidden, "This server does not answer to the host name of the request")
	}
	origin := r.Header.Get("Origin")
	if origin == "" || d.allows(origin) {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	return detail(http.StatusForbidden, "Requests of other origins are not allowed")
}

// knows reports whether the server answers to a host. Without a list, a server
// that is reached over loopback and takes no keys answers to loopback only.
func (d *door) knows(host string, r *http.Request) bool {
	if len(d.hosts) > 0 {
		return slices.ContainsFunc(d.hosts, func(h string) bool { return h == "*" || strings.EqualFold(h, host) })
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || len(d.keys) > 0 || !loopback(hostname(local.String())) {
		return true
	}
	return loopback(host) || strings.HasSuffix(strings.ToLower(host), ".localhost")
}

func (d *door) allows(origin string) bool {
	return slices.ContainsFunc(d.origins, func(o string) bool { return o == "*" || strings.EqualFold(o, origin) })
}

// hostname takes the port off.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// allow tells a browser what pages of an allowed origin may do, and answers its
// question before a request.
func (d *door) allow(w http.ResponseWriter, r *http.Request) (preflight bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || !d.allows(origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Add("Vary", "Origin")
	w.Header().Set("Access-Control-Expose-Headers", "X-Request-Id, X-Rerank-Mode, X-Rerank-Unscored, X-Rerank-Attempts, X-Rerank-Listwise")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	w.Header().Set("Access-Control-Max-Age", "600")
	return true
}

// unreadable says why the body of a request cannot be read as JSON. A request
// without a content type passes if no browser sent it.
func unreadable(r *http.Request) *answer {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return detail(http.StatusUnsupportedMediaType, "Content-Encoding is not supported; send the body as it is")
	}
	given := r.Header.Get("Content-Type")
	if given == "" && r.Header.Get("Origin") == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(given)
	charset := strings.ToLower(params["charset"])
	if err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) && (charset == "" || charset == "utf-8" || charset == "utf8") {
		return nil
	}
	return detail(http.StatusUnsupportedMediaType, "Content-Type must be application/json, in UTF-8")
}
