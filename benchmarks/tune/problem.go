package tune

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// Problem says what to tune on. Runs, Qrels and Measure are required.
type Problem struct {
	Runs    []*trec.Run
	Qrels   *trec.Qrels
	Measure measure.Measure
	Options measure.Options
	// Scales says what the scores of each run mean; nil means unbounded.
	Scales []pipeline.Scale
	// Depth cuts every list before it is fused; 0 means 1,000.
	Depth int
	// Folds is the number of parts of the cross-validation; 0 means 5.
	Folds int
	// Groups names a group for topics that belong together, such as paraphrases:
	// they stay in one fold. A topic without a group is its own.
	Groups map[string]string
	// Sampling seeds the folds, the test and the interval.
	Sampling stats.Sampling
}

// fewTopics is below how many judged topics only the default is recommended.
const fewTopics = 20

// data is a problem, ready to be fused again and again.
type data struct {
	problem Problem
	topics  []string
	tasks   []fusion.Task
	judges  []*measure.Judge
	folds   []int // of each topic
}

func prepare(p Problem) (*data, error) {
	switch {
	case len(p.Runs) < 2:
		return nil, fmt.Errorf("tune: %d runs: a fusion has at least two", len(p.Runs))
	case p.Qrels == nil || p.Measure.Name == "":
		return nil, errors.New("tune: judgements and a measure are needed")
	case p.Scales != nil && len(p.Scales) != len(p.Runs):
		return nil, fmt.Errorf("tune: %d scales for %d runs", len(p.Scales), len(p.Runs))
	}
	if err := p.Qrels.Check(); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	if p.Depth == 0 {
		p.Depth = 1000
	}
	if p.Folds == 0 {
		p.Folds = 5
	}
	d := &data{problem: p}
	for _, t := range p.Qrels.Topics {
		d.topics = append(d.topics, t.ID)
	}
	slices.Sort(d.topics)
	for _, id := range d.topics {
		judged, _ := p.Qrels.Topic(id)
		d.judges = append(d.judges, measure.NewJudge(trec.Judgements{ID: id, Judged: judged}, p.Options))
		d.tasks = append(d.tasks, task(p, id))
	}
	return d, d.deal()
}

// task turns a topic of all runs into lists of dense ids.
func task(p Problem, topic string) fusion.Task {
	var in fusion.Interner
	var t fusion.Task
	for i, run := range p.Runs {
		entries, _ := run.Topic(topic)
		entries = slices.Clone(entries)
		p.Options.Order.Sort(entries)
		list := fusion.List{Scale: pipeline.Unbounded}
		if p.Scales != nil {
			list.Scale = p.Scales[i]
		}
		for _, e := range entries[:min(len(entries), p.Depth)] {
			list.IDs = append(list.IDs, in.ID(e.Document))
			list.Scores = append(list.Scores, e.Score)
		}
		t.Lists = append(t.Lists, list)
	}
	t.Names = slices.Clone(in.Names())
	t.Limit = p.Measure.K
	return t
}

// deal spreads the groups over the folds: in an order that the seed shuffles,
// each to the fold that has the fewest topics so far.
func (d *data) deal() error {
	p := d.problem
	groups := map[string][]int{}
	var names []string
	for i, id := range d.topics {
		name, ok := p.Groups[id]
		if !ok {
			name = "\x00" + id
		}
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], i)
	}
	if p.Folds < 2 || p.Folds > len(names) {
		return fmt.Errorf("tune: %d folds of %d groups of topics", p.Folds, len(names))
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(mix(p.Sampling.Seed, a), mix(p.Sampling.Seed, b)), cmp.Compare(a, b))
	})
	d.folds = make([]int, len(d.topics))
	sizes := make([]int, p.Folds)
	for _, name := range names {
		least := slices.Index(sizes, slices.Min(sizes))
		for _, topic := range groups[name] {
			d.folds[topic] = least
		}
		sizes[least] += len(groups[name])
	}
	return nil
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

// values fuses every topic with the method and measures it.
func (d *data) values(m fusion.Method) ([]float64, error) {
	fused, err := fusion.FuseAll(m, d.tasks)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	values := make([]float64, len(fused))
	var names []string
	for i, list := range fused {
		names = names[:0]
		for _, s := range list {
			names = append(names, d.tasks[i].Names[s.ID])
		}
		values[i] = d.judges[i].Value(d.problem.Measure, names)
	}
	return values, nil
}

// inputs measures every run on its own.
func (d *data) inputs() []Input {
	var inputs []Input
	for i, run := range d.problem.Runs {
		sum := 0.0
		for t, task := range d.tasks {
			var names []string
			for _, id := range task.Lists[i].IDs {
				names = append(names, task.Names[id])
			}
			sum += d.judges[t].Value(d.problem.Measure, names)
		}
		inputs = append(inputs, Input{Name: run.Name, Score: sum / float64(len(d.tasks))})
	}
	return inputs
}
