package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := start(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "evaluation:", err)
		}
		os.Exit(2)
	}
}

func start(args []string, out, errs io.Writer) error {
	f := flag.NewFlagSet("evaluation", flag.ContinueOnError)
	f.SetOutput(errs)
	var s synthetic
	dir := f.String("dir", "", "folder for the synthetic set; it stays there (default: a temporary one that is removed)")
	f.IntVar(&s.topics, "topics", 1000, "topics of the synthetic set")
	f.IntVar(&s.documents, "documents", 1000, "documents per topic of each run")
	f.IntVar(&s.systems, "systems", 10, "runs of the synthetic set")
	f.Uint64Var(&s.seed, "seed", 1, "seed of the synthetic set")
	qrels := f.String("qrels", "", "judgements to use instead of a synthetic set, with -runs")
	runs := f.String("runs", "", "runs to use, separated by commas")
	measures := f.String("measures", "nDCG@10,AP,RR,P@10,R@100", "measures to evaluate")
	repeat := f.Int("repeat", 3, "how often each step is timed; the least is shown")
	if err := f.Parse(args); err != nil {
		return err
	}
	if s.topics < 1 || s.documents < 1 || s.systems < 1 || *repeat < 1 {
		return errors.New("-topics, -documents, -systems and -repeat begin at 1")
	}
	if (*qrels == "") != (*runs == "") {
		return errors.New("-qrels and -runs go together")
	}
	files := strings.Split(*runs, ",")
	if *runs == "" {
		var remove func()
		var err error
		if *qrels, files, remove, err = makeSet(s, *dir, out); err != nil {
			return err
		}
		defer remove()
	}
	b, err := newBench(*qrels, files, *measures, *repeat, out)
	if err != nil {
		return err
	}
	return b.run()
}

func makeSet(s synthetic, dir string, out io.Writer) (qrels string, runs []string, remove func(), err error) {
	remove = func() {}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "evaluation"); err != nil {
			return "", nil, remove, err
		}
		temporary := dir
		remove = func() { os.RemoveAll(temporary) }
	} else if err = os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, remove, err
	}
	fmt.Fprintf(out, "%d topics x %d documents x %d systems, seed %d\n", s.topics, s.documents, s.systems, s.seed)
	qrels, runs, err = s.write(dir)
	return qrels, runs, remove, err
}
