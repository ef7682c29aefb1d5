// Command soak reranks under faults for a long time and watches whether memory,
// goroutines and file descriptors stay flat:
//
//	go run ./benchmarks/speed/soak -minutes 10 -faults 0.2
//
// The server is a rerank server on loopback in the same process that answers a
// share of the calls with errors, rubbish, resets and delays. The exit status is
// 1 if anything grew, if a query was late, or if one failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	minutes := flag.Float64("minutes", 10, "how long")
	faults := flag.Float64("faults", .2, "share of calls that go wrong, 0 to 1")
	workers := flag.Int("workers", 8, "queries at once")
	seed := flag.Uint64("seed", 1, "seed of the faults")
	every := flag.Duration("every", 10*time.Second, "time between two lines")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := soak(ctx, settings{time.Duration(*minutes * float64(time.Minute)), *every, *faults, *workers, *seed}, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
