package fusion

import (
	"fmt"
	"runtime"

	"github.com/sourcegraph/conc"
)

// FuseAll fuses the lists of many queries on all cores. Result i belongs to task
// i and has the bits that Workspace.Fuse gives on its own, however many cores
// there are. The error is that of the first task, by index, that failed, and
// names it; the results are nil then. A panic in a normaliser from elsewhere
// comes back as such an error.
func FuseAll(m Method, tasks []Task) ([][]Scored, error) {
	results := make([][]Scored, len(tasks))
	errs := make([]error, len(tasks))
	workers := min(runtime.GOMAXPROCS(0), len(tasks))
	var wg conc.WaitGroup
	for first := range workers {
		wg.Go(func() {
			var w Workspace
			for i := first; i < len(tasks); i += workers {
				results[i], errs[i] = fuseTask(&w, m, tasks[i])
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i+1, err)
		}
	}
	return results, nil
}

func fuseTask(w *Workspace, m Method, task Task) (out []Scored, err error) {
	defer func() {
		if p := recover(); p != nil {
			*w = Workspace{} // what a panic left behind is not used again
			err = fmt.Errorf("fusion: %s: panic: %v", methodName(m), p)
		}
	}()
	size := task.Limit
	if size == 0 {
		for _, l := range task.Lists {
			size += l.Len()
		}
	}
	out, err = w.Fuse(make([]Scored, 0, min(size, 1<<16)), m, task)
	if err != nil {
		return nil, err
	}
	return out, nil
}
