package nebius_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func transportCases() []conformanceCase {
	return []conformanceCase{
		{"51_cancelled", fake(cancelled)},
		{"52_deadline_shorter_than_the_backoff", fake(func(t *testing.T) {
			c, s := memory(t, rerankertest.RateLimited("30"), nebius.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			_, err := reranker.Shard(c, reranker.ShardOptions{}).Score(ctx, "q", []string{"a"})
			kind(t, err, reranker.KindRateLimited)
			assert.Less(t, time.Since(start), 100*time.Millisecond, "now, not at the deadline")
			assert.Equal(t, 1, s.Count())
		})},
		{"53_lost_connections", lostConnections},
		{"54_goaway", func(t *testing.T) {
			s := rerankertest.NewTLS(t, true, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(c rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
				r.Close = c.N%3 == 0
				return r
			}))
			c := client(t, s, nebius.Options{})
			var wg sync.WaitGroup
			for range 24 {
				wg.Go(func() {
					_, err := c.Score(t.Context(), "q", []string{"a"})
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			assert.Greater(t, s.Connections(), 1)
			assert.Equal(t, "HTTP/2.0", s.Last().Proto)
		}},
		{"55_stale_connection", staleConnection},
		{"56_slow_body", fake(func(t *testing.T) {
			c, _ := memory(t, rerankertest.Trickle(1, time.Second, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			start := time.Now()
			_, err := c.Score(ctx, "q", []string{"a"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			kind(t, err, reranker.KindCanceled)
			assert.Equal(t, 3*time.Second, time.Since(start))
			// Without a deadline of the caller the client's own bound holds.
			start = time.Now()
			_, err = c.Score(t.Context(), "q", []string{"a"})
			e := kind(t, err, reranker.KindTransport)
			assert.True(t, e.Retryable())
			assert.Contains(t, e.Message, "1m0s")
			assert.Equal(t, time.Minute, time.Since(start))
		})},
		{"57_connection_settings", connectionSettings},
		{"58_connections_are_reused", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(c rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
				switch c.N % 4 {
				case 1:
					return rerankertest.JSON(422, `{"detail":"no"}`)
				case 2:
					return rerankertest.Page(500)
				case 3:
					return rerankertest.JSON(200, `{"results":[]}`)
				}
				return r
			}))
			c := ownClient(t, s.URL, nebius.Options{})
			for range 12 {
				_, _ = c.Score(t.Context(), "q", []string{"a"})
			}
			assert.Equal(t, 12, s.Count())
			assert.Equal(t, 1, s.Connections())
		}},
	}
}

// ownClient makes a client with a transport of its own.
func ownClient(t *testing.T, address string, o nebius.Options) *nebius.Client {
	t.Helper()
	o.BaseURL = address
	c, err := nebius.New(testKey, testModel, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func cancelled(t *testing.T) {
	why := errors.New("the user left")
	for name, script := range map[string]rerankertest.Script{
		"before the answer": rerankertest.Fails(rerankertest.Hang),
		"inside the body":   rerankertest.Cut(rerankertest.HangBody, 20, rerankertest.Honest(rerankertest.Hash)),
		"in an error body":  rerankertest.Cut(rerankertest.HangBody, 5, rerankertest.Status(500, `{"detail":"x"}`)),
	} {
		c, s := memory(t, script, nebius.Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel(why)
		}()
		start := time.Now()
		_, err := c.Score(ctx, "q", []string{"a"})
		require.ErrorIs(t, err, context.Canceled, name)
		require.ErrorIs(t, err, why, name)
		kind(t, err, reranker.KindCanceled)
		assert.Equal(t, time.Second, time.Since(start), name)
		synctest.Wait()
		now, _ := s.InFlight()
		assert.Zero(t, now, name)
	}
	c, s := memory(t, rerankertest.RateLimited("5"), nebius.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		time.Sleep(time.Second)
		cancel()
	}()
	_, err := reranker.Shard(c, reranker.ShardOptions{Timeout: time.Minute}).Score(ctx, "q", []string{"a"})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, s.Count(), "nothing is sent after the caller left")
}

func lostConnections(t *testing.T) {
	honest := rerankertest.Honest(rerankertest.Hash)
	for name, test := range map[string]struct {
		script rerankertest.Script
		is     error
	}{
		"reset":                {rerankertest.Fails(rerankertest.Reset), syscall.ECONNRESET},
		"closed":               {rerankertest.Fails(rerankertest.Hangup), io.EOF},
		"reset inside of body": {rerankertest.Cut(rerankertest.ResetBody, 20, honest), syscall.ECONNRESET},
		"end inside of body":   {rerankertest.Cut(rerankertest.HangupBody, 20, honest), io.ErrUnexpectedEOF},
		"not HTTP":             {rerankertest.Always(rerankertest.Reply{Fault: rerankertest.Garbage, Body: []byte("what?\r\n\r\n")}), nil},
	} {
		_, err := ask(t, test.script, nebius.Options{}, "a")
		e := kind(t, err, reranker.KindTransport)
		assert.True(t, e.Retryable(), name)
		if test.is != nil {
			require.ErrorIs(t, err, test.is, name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c, s := memory(t, rerankertest.Times(1, rerankertest.Fails(rerankertest.Reset), honest), nebius.Options{})
		s.Dials(func(_ context.Context, n int) error {
			if n == 1 {
				return syscall.ECONNREFUSED
			}
			return nil
		})
		_, err := c.Score(t.Context(), "q", []string{"a"})
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.True(t, kind(t, err, reranker.KindTransport).Retryable())
		scores, err := reranker.Shard(c, reranker.ShardOptions{Timeout: time.Minute}).Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		calls := s.Calls()
		require.Len(t, calls, 2)
		assert.Equal(t, calls[0].Body, calls[1].Body, "the body is sent again as it was")
		s.Dials(func(context.Context, int) error {
			return &net.DNSError{Err: "no such host", Name: "x.invalid", IsNotFound: true}
		})
		c, _ = nebius.New(testKey, testModel, nebius.Options{BaseURL: s.URL, HTTPClient: s.Client()})
		_, err = c.Score(t.Context(), "q", []string{"a"})
		assert.False(t, kind(t, err, reranker.KindTransport).Retryable(), "an unknown name stays unknown")
	})
}

func staleConnection(t *testing.T) {
	// The first call leaves an idle connection that ends as soon as another
	// request comes on it: what a server does that closed it a moment before.
	s := rerankertest.NewServer(t, func(c rerankertest.Call) rerankertest.Reply {
		if c.N == 2 && c.Conn == 1 {
			return rerankertest.Reply{Fault: rerankertest.Hangup}
		}
		return rerankertest.Judge(c, rerankertest.Hash).Nebius()
	})
	events := 0
	c := ownClient(t, s.URL, nebius.Options{OnCall: func(nebius.Call) { events++ }})
	for range 2 {
		_, err := c.Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
	}
	assert.Equal(t, 3, s.Count())
	assert.Equal(t, 2, s.Connections())
	assert.Equal(t, 2, events, "one logical attempt")
	assert.Equal(t, s.Calls()[1].Body, s.Calls()[2].Body)
	// On a new connection the same end is an error: the server may have begun.
	s = rerankertest.NewServer(t, rerankertest.Fails(rerankertest.Hangup))
	_, err := ownClient(t, s.URL, nebius.Options{}).Score(t.Context(), "q", []string{"a"})
	kind(t, err, reranker.KindTransport)
	assert.Equal(t, 1, s.Count())
}

func connectionSettings(t *testing.T) {
	t.Run("connections are limited to the concurrency", func(t *testing.T) {
		s := rerankertest.NewServer(t, rerankertest.Slow(20*time.Millisecond, rerankertest.Honest(rerankertest.Hash)))
		c := ownClient(t, s.URL, nebius.Options{Concurrency: 3})
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				_, err := c.Score(t.Context(), "q", []string{"a"})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		_, most := s.InFlight()
		assert.LessOrEqual(t, most, 3)
		assert.LessOrEqual(t, s.Connections(), 3)
	})
	t.Run("a caller's client is used and left alone", func(t *testing.T) {
		s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		used := 0
		own := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			used++
			return http.DefaultTransport.RoundTrip(r)
		})}
		c := ownClient(t, s.URL, nebius.Options{HTTPClient: own})
		_, err := c.Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		assert.Equal(t, 1, used)
		assert.Nil(t, own.CheckRedirect)
	})
	t.Run("a proxy is used", func(t *testing.T) {
		proxy := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		at, err := url.Parse(proxy.URL)
		require.NoError(t, err)
		c := ownClient(t, "http://rerank.example", nebius.Options{AllowPlainHTTP: true, Proxy: http.ProxyURL(at)})
		_, err = c.Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		assert.Equal(t, "rerank.example", proxy.Last().Header.Get("Host"))
	})
	t.Run("TLS is verified", func(t *testing.T) {
		s := rerankertest.NewTLS(t, true, rerankertest.Honest(rerankertest.Hash))
		_, err := ownClient(t, s.URL, nebius.Options{}).Score(t.Context(), "q", []string{"a"})
		assert.False(t, kind(t, err, reranker.KindTransport).Retryable(), "an unknown authority stays unknown")
		_, err = ownClient(t, s.URL, nebius.Options{TLS: &tls.Config{RootCAs: s.Roots(), ServerName: "example.com"}}).Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		assert.Equal(t, "HTTP/2.0", s.Last().Proto)
		_, err = ownClient(t, s.URL, nebius.Options{TLS: &tls.Config{RootCAs: s.Roots(), ServerName: "other.test"}}).Score(t.Context(), "q", []string{"a"})
		assert.False(t, kind(t, err, reranker.KindTransport).Retryable())
		_, err = nebius.New(testKey, testModel, nebius.Options{TLS: &tls.Config{InsecureSkipVerify: true}})
		require.ErrorContains(t, err, "InsecureSkipVerify")
		plain := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		_, err = ownClient(t, strings.Replace(plain.URL, "http:", "https:", 1), nebius.Options{}).Score(t.Context(), "q", []string{"a"})
		assert.False(t, kind(t, err, reranker.KindTransport).Retryable(), "a server without TLS stays one")
	})
	t.Run("addresses can be refused", func(t *testing.T) {
		s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		_, err := ownClient(t, s.URL, nebius.Options{AllowAddress: nebius.PublicOnly}).Score(t.Context(), "q", []string{"a"})
		e := kind(t, err, reranker.KindTransport)
		assert.False(t, e.Retryable())
		assert.Contains(t, e.Error(), "not public")
		assert.Zero(t, s.Connections())
	})
	t.Run("Close ends connections and later calls", func(t *testing.T) {
		s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		c := ownClient(t, s.URL, nebius.Options{})
		twin := c.Clone()
		for _, each := range []*nebius.Client{c, twin} {
			_, err := each.Score(t.Context(), "q", []string{"a"})
			require.NoError(t, err)
		}
		assert.Equal(t, 2, s.Connections(), "a clone has connections of its own")
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
		require.NoError(t, twin.Close())
		_, err := c.Score(t.Context(), "q", []string{"a"})
		assert.ErrorContains(t, err, "closed")
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
