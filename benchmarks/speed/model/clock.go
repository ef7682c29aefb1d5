//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rankcascade/cascade/internal/bert"
)

// clock compares so many workers with one by the clock, in turns, and tells how
// late a call returns whose context ends in the middle of the work.
func clock(ctx context.Context, o options, out io.Writer) error {
	texts := sentences(o.texts, o.words)
	var models [2]*bert.Model
	var took [2][]time.Duration
	for i, workers := range []int{1, o.workers} {
		m, err := bert.Open(o.files(), bert.Options{Workers: workers})
		if err != nil {
			return err
		}
		models[i] = m
	}
	for round := range o.rounds + 1 {
		for i, m := range models {
			began := time.Now()
			if err := m.Embed(ctx, texts, func(int, []float32) {}); err != nil {
				return err
			}
			if round > 0 { // the first warms up
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	one, all := slices.Min(took[0]), slices.Min(took[1])
	fmt.Fprintf(out, "%d workers: %.2f times as fast as one, by the fastest of %d rounds each\n", o.workers, one.Seconds()/all.Seconds(), o.rounds)

	var late []time.Duration
	for range o.rounds {
		after := all / 2
		limited, cancel := context.WithTimeout(ctx, after)
		began := time.Now()
		err := models[1].Embed(limited, texts, func(int, []float32) {})
		cancel()
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the work was to end in the middle, and it says: %w", err)
		}
		late = append(late, time.Since(began)-after)
	}
	slices.Sort(late)
	fmt.Fprintf(out, "a context that ends in the middle: the call returns %.1f ms later in the median, %.1f ms at most\n",
		late[len(late)/2].Seconds()*1000, late[len(late)-1].Seconds()*1000)
	return nil
}
