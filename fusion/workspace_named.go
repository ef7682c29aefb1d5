package fusion

import (
	"fmt"
	"runtime"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

// NamedList is one system's list for one query, with documents by name, as a run
// file holds it: best first.
type NamedList struct {
	// Names are the documents, best first, each once.
	Names []string
	// Scores has one finite score for each name, higher is better; nil when the
	// list has an order and no scores.
	Scores []float64
	// Scale is what the scores mean; Unknown is usual for run files.
	Scale pipeline.Scale
}

// NamedScore is a document in a fused list.
type NamedScore struct {
	Name  string
	Score float64
}

// FuseNamed fuses run files: queries[q] has the lists of all systems for query q,
// an empty list where a system found nothing. Result q has the best limit
// documents, all of them where limit is 0, in the module's total order. All cores
// work; equal inputs give equal bits, however many there are. The error is that
// of the first query, by index, that failed.
func FuseNamed(m Method, queries [][]NamedList, limit int) ([][]NamedScore, error) {
	results := make([][]NamedScore, len(queries))
	errs := make([]error, len(queries))
	workers := min(runtime.GOMAXPROCS(0), len(queries))
	var wg conc.WaitGroup
	for first := range workers {
		wg.Go(func() {
			var b namedFuser
			for q := first; q < len(queries); q += workers {
				results[q], errs[q] = b.fuse(m, queries[q], limit)
			}
		})
	}
	wg.Wait()
	for q, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("query %d: %w", q+1, err)
		}
	}
	return results, nil
}

// namedFuser keeps the memory of one worker.
type namedFuser struct {
	workspace Workspace
	names     Interner
	ids       []uint32
	lists     []List
}

func (b *namedFuser) fuse(m Method, lists []NamedList, limit int) ([]NamedScore, error) {
	b.names.Reset()
	b.ids, b.lists = b.ids[:0], b.lists[:0]
	for _, l := range lists {
		from := len(b.ids)
		b.ids = b.names.Append(b.ids, l.Names)
		b.lists = append(b.lists, List{IDs: b.ids[from:len(b.ids):len(b.ids)], Scores: l.Scores, Scale: l.Scale})
	}
	top, err := fuseTask(&b.workspace, m, Task{Lists: b.lists, Names: b.names.Names(), Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]NamedScore, len(top))
	for i, s := range top {
		out[i] = NamedScore{Name: b.names.Name(s.ID), Score: s.Score}
	}
	return out, nil
}
