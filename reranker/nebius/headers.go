package nebius

import "net/http"

// headers sets several headers of one request, whose values share one piece of
// memory.
type headers struct {
	of     http.Header
	values []string
}

// set does what http.Header.Set does.
func (h *headers) set(name, value string) {
	h.values = append(h.values, value)
	n := len(h.values)
	h.of[http.CanonicalHeaderKey(name)] = h.values[n-1 : n : n]
}
