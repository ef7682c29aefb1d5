//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rankcascade/cascade/internal/bert"
	"github.com/rankcascade/cascade/reranker/local/minilm"
)

type options struct {
	dir, python string
	texts       int
	words       int
	rounds      int
	workers     int
}

// files are those of the model.
func (o options) files() fs.FS {
	if o.dir != "" {
		return os.DirFS(o.dir)
	}
	return minilm.Files()
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "the directory of a model; empty means the embedded one")
	flag.StringVar(&o.python, "python", "", "a Python with onnxruntime; empty leaves the comparison out")
	flag.IntVar(&o.texts, "texts", 20, "how many texts a round embeds")
	flag.IntVar(&o.words, "words", 110, "how many words a text has")
	flag.IntVar(&o.rounds, "rounds", 5, "how many rounds there are")
	flag.IntVar(&o.workers, "workers", 0, "compare so many workers with one, by the clock, in place of the kernels")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "model:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	if o.python != "" && o.dir == "" {
		return errors.New("-python needs -dir: onnxruntime reads no embedded model")
	}
	if o.texts < 1 || o.words < 1 || o.rounds < 1 {
		return errors.New("-texts, -words and -rounds must be at least 1")
	}
	if o.workers > 0 {
		return clock(ctx, o, out)
	}
	texts := sentences(o.texts, o.words)
	sides, err := contenders(o)
	if err != nil {
		return err
	}
	if o.python != "" {
		other, err := onnx(ctx, o, texts)
		if err != nil {
			return err
		}
		defer other.close()
		sides = append(sides, other.side)
	}
	for round := range o.rounds + 1 {
		for i := range sides {
			spent, err := sides[i].embed(ctx, texts)
			if err != nil {
				return fmt.Errorf("%s: %w", sides[i].name, err)
			}
			if round > 0 { // the first warms up
				sides[i].spent = append(sides[i].spent, spent)
			}
		}
	}
	report(out, sides, len(texts))
	return nil
}

// side is one contender.
type side struct {
	name  string
	embed func(ctx context.Context, texts []string) (time.Duration, error)
	spent []time.Duration
}

func (s side) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s.spent))
	return sorted[len(sorted)/2]
}

func report(out io.Writer, sides []side, texts int) {
	last := sides[len(sides)-1].median()
	fmt.Fprintf(out, "%-16s %12s %s\n", "", "ms a text", "against the last")
	for _, s := range sides {
		m := s.median()
		fmt.Fprintf(out, "%-16s %12.2f %.2f\n", s.name, m.Seconds()*1000/float64(texts), m.Seconds()/last.Seconds())
	}
}

// contenders are the kernels of this processor, without the portable one, which
// would take minutes, if there is another.
func contenders(o options) ([]side, error) {
	var sides []side
	for _, kernel := range bert.Kernels() {
		if kernel == bert.Portable && len(sides) > 0 {
			continue
		}
		m, err := bert.Open(o.files(), bert.Options{Workers: 1, Kernel: kernel})
		if err != nil {
			return nil, err
		}
		sides = append(sides, side{name: kernel.String(), embed: func(ctx context.Context, texts []string) (time.Duration, error) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			began := cpu()
			err := m.Embed(ctx, texts, func(int, []float32) {})
			return cpu() - began, err
		}})
	}
	return sides, nil
}

// cpu is the time that this process has computed.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// sentences makes texts of words that the vocabulary has.
func sentences(n, words int) []string {
	list := strings.Fields("the wing of an aircraft gives lift while air flows around it and heat moves through a body in shock waves at high speed near the wall where pressure rises")
	texts := make([]string, n)
	for i := range texts {
		var b strings.Builder
		for j := range words {
			b.WriteString(list[(i*7+j*(i%5+1))%len(list)] + " ")
		}
		texts[i] = b.String()
	}
	return texts
}

// partner is a Python process that embeds the texts once for each line it reads.
type partner struct {
	side side
	dir  string
	end  func() error
}

func (p partner) close() {
	_ = p.end() // it is of no use any more
	_ = os.RemoveAll(p.dir)
}

func onnx(ctx context.Context, o options, texts []string) (p partner, err error) {
	if p.dir, err = os.MkdirTemp("", "model"); err != nil {
		return p, err
	}
	raw, err := json.Marshal(texts)
	if err != nil {
		return p, err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "texts.json"), raw, 0o600); err != nil {
		return p, err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "run.py"), script, 0o600); err != nil {
		return p, err
	}
	c := exec.CommandContext(ctx, o.python, filepath.Join(p.dir, "run.py"), o.dir, filepath.Join(p.dir, "texts.json"))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return p, err
	}
	answers, err := c.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := c.Start(); err != nil {
		return p, err
	}
	p.end = func() error { return errors.Join(in.Close(), c.Wait()) }
	p.side = side{name: "onnxruntime", embed: func(context.Context, []string) (time.Duration, error) {
		if _, err := io.WriteString(in, "go\n"); err != nil {
			return 0, err
		}
		var seconds float64
		_, err := fmt.Fscan(answers, &seconds)
		return time.Duration(seconds * float64(time.Second)), err
	}}
	return p, nil
}
