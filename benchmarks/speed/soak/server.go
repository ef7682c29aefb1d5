package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// faulty wraps the honest handler and breaks a share of the answers.
type faulty struct {
	honest http.Handler
	share  float64

	mu   sync.Mutex
	rand *rand.Rand
}

func newServer(share float64, seed uint64) *httptest.Server {
	return httptest.NewServer(&faulty{
		honest: nebius.Handler(lexical.New(lexical.Options{}), nebius.HandlerOptions{}),
		share:  share, rand: rand.New(rand.NewPCG(seed, seed)),
	})
}

func (f *faulty) draw() (broken bool, kind int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rand.Float64() < f.share, f.rand.IntN(1 + 7*30)
}

// ServeHTTP answers honestly or with one of eight faults. A rate limit is thirty
// times rarer than the others, because one holds all calls for a second.
func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	broken, kind := f.draw()
	if !broken {
		f.honest.ServeHTTP(w, r)
		return
	}
	if kind == 0 {
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"detail":"slow down"}`, http.StatusTooManyRequests)
		return
	}
	switch kind % 7 {
	case 0:
		http.Error(w, `{"detail":"overloaded"}`, http.StatusServiceUnavailable)
	case 1:
		http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway)
	case 2:
		reset(w)
	case 3:
		select {
		case <-time.After(300 * time.Millisecond):
			f.honest.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	case 4:
		fmt.Fprint(w, `{"results":[{"index":0,"relevance_score":0.5},{"index":0,"relevance_score":0.4}]}`)
	case 5:
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, `{"results":[`)
	case 6:
		fmt.Fprint(w, `null`)
	}
}

// reset cuts the connection without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
