package main

import (
	"fmt"

	"github.com/rankcascade/cascade/fusion"
)

// trainer learns a method from judged lists.
type trainer func(fusion.Training) (fusion.Method, error)

// trainingFolds is how many parts cross-fitting deals the topics into.
const trainingFolds = 5

// part says on which topics to learn and to which, by position, to apply that.
type part struct {
	learn []string
	apply []int
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
