package nebius

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/sourcegraph/conc"
)

// ServeOptions are the settings of Serve. The zero value is the default of every
// field.
type ServeOptions struct {
	// Grace is how long calls that are under way may take to finish after the
	// context ended; 0 means 30 s.
	Grace time.Duration
	// OnRefused, if not nil, is told about every answer with a status of 300 or more
	// that no Handler gave: what net/http refuses before it asks one, such as headers
	// that are too large (431), requests that are none (400, 501, 505), headers that
	// do not come in time (408), expectations that nobody meets (417), and what a
	// ServeMux redirects or refuses. Such a Served has an ID, a Status and Refused,
	// and nothing else. With HandlerOptions.OnCall every answer is told once. It must
	// be safe for concurrent use.
	OnRefused func(Served)
}

// Serve serves a handler on a listener until the context ends, then stops
// accepting and lets calls that are under way finish for at most the grace. It
// returns nil after an orderly end, and an error that wraps
// context.DeadlineExceeded if calls had to be cut off. It closes the listener.
//
// The server reads headers for at most 10 s and a body for at most 60 s, and a
// caller has 5 minutes to take an answer from when its request began, so that
// slow senders and readers cannot hold connections for ever; a Handler has a
// shorter bound of its own.
//
// Every answer has an X-Request-Id, those that net/http gives by itself too. Where
// l makes *tls.Conn, which net/http has to see as they are, it refuses before the
// handler without an id and OnRefused is not told; so it is with what TLS itself
// refuses. A connection that ends before a request has begun has no answer.
func Serve(ctx context.Context, l net.Listener, h http.Handler, o ServeOptions) error {
	f := &front{handler: h, told: o.OnRefused}
	server := &http.Server{
		Handler:           f,
		ReadHeaderTimeout: headerPatience,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      5 * time.Minute,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       begun,
		ConnState:         changed,
		// "OPTIONS *" is the handler's business as well.
		DisableGeneralOptionsHandler: true,
	}
	ended := make(chan error, 1)
	var wg conc.WaitGroup
	defer wg.Wait()
	wg.Go(func() { ended <- server.Serve(gate{l, f}) })
	select {
	case err := <-ended:
		return fmt.Errorf("nebius: serve: %w", err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), or(o.Grace, 30*time.Second))
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return fmt.Errorf("nebius: serve: shut down: %w", errors.Join(err, server.Close()))
	}
	return nil
}

// headerPatience is how long a caller may take to send the headers of a request.
const headerPatience = 10 * time.Second
