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

// Serve serves a handler on a listener until the context ends, then stops
// accepting and lets calls that are under way finish for at most the grace; 0
// means 30 s. It returns nil after an orderly end, and an error that wraps
// context.DeadlineExceeded if calls had to be cut off. It closes the listener.
//
// The server reads headers for at most 10 s and a body for at most 60 s, and a
// caller has 5 minutes to take an answer from when its request began, so that
// slow senders and readers cannot hold connections for ever; a Handler has a
// shorter bound of its own.
func Serve(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      5 * time.Minute,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	var wg conc.WaitGroup
	defer wg.Wait()
	wg.Go(func() { ended <- server.Serve(l) })
	select {
	case err := <-ended:
		return fmt.Errorf("nebius: serve: %w", err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), or(grace, 30*time.Second))
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return fmt.Errorf("nebius: serve: shut down: %w", errors.Join(err, server.Close()))
	}
	return nil
}
