package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sourcegraph/conc/pool"
)

// bench measures on servers that run.
type bench struct {
	settings
	servers fleet
	out     io.Writer
	asked   int
}

// corpus makes texts of which no two are equal.
func (b *bench) corpus() []string {
	b.asked++
	rng := rand.New(rand.NewPCG(uint64(b.asked), 5))
	documents := make([]string, b.documents)
	for i := range documents {
		var text strings.Builder
		fmt.Fprintf(&text, "%d.%d", b.asked, i)
		for range 30 + rng.IntN(30) {
			fmt.Fprintf(&text, " w%d", rng.IntN(500))
		}
		documents[i] = text.String()
	}
	return documents
}

func (b *bench) question() string { return fmt.Sprintf("question %d about a word", b.asked) }

// needs measures how long the servers need for a query, half of it each, when nobody
// bounds the time: the times of several queries, sorted.
func (b *bench) needs(ctx context.Context, times int) ([]time.Duration, error) {
	var took []time.Duration
	urls := b.servers.urls()
	for range times {
		documents, query, start := b.corpus(), b.question(), time.Now()
		p := pool.New().WithContext(ctx)
		for i, url := range urls {
			part := documents[i*len(documents)/len(urls) : (i+1)*len(documents)/len(urls)]
			p.Go(func(ctx context.Context) error {
				_, err := post(ctx, url, query, part)
				return err
			})
		}
		if err := p.Wait(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took, nil
}

// cell is what came of the queries of one deadline.
type cell struct {
	covered, first float64       // share of the documents with a score, mean of all and of the worst query
	nothing        int           // queries without a score
	late           time.Duration // the most that an answer came after its deadline
}

func (b *bench) cell(ctx context.Context, a asker, limit time.Duration) (cell, error) {
	const warm = 5
	c := cell{first: 1}
	for i := range warm + b.queries {
		documents, start := b.corpus(), time.Now()
		scored, _ := a.ask(ctx, b.question(), documents, limit)
		took := time.Since(start)
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if i < warm {
			continue
		}
		share := float64(scored) / float64(len(documents))
		c.covered += share / float64(b.queries)
		c.first = min(c.first, share)
		if scored == 0 {
			c.nothing++
		}
		c.late = max(c.late, took-limit)
	}
	return c, nil
}

// coverage prints the table of deadlines.
func (b *bench) coverage(ctx context.Context) error {
	took, err := b.needs(ctx, 7)
	if err != nil {
		return err
	}
	need := took[len(took)/2]
	b.printf("%d documents on two servers need %s (%s to %s)\n\n", b.documents, ms(need), ms(took[0]), ms(took[len(took)-1]))
	b.printf("| deadline / need | deadline | through | need beside it | possible | coverage | worst query | without a score | latest |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, ratio := range b.ratios {
		limit := time.Duration(ratio * float64(need))
		for _, name := range []string{"library", "gateway"} {
			if err := b.row(ctx, name, ratio, limit); err != nil {
				return err
			}
		}
	}
	return nil
}

// asker makes the library's or the gateway's.
func (b *bench) asker(ctx context.Context, name string, limit time.Duration) (asker, error) {
	if name == "library" {
		return newLibrary(b.servers.urls())
	}
	return newGateway(ctx, b.gateway, b.servers.urls(), limit)
}

func (b *bench) row(ctx context.Context, name string, ratio float64, limit time.Duration) error {
	a, err := b.asker(ctx, name, limit)
	if err != nil {
		return err
	}
	defer a.close()
	before, err := b.needs(ctx, 3)
	if err != nil {
		return err
	}
	c, err := b.cell(ctx, a, limit)
	if err != nil {
		return err
	}
	after, err := b.needs(ctx, 3)
	if err != nil {
		return err
	}
	all := slices.Concat(before, after)
	slices.Sort(all)
	need := all[len(all)/2]
	possible := min(1, float64(limit)/float64(need))
	b.printf("| %.2g | %s | %s | %s (%s to %s) | %.0f %% | %.0f %% | %.0f %% | %d of %d | %s |\n", ratio, ms(limit), name, ms(need), ms(all[0]), ms(all[len(all)-1]),
		100*possible, 100*c.covered, 100*c.first, c.nothing, b.queries, ms(c.late))
	return nil
}

// recovery prints what happens around a stop of both servers, with two queries a
// second that have three times the time that they need.
func (b *bench) recovery(ctx context.Context) error {
	took, err := b.needs(ctx, 5)
	if err != nil {
		return err
	}
	limit := 3 * took[len(took)/2]
	b.printf("\nBoth servers stopped for %v; a query each %s, whose deadline is %s\n\n| through | first whole query after | five whole in a row after | latest during the stop |\n| --- | --- | --- | --- |\n", b.stop, ms(max(limit, 500*time.Millisecond)), ms(limit))
	for _, name := range []string{"library", "gateway"} {
		if err := b.stopped(ctx, name, limit); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) stopped(ctx context.Context, name string, limit time.Duration) error {
	a, err := b.asker(ctx, name, limit)
	if err != nil {
		return err
	}
	defer a.close()
	if _, err := b.cell(ctx, a, limit); err != nil {
		return err
	}
	if err := b.servers.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	during, err := b.watched(ctx, a, limit, b.stop)
	if err := b.servers.signal(syscall.SIGCONT); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	again, err := b.watched(ctx, a, limit, b.watch)
	if err != nil {
		return err
	}
	b.printf("| %s | %s | %s | %s |\n", name, again.after(1), again.after(5), ms(during.late))
	return nil
}

// watch is a row of queries: when each ended, counted from the first, and whether it was whole.
type watch struct {
	ended []time.Duration
	whole []bool
	late  time.Duration
}

func (b *bench) watched(ctx context.Context, a asker, limit, during time.Duration) (w watch, err error) {
	begin := time.Now()
	for time.Since(begin) < during {
		documents, start := b.corpus(), time.Now()
		scored, _ := a.ask(ctx, b.question(), documents, limit)
		w.ended, w.whole = append(w.ended, time.Since(begin)), append(w.whole, scored == len(documents))
		w.late = max(w.late, time.Since(start)-limit)
		select {
		case <-ctx.Done():
			return w, ctx.Err()
		case <-time.After(time.Until(start.Add(500 * time.Millisecond))):
		}
	}
	return w, nil
}

// after says when n whole queries in a row had been answered.
func (w watch) after(n int) string {
	row := 0
	for i, whole := range w.whole {
		if row++; !whole {
			row = 0
		}
		if row == n {
			return ms(w.ended[i])
		}
	}
	return "never"
}

func (b *bench) printf(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }

func ms(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
