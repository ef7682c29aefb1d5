package experiment

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// collector evaluates branches.
type collector struct {
	runner *runner
	runs   []topicRun
	seen   map[*branch]bool
	// at maps a topic of the measures' order to its position in the plan, -1 for
	// a judged topic that the plan does not ask.
	at []int
}

// order fixes the topics of the result: those of the plan, by id. Judged topics
// that the plan leaves out are no failures of a system and are not measured.
func (c *collector) order(res *Result) error {
	p := c.runner.plan
	var unjudged []string
	for i, q := range p.Topics {
		judged, ok := p.Judgements.Topic(q.ID)
		if !ok {
			unjudged = append(unjudged, q.ID)
			continue
		}
		t := Topic{ID: q.ID, Text: q.Text, Judged: map[string]int{}}
		for _, j := range judged {
			t.Judged[j.Document] = j.Grade
		}
		res.Topics = append(res.Topics, t)
		c.at = append(c.at, i)
	}
	if len(res.Topics) == 0 {
		return fmt.Errorf("experiment: none of the %d topics is judged", len(p.Topics))
	}
	sort.Sort(byID{res.Topics, c.at})
	warnTopics(res, p, unjudged)
	return nil
}

type byID struct {
	topics []Topic
	at     []int
}

func (b byID) Len() int           { return len(b.topics) }
func (b byID) Less(i, j int) bool { return b.topics[i].ID < b.topics[j].ID }
func (b byID) Swap(i, j int) {
	b.topics[i], b.topics[j] = b.topics[j], b.topics[i]
	b.at[i], b.at[j] = b.at[j], b.at[i]
}

// evaluate measures a ranking of each topic. A topic for which pick has none
// counts as empty.
func (c *collector) evaluate(name string, pick func(o []outcome) ranked) (*measure.Result, error) {
	p := c.runner.plan
	var topics []trec.Topic
	var judged []trec.Judgements
	for _, i := range c.at {
		id := p.Topics[i].ID
		j, _ := p.Judgements.Topic(id)
		judged = append(judged, trec.Judgements{ID: id, Judged: j})
		topics = append(topics, trec.Topic{ID: id, Entries: entries(pick(c.runs[i].outcomes))})
	}
	return measure.Evaluate(trec.NewQrels(judged), trec.NewRun(name, topics), p.Measures, p.Options)
}

func entries(r ranked) []trec.Entry {
	out := make([]trec.Entry, len(r.IDs))
	for i, id := range r.IDs {
		out[i] = trec.Entry{Document: id, Score: r.Scores[i], Rank: i + 1}
	}
	return out
}

func outputOf(b *branch) func([]outcome) ranked {
	return func(o []outcome) ranked { return ranked{o[b.at].IDs, o[b.at].Scores} }
}

// system collects one system from its branches.
func (c *collector) system(name string) (System, error) {
	ends := c.runner.forest.ends[name]
	s := System{Name: name, Tree: pipeline.String(c.runner.plan.Systems[name]), Repeats: len(ends), Ceiling: -1}
	if tuning, ok := c.runner.plan.Tuned[name]; ok {
		s.Tuning = &tuning
	}
	if err := c.values(&s, ends); err != nil {
		return s, err
	}
	path := ends[0].path()
	for _, b := range path {
		stage, err := c.stage(b)
		if err != nil {
			return s, err
		}
		s.Stages = append(s.Stages, stage)
	}
	s.inputs()
	s.Calibration = c.calibration(ends[0])
	s.Cost = c.cost(path)
	c.ceiling(&s, path)
	c.failures(&s, ends)
	return s, nil
}

// calibration looks at the topics on which a system's scores are probabilities: a
// rerank that was down leaves others.
func (c *collector) calibration(b *branch) *Calibration {
	p := c.runner.plan
	run := trec.NewRun("", nil)
	for _, i := range c.at {
		o := c.runs[i].outcomes[b.at]
		if !o.Probable {
			continue
		}
		run.Topics = append(run.Topics, trec.Topic{ID: p.Topics[i].ID, Entries: entries(ranked{o.IDs, o.Scores})})
	}
	return calibrationOf(p.Judgements, run, p.Options.Level)
}

