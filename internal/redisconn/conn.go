package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"github.com/sourcegraph/conc"
)

const (
	// DefaultPatience is how long a call may take.
	DefaultPatience = 5 * time.Millisecond
	// DefaultPause is for how long a Redis that is away is not asked.
	DefaultPause = time.Second

	dialTimeout = time.Second
	hangTimeout = time.Second
	// mostCalls bounds the calls under way, also of those whose callers have gone.
	mostCalls = 1024
)

// Options set a Conn. The zero value is the default.
type Options struct {
	// Client, if set, is used in place of one made from the address, for a cluster
	// or settings of your own. It belongs to the caller.
	Client rueidis.Client
	// TLS, if set, replaces what a rediss:// URL means: roots of your own, or a
	// certificate of the client. An empty ServerName is the host of the URL.
	TLS *tls.Config
	// Patience bounds each call; 0 means 5 ms.
	Patience time.Duration
	// Pause is for how long nobody asks a Redis that is away; 0 means 1 s.
	Pause time.Duration
}

// Stats counts calls by what became of them.
type Stats struct {
	// Asked is how many calls were made.
	Asked int64
	// Late had no answer within the patience, Failed another fault.
	Late, Failed int64
	// Full are those of Failed that the server had no room for.
	Full int64
	// Skipped were not made: the server was resting after failures, or too many
	// calls were under way.
	Skipped int64
	// Resting says that nobody asks at the moment.
	Resting bool
	// Cause is the newest failure, nil if there was none.
	Cause error
}

// Conn is a connection that is safe for concurrent use. Make one with Open.
type Conn struct {
	client   rueidis.Client
	own      bool // made here
	patience time.Duration
	breaker  breaker

	mu     sync.Mutex
	closed bool
	calls  conc.WaitGroup

	flying                             atomic.Int64
	asked, late, failed, full, skipped atomic.Int64
	cause                              atomic.Pointer[error]
	filled                             atomic.Pointer[time.Time] // when a write was last refused for want of room
}

// Open returns a connection. A wrong address, password or database is an *Error;
// a server that does not answer is none, since it may come later. sender is the
// name of the connection in the server's list.
func Open(ctx context.Context, address, sender string, o Options) (*Conn, error) {
	if o.Patience < 0 || o.Pause < 0 {
		return nil, fmt.Errorf("redis: open: Patience and Pause must not be negative, got %v and %v", o.Patience, o.Pause)
	}
	c := &Conn{client: o.Client, patience: o.Patience}
	if c.patience == 0 {
		c.patience = DefaultPatience
	}
	if c.breaker.pause = o.Pause; o.Pause == 0 {
		c.breaker.pause = DefaultPause
	}
	if c.client != nil {
		return c, nil
	}
	c.own = true
	if err := c.dial(ctx, address, sender, o.TLS); err != nil {
		return nil, err
	}
	return c, nil
}

// dial makes the client, and waits for a first answer as long as there may be one.
func (c *Conn) dial(ctx context.Context, address, sender string, secure *tls.Config) error {
	parsed, err := parse(address)
	if err == nil {
		err = replaceTLS(&parsed, secure)
	}
	if err != nil {
		var own *Error
		if errors.As(err, &own) {
			return own
		}
		return &Error{Kind: KindAddress, Op: "open", Err: err}
	}
	type dialed struct {
		client rueidis.Client
		err    error
	}
	done := make(chan dialed, 1)
	parsed = settings(parsed, sender)
	c.calls.Go(func() {
		client, err := rueidis.NewClient(parsed)
		if err == nil { // a server that is starting, or lets this user do nothing, answers no sooner
			within, cancel := context.WithTimeout(context.Background(), hangTimeout)
			defer cancel()
			err = client.Do(within, client.B().Ping().Build()).Error()
		}
		done <- dialed{client, err}
	})
	var d dialed
	select {
	case d = <-done:
	case <-ctx.Done():
		c.calls.Go(func() { // ends with dialTimeout and hangTimeout
			if late := <-done; late.client != nil {
				late.client.Close()
			}
		})
		return &Error{Kind: KindUnavailable, Op: "open " + place(parsed), Err: context.Cause(ctx)}
	}
	failure := classify("open "+place(parsed), d.err)
	var e *Error
	if errors.As(failure, &e) && (e.Kind != KindUnavailable && e.Kind != KindLate || d.client == nil) {
		if d.client != nil {
			d.client.Close()
		}
		return failure
	}
	if failure != nil {
		c.cause.Store(&failure)
	}
	c.client = d.client
	return nil
}

// Do makes one call and waits for it as long as the patience and the context
// allow. Its errors are *Error.
func Do[T any](ctx context.Context, c *Conn, op string, call func(context.Context, rueidis.Client) (T, error)) (T, error) {
	var zero T
	ok, probe := c.breaker.allow(time.Now())
	if !ok {
		c.skipped.Add(1)
		return zero, &Error{Kind: KindResting, Op: op, Err: c.last()}
	}
	value, err := bounded(ctx, c, op, c.patience, call)
	c.breaker.ended(time.Now(), probe, verdict(ctx, probe, err))
	return value, err
}

