package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/benchmarks/tune/nulldata"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/nearest"
)

const nullHelp = `
quality null counts how often tune claims a gain on data that hold none.

  quality null -sets 1000 -methods rrf,convex

For each method and each shape of data it makes so many sets, tunes on each, and
prints in how many the verdict was to adopt. The nominal rate is 2.5 %: half of the
5 % of a two-sided test, because only gains are adopted. With 1,000 sets a rate of
4.5 % would be noticed.

"input alone" is the share of sets in which tune says to use one input alone. That
verdict claims no gain: where nothing is better than anything, the best of the
inputs is above a fusion of them about as often as not. "of these p < 0.05" counts
those in which a test calls the input different from the default.`

// nullMethod is a space of fusions to be tried on null data.
type nullMethod struct {
	name    string
	weights bool // around equal ones
	space   tune.Fusion
}

func nullMethods() []nullMethod {
	base := fusion.Convex{Norm: fusion.MinMax{}}
	return []nullMethod{
		{"rrf", false, tune.Constants()},
		{"convex", true, tune.Line(base)},
		{"simplex", true, tune.Simplex(base, 2, 20)},
		{"coordinate", true, tune.Coordinate(base, 2)},
		{"candidates", false, tune.Candidates(fusion.RRF{}, base, fusion.Convex{Norm: fusion.ZScore{}}, fusion.CombMNZ{Norm: fusion.MinMax{}}, fusion.Borda{})},
	}
}

func null(ctx context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("null", nullHelp, errs)
	sets := f.Int("sets", 1000, "sets of data for each method and shape")
	list := f.String("methods", "", "rrf, convex, simplex, coordinate, candidates, separated by commas; default all")
	shapes := f.String("shapes", "", "shapes of data, separated by commas; default all")
	seed := f.Uint64("seed", 1, "seed of the first set")
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	chosen, err := table.ParseFormat(*format)
	if err != nil {
		return usage("-format: %v", err)
	}
	if *sets < 1 {
		return usage("-sets %d: at least one", *sets)
	}
	methods, err := pick("-methods", *list, nullMethods(), func(m nullMethod) string { return m.name })
	if err != nil {
		return err
	}
	kinds, err := pick("-shapes", *shapes, nulldata.Shapes(), func(s nulldata.Shape) string { return s.Name })
	if err != nil {
		return err
	}
	t := table.Table{Columns: []string{"method", "data", "sets", "adopted", "adopted %", "input alone %", "of these p < 0.05"}}
	t.Notes = []string{"nominal: 2.5 % adopted"}
	for _, m := range methods {
		for _, s := range kinds {
			if s.WeightsOnly && !m.weights {
				continue
			}
			row, err := countNull(ctx, m, s, *sets, *seed)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", m.name, s.Name, err)
			}
			fmt.Fprintf(errs, "%s on %s: %v of %d adopted\n", m.name, s.Name, row[3], *sets)
			t.Add(row...)
		}
	}
	return t.Write(out, chosen)
}

// countNull tunes on so many sets and returns a row of the table.
func countNull(ctx context.Context, m nullMethod, s nulldata.Shape, sets int, seed uint64) ([]any, error) {
	adopted, alone, different := 0, 0, 0
	for i := range sets {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		r, err := tune.Tune(s.Make(seed+uint64(i)), m.space)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Verdict == tune.Adopt:
			adopted++
		case r.Verdict == tune.UseInput:
			alone++
			if r.Alone.P < .05 {
				different++
			}
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(sets) }
	return []any{m.name, s.Name, sets, adopted, share(adopted), share(alone), share(different)}, nil
}

// pick returns the parts that a list names; all of them for an empty list.
func pick[T any](flag, list string, all []T, name func(T) string) ([]T, error) {
	names := fileNames(list)
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, x := range all {
		known = append(known, name(x))
	}
	var out []T
	for _, n := range names {
		i := slices.Index(known, n)
		if i < 0 {
			return nil, usage("%s: no %q, only %s%s", flag, n, strings.Join(known, ", "), nearest.Hint(n, known))
		}
		out = append(out, all[i])
	}
	return out, nil
}
