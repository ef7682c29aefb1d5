package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed page.html
var page string

// maxAsking is how many questions are answered at a time; more are told to come
// back, so that memory is bounded.
const maxAsking = 128

// serve serves the page until ctx ends, and then gives answers a moment to end.
func serve(ctx context.Context, listener net.Listener, b *bot) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: handler(b), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	b.wait.Go(func() { ended <- server.Serve(listener) })
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	if err := server.Shutdown(grace); err != nil {
		return server.Close() // whoever opens a connection and asks nothing holds Shutdown up
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handler(b *bot) http.Handler {
	mux := http.NewServeMux()
	policy := "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src data:; script-src " +
		hashOf("<script>", "</script>") + "; style-src " + hashOf("<style>", "</style>")
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	})
	mux.HandleFunc("POST /api/session", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"session": b.sessions.begin(), "about": b.about, "writes": b.writes(), "passages": b.size(), "left": strings.TrimPrefix(b.left, "; ")})
	})
	mux.HandleFunc("GET /api/passage", b.passage)
	slots := make(chan struct{}, maxAsking)
	mux.HandleFunc("POST /api/ask", func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			b.answerTo(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusServiceUnavailable, errors.New("too many questions at once: try again in a moment"))
		}
	})
	return guarded(mux)
}

// hashOf is the source of a policy for what stands between the tags of the page.
func hashOf(open, end string) string {
	_, rest, _ := strings.Cut(page, open)
	body, _, _ := strings.Cut(rest, end)
	sum := sha256.Sum256([]byte(body))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// guarded refuses requests that other pages make in the reader's browser: under
// another host name that leads here, or from another origin.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			fail(w, http.StatusForbidden, errors.New("this server answers on loopback only"))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				fail(w, http.StatusForbidden, errors.New("this server answers its own page only"))
				return
			}
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func fail(w http.ResponseWriter, status int, err error) {
	write(w, status, event{Kind: "error", Text: err.Error()})
}
