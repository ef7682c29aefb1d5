package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
)

// trainer learns a method from judged lists.
type trainer func(fusion.Training) (fusion.Method, error)

// trainerOf returns how the method of that name learns, if it is one that does.
func (c *fusing) trainerOf(name string) (trainer, bool) {
	trainers := map[string]trainer{
		"mapfuse":   func(t fusion.Training) (fusion.Method, error) { return fusion.TrainMAPFuse(t) },
		"posfuse":   func(t fusion.Training) (fusion.Method, error) { return fusion.TrainPosFuse(t) },
		"probfuse":  func(t fusion.Training) (fusion.Method, error) { return fusion.TrainProbFuse(t, c.segments) },
		"slidefuse": func(t fusion.Training) (fusion.Method, error) { return fusion.TrainSlideFuse(t, c.width) },
		"bayesfuse": func(t fusion.Training) (fusion.Method, error) { return fusion.TrainBayesFuse(t) },
		"segfuse": func(t fusion.Training) (fusion.Method, error) {
			m, err := fusion.TrainSegFuse(t, c.sizes)
			m.Norm = fusion.MinMax{}
			return m, err
		},
	}
	train, ok := trainers[name]
	return train, ok
}

// trainingFolds is how many parts cross-fitting deals the topics into.
const trainingFolds = 5

// learn fuses with a method that learns.
func (c *fusing) learn(train trainer, runs []*trec.Run, topics []string, tasks []fusion.Task, name string, errs io.Writer) (*trec.Run, error) {
	if c.qrels == "" {
		return nil, usage("-method %s learns and needs -qrels", c.method)
	}
	qrels, err := trec.ReadQrelsFile(c.qrels, trec.Options{Lenient: c.lenient})
	if err != nil {
		return nil, err
	}
	tell(errs, qrels.Problems)
	parts, err := c.parts(topics, qrels)
	if err != nil {
		return nil, err
	}
	fused := make([][]fusion.Scored, len(tasks))
	for _, part := range parts {
		method, err := train(c.training(runs, qrels, part.learn))
		if err != nil {
			return nil, err
		}
		var some []fusion.Task
		for _, i := range part.apply {
			some = append(some, tasks[i])
		}
		lists, err := fusion.FuseAll(method, some)
		if err != nil {
			return nil, err
		}
		for j, i := range part.apply {
			fused[i] = lists[j]
		}
	}
	return assemble(name, topics, tasks, fused), nil
}

// part says on which topics to learn and to which, by position, to apply that.
type part struct {
	learn []string
	apply []int
}

func (c *fusing) parts(topics []string, qrels *trec.Qrels) ([]part, error) {
	var judged []string
	all := make([]int, len(topics))
	for i, id := range topics {
		all[i] = i
		if _, ok := qrels.Topic(id); ok {
			judged = append(judged, id)
		}
	}
	switch c.train {
	case "all":
		return []part{{judged, all}}, nil
	case "":
		return crossFit(topics, judged)
	}
	text, err := os.ReadFile(c.train)
	if err != nil {
		return nil, fmt.Errorf("-train: %w", err)
	}
	listed := strings.Fields(string(text))
	for _, id := range listed {
		if _, ok := qrels.Topic(id); !ok {
			return nil, fmt.Errorf("-train: %s: topic %s is not judged", c.train, id)
		}
	}
	return []part{{listed, all}}, nil
}

// crossFit deals the topics out one by one, in their order.
func crossFit(topics, judged []string) ([]part, error) {
	if len(judged) < trainingFolds {
		return nil, fmt.Errorf("%d judged topics are too few to learn on: cross-fitting takes at least %d", len(judged), trainingFolds)
	}
	parts := make([]part, trainingFolds)
	fold := map[string]int{}
	for i, id := range topics {
		fold[id] = i % trainingFolds
		parts[i%trainingFolds].apply = append(parts[i%trainingFolds].apply, i)
	}
	for _, id := range judged {
		for f := range parts {
			if f != fold[id] {
				parts[f].learn = append(parts[f].learn, id)
			}
		}
	}
	return parts, nil
}

// training says of every run's documents on the topics whether they are relevant.
func (c *fusing) training(runs []*trec.Run, qrels *trec.Qrels, topics []string) fusion.Training {
	var t fusion.Training
	for _, run := range runs {
		var system []fusion.Judged
		for _, id := range topics {
			system = append(system, c.judgedList(run, qrels, id))
		}
		t = append(t, system)
	}
	return t
}

func (c *fusing) judgedList(run *trec.Run, qrels *trec.Qrels, id string) fusion.Judged {
	judged, _ := qrels.Topic(id)
	relevant := map[string]bool{}
	for _, j := range judged {
		if j.Grade >= c.level {
			relevant[j.Document] = true
		}
	}
	entries, _ := run.Topic(id)
	j := fusion.Judged{Total: len(relevant)}
	for _, e := range topOf(entries, c.depth, c.order) {
		j.Relevant = append(j.Relevant, relevant[e.Document])
	}
	return j
}