// values averages the repeats topic by topic.
func (c *collector) values(s *System, ends []*branch) error {
	var results []*measure.Result
	for _, end := range ends {
		r, err := c.evaluate(s.Name, outputOf(end))
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	return s.average(results)
}

func (c *collector) stage(b *branch) (Stage, error) {
	s := Stage{Name: b.node.Name, Tree: b.node.String(), Shared: c.seen[b]}
	c.seen[b] = true
	r, err := c.evaluate(s.Name, outputOf(b))
	if err != nil {
		return s, err
	}
	for m := range r.Measures {
		s.Means = append(s.Means, r.Mean(m))
	}
	var times []time.Duration
	for _, i := range c.at {
		o := c.runs[i].outcomes[b.at]
		s.Cost = s.Cost.plus(o.Usage)
		s.Cost.Time += o.time()
		times = append(times, o.time())
		if o.ofCache() {
			s.Cost.OfCache++
		}
		s.Rankings = append(s.Rankings, o.Hits)
	}
	s.Cost.quantiles(times)
	for _, name := range c.inner(b) {
		in, err := c.input(b, name)
		if err != nil {
			return s, err
		}
		s.Inputs = append(s.Inputs, in)
	}
	return s, nil
}

// cost adds up a system's stages topic by topic.
func (c *collector) cost(path []*branch) Cost {
	var sum Cost
	times := make([]time.Duration, len(c.at))
	for t, i := range c.at {
		ofCache := false
		for _, b := range path {
			o := c.runs[i].outcomes[b.at]
			sum = sum.plus(o.Usage)
			times[t] += o.time()
			ofCache = ofCache || o.ofCache()
		}
		if ofCache {
			sum.OfCache++
		}
		sum.Time += times[t]
	}
	sum.quantiles(times)
	return sum
}

// input evaluates a ranking that was fused inside a branch.
func (c *collector) input(b *branch, name string) (Input, error) {
	in := Input{Name: name}
	r, err := c.evaluate(name, func(o []outcome) ranked { return o[b.at].Inputs[name] })
	if err != nil {
		return in, err
	}
	for m := range r.Measures {
		in.Means = append(in.Means, r.Mean(m))
	}
	for _, i := range c.at {
		list := c.runs[i].outcomes[b.at].Inputs[name]
		var hits []Hit
		for k, id := range list.IDs[:min(len(list.IDs), max(0, c.runner.plan.Keep))] {
			hits = append(hits, Hit{ID: id, Score: list.Scores[k]})
		}
		in.Rankings = append(in.Rankings, hits)
	}
	return in, nil
}

func (c *collector) inner(b *branch) []string {
	names := map[string]bool{}
	for _, i := range c.at {
		for name := range c.runs[i].outcomes[b.at].Inputs {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// ceiling is the recall of what the last reranker was given: no reranking can
// bring in what is not there.
func (c *collector) ceiling(s *System, path []*branch) {
	for i := len(path) - 1; i > 0; i-- {
		depth, ok := rerankDepth(path[i].node)
		if !ok {
			continue
		}
		sum, deepest := 0.0, 0
		for _, topic := range c.at {
			o := c.runs[topic].outcomes[path[i-1].at]
			ids := o.IDs
			if depth > 0 {
				ids = ids[:min(depth, len(ids))]
			}
			deepest = max(deepest, len(ids))
			sum += c.recall(topic, ids)
		}
		s.Ceiling, s.CeilingDepth = sum/float64(len(c.at)), deepest
		return
	}
}

func (c *collector) recall(topic int, ids []string) float64 {
	p := c.runner.plan
	judged, _ := p.Judgements.Topic(p.Topics[topic].ID)
	all, found := 0, 0
	for _, j := range judged {
		if j.Grade < max(1, p.Options.Level) {
			continue
		}
		all++
		if slices.Contains(ids, j.Document) {
			found++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(found) / float64(all)
}

// rerankDepth returns how many hits a reranker in or below the node scores, 0
// for all.
func rerankDepth(n pipeline.Node) (int, bool) {
	if n.Facts.Role == pipeline.RoleRerank {
		return n.Facts.Depth, true
	}
	for _, child := range n.Children {
		if depth, ok := rerankDepth(child); ok {
			return depth, true
		}
	}
	return 0, false
}

func (c *collector) failures(s *System, ends []*branch) {
	for _, i := range c.at {
		for _, end := range ends {
			for _, b := range end.path() {
				o := c.runs[i].outcomes[b.at]
				id := c.runner.plan.Topics[i].ID
				if o.Error != "" && b == end {
					s.Failures = append(s.Failures, Failure{id, o.Error})
				}
				if o.Gaps != "" {
					s.Degraded = append(s.Degraded, Failure{id, o.Gaps})
				}
			}
		}
	}
}
