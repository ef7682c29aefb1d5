package knownitem

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// sample takes the documents with the smallest hashes, in their order.
func sample(at []int, documents []trec.Document, o Options) []int {
	chosen := slices.Clone(at)
	slices.SortFunc(chosen, func(a, b int) int {
		return cmp.Or(cmp.Compare(hash(o.Seed, "\x00"+documents[a].ID), hash(o.Seed, "\x00"+documents[b].ID)), cmp.Compare(a, b))
	})
	chosen = chosen[:o.Most]
	slices.Sort(chosen)
	return chosen
}

// hash is FNV-1a with a seed, finished by SplitMix64.
func hash(seed uint64, text string) uint64 {
	h := 14695981039346656037 ^ seed*0x9e3779b97f4a7c15
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func writeFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	return write(f)
}

func lines[T any](w io.Writer, values []T) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

func judgements(w io.Writer, q *trec.Qrels) error {
	var b strings.Builder
	for _, t := range q.Topics {
		for _, j := range t.Judged {
			fmt.Fprintf(&b, "%s\t%s\t%s\t%d\n", t.ID, trec.Synthetic, j.Document, j.Grade)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