// verdict is what an error says about the server. That of a caller who went away
// is taken for nothing, except of the probe, which has to end in something.
func verdict(ctx context.Context, probe bool, err error) Kind {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return ""
	case ctx.Err() != nil && !probe:
		return KindClosed
	}
	return e.Kind
}

// Must makes a call that is worth waiting for: within the given time, whatever
// happened before.
func Must[T any](ctx context.Context, c *Conn, op string, patience time.Duration, call func(context.Context, rueidis.Client) (T, error)) (T, error) {
	return bounded(ctx, c, op, patience, call)
}

// bounded makes a call in a goroutine of its own, because the client may be making
// a new connection, which it does not give up in time.
func bounded[T any](ctx context.Context, c *Conn, op string, patience time.Duration, call func(context.Context, rueidis.Client) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := c.start(op, func() {
		var a answer
		a.value, a.err = call(within, c.client)
		done <- a
	})
	var a answer
	if err == nil {
		select {
		case a = <-done:
			err = classify(op, a.err)
		case <-within.Done():
			err = &Error{Kind: KindLate, Op: op, Err: context.Cause(within)}
		}
	}
	c.note(ctx, err)
	if err != nil {
		var zero T
		return zero, err
	}
	return a.value, nil
}

// Later makes a call that writes and that nobody waits for, within a second.
// Flush and Close do. After a server had no room for a write none is made for the
// pause. It reports whether the call is made.
func Later(c *Conn, op string, call func(context.Context, rueidis.Client) error) bool {
	if at := c.filled.Load(); at != nil && time.Since(*at) < c.breaker.pause {
		c.skipped.Add(1)
		return false
	}
	ok, probe := c.breaker.allow(time.Now())
	if !ok {
		c.skipped.Add(1)
		return false
	}
	err := c.start(op, func() {
		ctx, cancel := context.WithTimeout(context.Background(), hangTimeout)
		defer cancel()
		err := classify(op, call(ctx, c.client))
		c.note(ctx, err)
		c.breaker.ended(time.Now(), probe, verdict(context.Background(), probe, err))
	})
	if err != nil {
		c.note(context.Background(), err)
		c.breaker.ended(time.Now(), probe, KindLate)
	}
	return err == nil
}

// start runs a function in a goroutine that Close waits for.
func (c *Conn) start(op string, f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &Error{Kind: KindClosed, Op: op}
	}
	if c.flying.Add(1) > mostCalls {
		c.flying.Add(-1)
		c.skipped.Add(1)
		return &Error{Kind: KindResting, Op: op, Err: errors.New("too many calls are under way")}
	}
	c.calls.Go(func() {
		defer c.flying.Add(-1)
		f()
	})
	return nil
}

// note counts a call.
func (c *Conn) note(ctx context.Context, err error) {
	var e *Error
	if !errors.As(err, &e) {
		c.asked.Add(1)
		return
	}
	switch {
	case e.Kind == KindResting || e.Kind == KindClosed:
		return
	case e.Kind == KindLate:
		if c.asked.Add(1); ctx.Err() == context.Canceled {
			return
		}
		c.late.Add(1)
	default:
		c.asked.Add(1)
		c.failed.Add(1)
		if e.Kind == KindFull {
			c.full.Add(1)
			now := time.Now()
			c.filled.Store(&now)
		}
	}
	c.cause.Store(&err)
}

func (c *Conn) last() error {
	if p := c.cause.Load(); p != nil {
		return *p
	}
	return nil
}

// Ping reports whether the server answers, within a second.
func (c *Conn) Ping(ctx context.Context) error {
	_, err := Must(ctx, c, "ping", hangTimeout, func(ctx context.Context, client rueidis.Client) (string, error) {
		return client.Do(ctx, client.B().Ping().Build()).ToString()
	})
	return err
}

// Stats returns the counts since Open.
func (c *Conn) Stats() Stats {
	return Stats{
		Asked: c.asked.Load(), Late: c.late.Load(), Failed: c.failed.Load(), Full: c.full.Load(), Skipped: c.skipped.Load(),
		Resting: c.breaker.open(), Cause: c.last(),
	}
}

// Flush waits until the calls under way have ended, or the context.
func (c *Conn) Flush(ctx context.Context) error {
	for c.flying.Load() > 0 {
		select {
		case <-ctx.Done():
			return &Error{Kind: KindLate, Op: "flush", Err: context.Cause(ctx)}
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// Close waits for the calls under way and ends the connection that Open made. It
// may be called again.
func (c *Conn) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	c.calls.Wait()
	if c.own {
		c.client.Close()
	}
	return nil
}
