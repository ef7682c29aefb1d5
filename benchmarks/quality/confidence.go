package main

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/rankcascade/cascade/benchmarks/confidence"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const confidenceHelp = `
quality confidence measures whether systems know how sure they may be.

  quality confidence -qrels qrels.txt -runs bm25.txt,reranked.txt -measure nDCG@10

For each run and each predictor of a query's performance, which sees no judgements:
Kendall's tau of the predictor and the measure over the topics; what the measure is
on the surest half of the topics; nAUC (1: abstaining as an oracle would, 0: no
idea, below 0: misled); and the area under the risk-coverage curve. "agreement" is
the mean rank-biased overlap with the other runs.

For runs whose scores are probabilities it also prints the Brier score, the expected
calibration error (ECE) and the reliability of 10 bins, over judged documents.`

func confidenceCommand(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("confidence", confidenceHelp, errs)
	var j judging
	j.register(f, "nDCG@10")
	f.StringVar(&j.measures, "measure", "nDCG@10", "the measure that is predicted, one")
	list := f.String("runs", "", "runs, separated by commas")
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	chosen, err := table.ParseFormat(*format)
	if err != nil {
		return usage("-format: %v", err)
	}
	measures, err := j.parseMeasures()
	if err != nil {
		return err
	}
	if len(measures) != 1 {
		return usage("-measure: one measure is predicted at a time")
	}
	o, err := j.options()
	if err != nil {
		return err
	}
	qrels, err := j.load(errs)
	if err != nil {
		return err
	}
	runs, err := loadRuns(*list, j.lenient, errs)
	if err != nil {
		return err
	}
	s := sureness{qrels: qrels, runs: runs, measure: measures[0], options: o}
	for _, write := range []func() (*table.Table, error){s.predictors, s.calibration} {
		t, err := write()
		if err != nil {
			return err
		}
		if len(t.Rows) == 0 {
			continue
		}
		t.Warnings = append(t.Warnings, j.warnings...)
		if err := t.Write(out, chosen); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

// sureness makes the tables of quality confidence.
type sureness struct {
	qrels   *trec.Qrels
	runs    []*trec.Run
	measure measure.Measure
	options measure.Options
}

// topPredicted is how many scores NQC and WIG look at.
const topPredicted = 10

// predictors tells what each predictor is worth on each run.
func (s sureness) predictors() (*table.Table, error) {
	t := &table.Table{Title: "Query performance prediction", Columns: []string{"run", "predictor", "tau", "all", "surest half", "nAUC", "risk"}}
	t.Notes = []string{fmt.Sprintf("%v; %s", s.measure, s.options.Conventions())}
	for i, run := range s.runs {
		r, err := measure.Evaluate(s.qrels, run, []measure.Measure{s.measure}, s.options)
		if err != nil {
			return nil, err
		}
		if n := len(r.Missing); n > 0 {
			t.Warnings = append(t.Warnings, fmt.Sprintf("%s: %d judged topics are not in the run and count 0", run.Name, n))
		}
		names := []string{"top score", "margin", "NQC", "WIG"}
		for p, predictor := range []confidence.Predictor{confidence.PredictorFunc(confidence.Top), confidence.PredictorFunc(confidence.Margin), confidence.NQC(topPredicted), confidence.WIG(topPredicted)} {
			if err := s.row(t, run, names[p], r, func(topic string) float64 { return predictor.Predict(s.ranked(run, topic)) }); err != nil {
				return nil, err
			}
		}
		if len(s.runs) > 1 {
			agreement := func(topic string) float64 {
				var others [][]trec.Entry
				for k, other := range s.runs {
					if k != i {
						others = append(others, s.ranked(other, topic))
					}
				}
				return confidence.Agreement(s.ranked(run, topic), others...)
			}
			if err := s.row(t, run, "agreement", r, agreement); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (s sureness) ranked(run *trec.Run, topic string) []trec.Entry {
	entries, _ := run.Topic(topic)
	var out []trec.Entry
	for _, i := range s.options.Order.Ranking(entries, nil) {
		out = append(out, entries[i])
	}
	return out
}

func (s sureness) row(t *table.Table, run *trec.Run, name string, r *measure.Result, predict func(topic string) float64) error {
	sure := make([]float64, len(r.Topics))
	for i, topic := range r.Topics {
		sure[i] = predict(topic)
	}
	a, err := confidence.Abstain(sure, r.Values[0])
	if err != nil {
		return fmt.Errorf("%s, %s: %w", run.Name, name, err)
	}
	tau, err := stats.KendallTau(sure, r.Values[0])
	if err != nil {
		tau = math.NaN() // one value throughout, which no correlation is defined for
	}
	t.Add(run.Name, name, tau, a.Values[0], a.Values[5], a.NAUC, a.Risk)
	return nil
}

// calibration looks at the runs whose scores are probabilities.
func (s sureness) calibration() (*table.Table, error) {
	const bins = 10
	t := &table.Table{Title: "Calibration", Columns: []string{"run", "Brier", "ECE", "bin", "documents", "mean probability", "relevant share"}}
	for _, run := range s.runs {
		p, err := confidence.Predictions(s.qrels, run, s.options.Level)
		if err != nil {
			t.Notes = append(t.Notes, fmt.Sprintf("%s is left out: %v", run.Name, err))
			continue
		}
		parts, err := confidence.Reliability(p, bins)
		if err != nil {
			return nil, err
		}
		for _, b := range parts {
			if b.N > 0 {
				t.Add(run.Name, confidence.Brier(p), confidence.ECE(parts), fmt.Sprintf("%.1f to %.1f", b.Low, b.High), b.N, b.Mean, b.Share)
			}
		}
	}
	return t, nil
}
