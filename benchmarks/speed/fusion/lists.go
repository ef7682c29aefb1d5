package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// shape is a number of lists and their length.
type shape struct{ lists, length int }

func (s shape) entries() int { return s.lists * s.length }

func (s shape) String() string { return fmt.Sprintf("%dx%d", s.lists, s.length) }

// query is one query's lists, by name and by id.
type query struct {
	named    []fusion.NamedList
	ids      []fusion.List
	universe int
}

// draw makes a query whose lists share half of their documents: list l holds a
// random half of the common documents' share and its own. Names have 25 bytes.
func draw(s shape, seed uint64) query {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var q query
	var in fusion.Interner
	common := s.length / 2
	for l := range s.lists {
		numbers := make([]int, s.length)
		for i := range numbers {
			numbers[i] = i
			if i >= common {
				numbers[i] = i + l*(s.length-common)
			}
		}
		rnd.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
		scores := make([]float64, s.length)
		for i := range scores {
			scores[i] = rnd.Float64() * 30
		}
		slices.SortFunc(scores, func(a, b float64) int {
			if a > b {
				return -1
			}
			return 1
		})
		named := fusion.NamedList{Scores: scores, Scale: pipeline.Unbounded}
		for _, n := range numbers {
			named.Names = append(named.Names, fmt.Sprintf("document-%016d", n*7919))
		}
		q.named = append(q.named, named)
		q.ids = append(q.ids, fusion.List{IDs: in.Append(nil, named.Names), Scores: scores, Scale: named.Scale})
	}
	q.universe = in.Len()
	return q
}
