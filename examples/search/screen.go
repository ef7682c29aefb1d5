package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen is where messages go, and progress if a person is watching.
type screen struct {
	out     io.Writer
	watched bool
}

// terminal says whether the file is one.
func terminal(f *os.File) *screen {
	info, err := f.Stat()
	return &screen{out: f, watched: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (s *screen) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// bar shows how far something is. total 0 means that nobody knows the end.
func (s *screen) bar(what string, total int) *bar {
	return &bar{screen: s, what: what, total: total, began: time.Now()}
}

type bar struct {
	screen *screen
	what   string
	total  int
	began  time.Time

	mu    sync.Mutex
	drawn time.Time
}

// set draws, at most ten times a second and at the end.
func (b *bar) set(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.screen.watched || now.Sub(b.drawn) < 100*time.Millisecond && n != b.total {
		return
	}
	b.drawn = now
	fmt.Fprintf(b.screen.out, "\r\x1b[K%s", b.line(n, now.Sub(b.began)))
}

// end clears the line.
func (b *bar) end() {
	if b.screen.watched {
		fmt.Fprint(b.screen.out, "\r\x1b[K")
	}
}

func (b *bar) line(n int, passed time.Duration) string {
	rate := float64(n) / max(passed.Seconds(), 1e-3)
	if b.total == 0 {
		return fmt.Sprintf("%d %s, %.0f/s", n, b.what, rate)
	}
	const width = 30
	full := min(width, width*n/b.total)
	left := time.Duration(float64(b.total-n) / max(rate, 1e-9) * float64(time.Second))
	return fmt.Sprintf("[%s%s] %d of %d %s, %.0f/s, %v left", strings.Repeat("#", full), strings.Repeat(".", width-full), n, b.total, b.what, rate, left.Round(time.Second))
}
