package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/sourcegraph/conc"
)

// DefaultConcurrency is how many parts a Fan, Blend or Expand runs at a time
// where nothing else is said.
const DefaultConcurrency = 8

// Parallel says how parts run side by side and how many of them may fail. Its
// methods make the same combinators as the functions Fan, Blend and Expand; the
// zero value makes exactly those.
type Parallel struct {
	// Quorum is how many parts must succeed. Zero stands for one in a Fan and an
	// Expand, and for all of them in a Blend. A part that fails within the quorum
	// leaves a Gap, and an empty ranking in its place among the fuser's inputs,
	// so that weights stay with their lists.
	Quorum int
	// Concurrency is how many parts run at a time; zero stands for
	// DefaultConcurrency.
	Concurrency int
}

func (p Parallel) check(combinator string, parts int) error {
	switch {
	case parts == 0:
		return fmt.Errorf("pipeline: %s: nothing to run: give it at least one part", combinator)
	case p.Quorum < 0 || p.Concurrency < 0:
		return fmt.Errorf("pipeline: %s: quorum %d and concurrency %d must not be negative", combinator, p.Quorum, p.Concurrency)
	case p.Quorum > parts:
		return fmt.Errorf("pipeline: %s: quorum %d cannot be met by %d parts", combinator, p.Quorum, parts)
	}
	return nil
}

func (p Parallel) quorum(zero int) int {
	if p.Quorum == 0 {
		return zero
	}
	return p.Quorum
}

func (p Parallel) concurrency(parts int) int {
	if p.Concurrency == 0 {
		return min(parts, DefaultConcurrency)
	}
	return min(parts, p.Concurrency)
}

func (p Parallel) settings(quorum, parts int) []Setting {
	return []Setting{
		{"quorum", fmt.Sprintf("%d of %d", quorum, parts)},
		{"concurrency", strconv.Itoa(p.concurrency(parts))},
	}
}

// outcome is what one of several parallel parts came to.
type outcome struct {
	ranking Ranking
	err     error
}

// sideBySide runs n parts, at most limit at a time, and returns when all have
// returned. Every outcome has its own slot, so the order in which parts finish
// decides nothing. A part that was not started because ctx ended has that as
// its error.
func sideBySide(ctx context.Context, n, limit int, call func(i int) (Ranking, error)) []outcome {
	outcomes := make([]outcome, n)
	if n == 1 {
		outcomes[0].ranking, outcomes[0].err = call(0)
		return outcomes
	}
	slots := make(chan struct{}, limit)
	var group conc.WaitGroup
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			outcomes[i].err = ended(ctx)
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			outcomes[i].ranking, outcomes[i].err = call(i)
		})
	}
	group.Wait()
	return outcomes
}

// collect turns outcomes into the inputs of a fuser: where a part failed, an
// empty ranking with its gap stands in its place. Fewer successes than the
// quorum, and a caller who is gone, are errors that join all causes.
func collect[T any](ctx context.Context, name string, parts []part[T], outcomes []outcome, quorum int) ([]Ranking, error) {
	inputs := make([]Ranking, len(outcomes))
	var failures []error
	for i, o := range outcomes {
		if o.err == nil {
			inputs[i] = o.ranking
			continue
		}
		failures = append(failures, o.err)
		p := parts[min(i, len(parts)-1)]
		inputs[i] = Ranking{Hits: []Hit{}, Scale: scaleOf(p.do), Gaps: []Gap{gapOf(p.name, o.err)}}
	}
	if len(failures) == 0 {
		return inputs, nil
	}
	if succeeded := len(outcomes) - len(failures); succeeded < quorum || callerGone(ctx) {
		err := fmt.Errorf("pipeline: %s: %d of %d parts failed: %w", name, len(failures), len(outcomes), errors.Join(failures...))
		return nil, withCause(ctx, err)
	}
	return inputs, nil
}

func errNilArgument(combinator, what string) error {
	return fmt.Errorf("pipeline: %s: the %s is nil", combinator, what)
}
