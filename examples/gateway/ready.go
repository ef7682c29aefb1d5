package main

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/rankcascade/cascade/reranker"
)

// readiness says whether a balancer may send calls here. It depends on nothing that
// other gateways depend on as well: if Redis or the upstreams were down, a balancer
// would take all of them out, and callers would lose the answer that says why.
type readiness struct {
	leaving  atomic.Bool // the program is about to end
	endpoint *reranker.Endpoint
	together *together
}

// ServeHTTP answers 200 while the gateway takes calls and 503 from the moment at which
// it is told to end.
func (r *readiness) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	said := struct {
		Status    string `json:"status"`
		Upstreams string `json:"upstreams,omitempty"`
		Redis     string `json:"redis"`
		Processes int    `json:"processes,omitempty"`
	}{Status: "ready", Redis: r.together.standing(q.Context())}
	if r.endpoint != nil {
		state := r.endpoint.State()
		said.Upstreams, said.Processes = state.Breaker.String(), state.Shared.Processes
	}
	status := http.StatusOK
	if r.leaving.Load() {
		said.Status, status = "leaving", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}
