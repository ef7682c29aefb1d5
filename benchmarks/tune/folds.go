package tune

import (
	"cmp"
	"fmt"
	"slices"
)

// deal spreads the groups of topics over the folds: in an order that the seed
// shuffles, each to the fold that has the fewest topics so far. It returns the
// fold of each topic.
func deal(t Trial, seed uint64) ([]int, error) {
	groups, names := groupsOf(t)
	if t.Folds < 2 || t.Folds > len(names) {
		return nil, fmt.Errorf("tune: %d folds of %d groups of topics", t.Folds, len(names))
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(mix(seed, a), mix(seed, b)), cmp.Compare(a, b))
	})
	folds := make([]int, len(t.Topics))
	sizes := make([]int, t.Folds)
	for _, name := range names {
		least := slices.Index(sizes, slices.Min(sizes))
		for _, topic := range groups[name] {
			folds[topic] = least
		}
		sizes[least] += len(groups[name])
	}
	return folds, nil
}

// groupsOf returns the positions of the topics of each group, and the groups'
// names in the order of their first topics.
func groupsOf(t Trial) (groups map[string][]int, names []string) {
	groups = map[string][]int{}
	for i, id := range t.Topics {
		name, ok := t.Groups[id]
		if !ok {
			name = "\x00" + id
		}
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], i)
	}
	return groups, names
}

// mix hashes a name with a seed (FNV-1a, finished by SplitMix64).
func mix(seed uint64, name string) uint64 {
	h := 14695981039346656037 ^ seed*0x9e3779b97f4a7c15
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// split parts the topics into those of a fold and the others.
func split(folds []int, fold int) (train, test []int) {
	for i, f := range folds {
		if f == fold {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	return train, test
}

// Deal spreads the topics of a trial over its folds as Choose does: groups stay
// together, in an order that the seed of Sampling shuffles. It returns the topics of
// each fold.
func Deal(t Trial) ([][]string, error) {
	if t.Folds == 0 {
		t.Folds = 5
	}
	folds, err := deal(t, t.Sampling.Seed)
	if err != nil {
		return nil, err
	}
	out := make([][]string, t.Folds)
	for i, f := range folds {
		out[f] = append(out[f], t.Topics[i])
	}
	return out, nil
}
