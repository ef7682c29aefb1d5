package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// bar shows progress in one line of a terminal. Elsewhere it prints a line when
// something is complete. It is safe for concurrent use.
type bar struct {
	out  io.Writer
	live bool
	mu   sync.Mutex
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (b *bar) show(what string, done, total int, more string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.live {
		if done == total {
			fmt.Fprintf(b.out, "%s: %d of %d%s\n", what, done, total, more)
		}
		return
	}
	const width = 24
	full := width
	if total > 0 {
		full = width * done / total
	}
	fmt.Fprintf(b.out, "\r\x1b[K[%s%s] %s: %d of %d%s", strings.Repeat("#", full), strings.Repeat(".", width-full), what, done, total, more)
	if done == total {
		fmt.Fprintln(b.out)
	}
}
