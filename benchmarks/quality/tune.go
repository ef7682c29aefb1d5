package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
)

const tuneHelp = `
quality tune chooses the parameters of a fusion, and says what the choice is worth.

  quality tune -method convex -runs bm25.txt,dense.txt -qrels qrels.txt -measures nDCG@10 -folds 5

  -method convex   weights of a linear fusion: exactly, by a sweep, for two runs;
                   by coordinate search for more (-steps N tries every weighting
                   in whole parts of N instead)
  -method rrf      the constant k of reciprocal rank fusion
  -method SPEC,SPEC...  any methods, written as fuse takes them; the first is the
                   default. Put the list in quotes.

The figure to report is the held-out one: every topic is measured with what the
other folds chose. Unless its gain over the default is more than chance, the
verdict is to keep the default.`

func tuneCommand(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("tune", tuneHelp, errs)
	var j judging
	j.register(f, "nDCG@10")
	f.StringVar(&j.measures, "measure", "nDCG@10", "the measure to raise, one")
	runList := f.String("runs", "", "runs, separated by commas")
	method := f.String("method", "convex", "convex, rrf, or specifications")
	norm := f.String("norm", "minmax", "normaliser of -method convex")
	missing := f.String("missing", "", "policy for missing documents of -method convex")
	steps := f.Int("steps", 0, "parts of the whole that weights are made of, instead of the exact sweep or search")
	folds := f.Int("folds", 5, "parts of the cross-validation")
	depth := f.Int("depth", 1000, "entries of each list that are fused")
	seed := f.Uint64("seed", 1, "seed of the folds, the test and the interval")
	format := f.String("format", "text", "text or json")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	p, err := tuneProblem(&j, *runList, errs)
	if err != nil {
		return err
	}
	p.Folds, p.Depth, p.Sampling = *folds, *depth, stats.Sampling{Seed: *seed}
	space, err := tuneSpace(*method, *norm, *missing, *steps, len(p.Runs))
	if err != nil {
		return err
	}
	report, err := tune.Tune(p, space)
	if err != nil {
		return err
	}
	switch *format {
	case "text":
		_, err = io.WriteString(out, report.String())
	case "json":
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	default:
		err = usage("-format %q: text or json", *format)
	}
	return err
}

func tuneProblem(j *judging, runList string, errs io.Writer) (tune.Problem, error) {
	measures, err := j.parseMeasures()
	if err != nil {
		return tune.Problem{}, err
	}
	if len(measures) != 1 {
		return tune.Problem{}, usage("-measure: one measure is raised at a time")
	}
	o, err := j.options()
	if err != nil {
		return tune.Problem{}, err
	}
	qrels, err := j.load(errs)
	if err != nil {
		return tune.Problem{}, err
	}
	runs, err := loadRuns(runList, j.lenient, errs)
	if err != nil {
		return tune.Problem{}, err
	}
	return tune.Problem{Runs: runs, Qrels: judgedAndReturned(qrels, runs), Measure: measures[0], Options: o}, nil
}

// judgedAndReturned keeps the topics that at least one run has: the others would
// count 0 whatever is chosen.
func judgedAndReturned(qrels *trec.Qrels, runs []*trec.Run) *trec.Qrels {
	var kept []trec.Judgements
	for _, t := range qrels.Topics {
		for _, r := range runs {
			if _, ok := r.Topic(t.ID); ok {
				kept = append(kept, t)
				break
			}
		}
	}
	judged := trec.NewQrels(kept)
	judged.Synthetic = qrels.Synthetic
	return judged
}

func tuneSpace(method, norm, missing string, steps, lists int) (tune.Fusion, error) {
	switch method {
	case "rrf":
		return tune.Constants(), nil
	case "convex":
		return convexSpace(norm, missing, steps, lists)
	}
	var methods []fusion.Method
	for _, spec := range splitSpecs(method) {
		m, err := fusion.Parse(spec)
		if err != nil {
			return nil, usage("-method: %v", err)
		}
		methods = append(methods, m)
	}
	if len(methods) < 2 {
		return nil, usage("-method %q: convex, rrf, or two specifications or more", method)
	}
	return tune.Candidates(methods[0], methods[1:]...), nil
}

func convexSpace(norm, missing string, steps, lists int) (tune.Fusion, error) {
	spec := fmt.Sprintf("convex(norm=%s", norm)
	if missing != "" {
		spec += ", missing=" + missing
	}
	m, err := fusion.Parse(spec + ")")
	if err != nil {
		return nil, usage("-norm, -missing: %v", err)
	}
	base, ok := m.(fusion.Convex)
	if !ok {
		return nil, fmt.Errorf("%s is %T, no convex combination", spec, m)
	}
	switch {
	case steps > 0:
		return tune.Simplex(base, lists, steps), nil
	case lists == 2:
		return tune.Line(base), nil
	}
	return tune.Coordinate(base, lists), nil
}

// splitSpecs splits at commas outside parentheses and brackets.
func splitSpecs(text string) []string {
	depth := 0
	specs := strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
		return r == ',' && depth == 0
	})
	for i := range specs {
		specs[i] = strings.TrimSpace(specs[i])
	}
	return specs
}
