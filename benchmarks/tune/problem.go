package tune

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
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
	// Options decide what the figures mean. Tied documents of a fused list are
	// measured in the order that its tie rule says.
	Options measure.Options
	// Ranked says that the runs' entries stand in their order: tied ones are ranked
	// as they stand and not by the tie rule.
	Ranked bool
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

// data is a problem, ready to be fused again and again.
type data struct {
	problem Problem
	topics  []string
	tasks   []fusion.Task
	judges  []*measure.Judge
	scratch trec.Topic
	order   []int32
}

func prepare(p Problem) (*data, error) {
	switch {
	case len(p.Runs) < 2:
		return nil, fmt.Errorf("tune: %s: a fusion has at least two", wording.Count(len(p.Runs), "run"))
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
	return d, nil
}

// task turns a topic of all runs into lists of dense ids.
func task(p Problem, topic string) fusion.Task {
	var in fusion.Interner
	var t fusion.Task
	for i, run := range p.Runs {
		entries, _ := run.Topic(topic)
		entries = slices.Clone(entries)
		order := p.Options.Order
		if p.Ranked {
			order.Ties = trec.InputOrder
		}
		order.Sort(entries)
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
	if p.Measure.K > 0 {
		t.Limit = p.Measure.K + 1 // one more shows whether a tie crosses the end
	}
	return t
}

// values fuses every topic with the method and measures it.
func (d *data) values(m fusion.Method) ([]float64, error) {
	fused, err := fusion.FuseAll(m, d.tasks)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	if err := d.wholeTies(m, fused); err != nil {
		return nil, err
	}
	values := make([]float64, len(fused))
	for i, list := range fused {
		values[i] = d.value(i, list)
	}
	return values, nil
}

// wholeTies fuses again, without a limit, what has a tie across its end: which of
// the tied documents are in is up to the tie rule.
func (d *data) wholeTies(m fusion.Method, fused [][]fusion.Scored) error {
	if d.problem.Options.Order.Ties == trec.InputOrder || d.problem.Measure.K == 0 {
		return nil
	}
	var again []fusion.Task
	var at []int
	for i, list := range fused {
		n := len(list)
		if n == d.tasks[i].Limit && n > d.problem.Measure.K && list[n-1].Score == list[d.problem.Measure.K-1].Score {
			whole := d.tasks[i]
			whole.Limit = 0
			again, at = append(again, whole), append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	lists, err := fusion.FuseAll(m, again)
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	for j, i := range at {
		fused[i] = lists[j]
	}
	return nil
}

// value measures one list of a topic, tied documents in the order of the tie rule.
func (d *data) value(topic int, list []fusion.Scored) float64 {
	entries := d.scratch.Entries[:0]
	for _, s := range list {
		entries = append(entries, trec.Entry{Document: d.tasks[topic].Names[s.ID], Score: s.Score})
	}
	d.scratch.Entries = entries
	d.order = d.problem.Options.Order.Ranking(entries, d.order)
	names := make([]string, 0, len(d.order))
	for _, i := range d.order {
		names = append(names, entries[i].Document)
	}
	return d.judges[topic].Value(d.problem.Measure, names)
}

// inputs measures every run on its own.
func (d *data) inputs() []Input {
	var inputs []Input
	for i, run := range d.problem.Runs {
		in := Input{Name: run.Name, values: make([]float64, len(d.tasks))}
		for t, task := range d.tasks {
			l := task.Lists[i]
			list := make([]fusion.Scored, len(l.IDs))
			for j, id := range l.IDs {
				list[j] = fusion.Scored{ID: id, Score: l.Scores[j]}
			}
			in.values[t] = d.value(t, list)
			in.Score += in.values[t] / float64(len(d.tasks))
		}
		inputs = append(inputs, in)
	}
	return inputs
}

// before orders two documents of equal score.
func (d *data) before(x, y moving) int {
	switch d.problem.Options.Order.Ties {
	case trec.InputOrder:
		return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.name, y.name))
	case trec.DocAscending:
		return cmp.Compare(x.name, y.name)
	}
	return cmp.Compare(y.name, x.name)
}

// stepsOf follows one topic's top K from alpha 0 to 1.
func (d *data) stepsOf(topic int, first, second map[uint32]float64) steps {
	docs := d.movers(topic, first, second)
	k := d.problem.Measure.K
	docs = contenders(docs, k)
	breaks := crossings(docs)
	s := steps{}
	names := make([]string, 0, k)
	order := make([]int, len(docs))
	for i := range order {
		order[i] = i
	}
	for i := 0; i+1 < len(breaks); i++ {
		middle := (breaks[i] + breaks[i+1]) / 2
		slices.SortFunc(order, func(x, y int) int {
			return cmp.Or(cmp.Compare(docs[y].score(middle), docs[x].score(middle)), d.before(docs[x], docs[y]))
		})
		names = names[:0]
		for _, o := range order[:min(k, len(order))] {
			names = append(names, docs[o].name)
		}
		value := d.judges[topic].Value(d.problem.Measure, names)
		if len(s.values) == 0 || value != s.values[len(s.values)-1] {
			s.breaks, s.values = append(s.breaks, breaks[i]), append(s.values, value)
		}
	}
	return s
}

func (d *data) movers(topic int, first, second map[uint32]float64) []moving {
	task := d.tasks[topic]
	best := make(map[uint32]int, len(first))
	for _, l := range task.Lists {
		for i, id := range l.IDs {
			if rank, ok := best[id]; !ok || i+1 < rank {
				best[id] = i + 1
			}
		}
	}
	var docs []moving
	for id, a := range first {
		b, ok := second[id]
		if !ok {
			continue
		}
		_, judged := d.judges[topic].Grade(task.Names[id])
		docs = append(docs, moving{task.Names[id], a, b, best[id], judged})
	}
	slices.SortFunc(docs, func(x, y moving) int { return cmp.Compare(x.name, y.name) })
	return docs
}
