package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// synthetic describes a made-up set: the same numbers and seed make the same
// files on every machine.
type synthetic struct {
	topics, documents, systems int
	seed                       uint64
}

// write makes qrels.txt and run00.txt, run01.txt ... in a folder and returns
// their names. A topic has 40 judged documents of 3 times as many candidates as
// a run returns; scores fall with the rank, and one in fifty is tied.
func (s synthetic) write(dir string) (qrels string, runs []string, err error) {
	qrels = filepath.Join(dir, "qrels.txt")
	if err := create(qrels, s.qrels); err != nil {
		return "", nil, err
	}
	for i := range s.systems {
		name := filepath.Join(dir, fmt.Sprintf("run%02d.txt", i))
		if err := create(name, func(w io.Writer) error { return s.run(w, i) }); err != nil {
			return "", nil, err
		}
		runs = append(runs, name)
	}
	return qrels, runs, nil
}

func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func (s synthetic) qrels(w io.Writer) error {
	r := rand.New(rand.NewPCG(s.seed, 1))
	for topic := 1; topic <= s.topics; topic++ {
		for _, d := range distinct(r, 40, 3*s.documents) {
			if _, err := fmt.Fprintf(w, "%d 0 %s %d\n", topic, document(topic, d), max(0, r.IntN(6)-2)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s synthetic) run(w io.Writer, system int) error {
	r := rand.New(rand.NewPCG(s.seed, uint64(system)+2))
	var line []byte
	for topic := 1; topic <= s.topics; topic++ {
		score := 30 + 5*r.Float64()
		for i, d := range distinct(r, s.documents, 3*s.documents) {
			if r.IntN(50) > 0 {
				score -= .05 * r.Float64()
			}
			line = strconv.AppendInt(line[:0], int64(topic), 10)
			line = append(append(line, " Q0 "...), document(topic, d)...)
			line = strconv.AppendInt(append(line, ' '), int64(i+1), 10)
			line = strconv.AppendFloat(append(line, ' '), score, 'f', 6, 64)
			line = fmt.Appendf(line, " system%02d\n", system)
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// document is an id of twelve characters.
func document(topic, d int) string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := []byte("d00000000000")
	for i, n := len(id)-1, uint64(topic)*1_000_003+uint64(d)*7919; n > 0 && i > 0; i-- {
		id[i] = letters[n%36]
		n /= 36
	}
	return string(id)
}

// distinct draws k different numbers below n.
func distinct(r *rand.Rand, k, n int) []int {
	k = min(k, n)
	out := make([]int, 0, k)
	seen := make(map[int]struct{}, k)
	for len(out) < k {
		d := r.IntN(n)
		if _, again := seen[d]; !again {
			seen[d] = struct{}{}
			out = append(out, d)
		}
	}
	return out
}
