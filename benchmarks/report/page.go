package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/benchmarks/experiment"
)

// page is what the report's program reads first: everything but the rankings and
// texts of single topics.
type page struct {
	Title   string   `json:"title"`
	Results []result `json:"results"`
}

type result struct {
	Name        string   `json:"name"`
	Collection  string   `json:"collection"`
	Documents   int      `json:"documents"`
	Licence     string   `json:"licence"`
	Conventions string   `json:"conventions"`
	Measures    []string `json:"measures"`
	Baseline    string   `json:"baseline"`
	// Testing says in words what a mark means.
	Testing  string   `json:"testing"`
	Warnings []string `json:"warnings"`
	Topics   []topic  `json:"topics"`
	Systems  []system `json:"systems"`
	// First is the number of the first block of topics, PerBlock their size.
	First    int `json:"first"`
	PerBlock int `json:"perBlock"`
	// Hits and Text are what is kept of rankings and documents; Cut says so in
	// words where it is less than the result has.
	Hits int    `json:"hits"`
	Text int    `json:"text"`
	Cut  string `json:"cut"`
}

type topic struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

type system struct {
	Name         string        `json:"name"`
	Tree         string        `json:"tree"`
	Stages       []stage       `json:"stages"`
	Columns      []column      `json:"columns"`
	Values       [][]number    `json:"values"`
	Means        []number      `json:"means"`
	Unjudged     []number      `json:"unjudged"`
	Repeats      int           `json:"repeats"`
	Spread       [][2]number   `json:"spread"`
	Below        []string      `json:"below"`
	Ceiling      number        `json:"ceiling"`
	CeilingDepth int           `json:"ceilingDepth"`
	Cost         cost          `json:"cost"`
	Failures     []string      `json:"failures"`
	Degraded     []string      `json:"degraded"`
	Troubles     []trouble     `json:"troubles"`
	Tuning       string        `json:"tuning"`
	Calibration  *calibration  `json:"calibration"`
	Compared     []*comparison `json:"compared"`
}

// calibration is a reliability diagram: each bin has its bounds, the number of
// documents, their mean probability and the share that is relevant.
type calibration struct {
	Documents int         `json:"documents"`
	Brier     number      `json:"brier"`
	ECE       number      `json:"ece"`
	Bins      [][5]number `json:"bins"`
}

type trouble struct {
	Topic string `json:"topic"`
	Error string `json:"error"`
}

// column is a ranking of the rank flow: a stage's, or one that it fused.
type column struct {
	Name  string `json:"name"`
	Input bool   `json:"input"`
}

type stage struct {
	Name   string   `json:"name"`
	Tree   string   `json:"tree"`
	Shared bool     `json:"shared"`
	Means  []number `json:"means"`
	Cost   cost     `json:"cost"`
	Inputs []input  `json:"inputs"`
}

type input struct {
	Name  string   `json:"name"`
	Means []number `json:"means"`
}

// cost has times in milliseconds, the mean for a topic.
type cost struct {
	Mean      number `json:"mean"`
	P50       number `json:"p50"`
	P95       number `json:"p95"`
	Calls     int    `json:"calls"`
	Retries   int    `json:"retries"`
	Documents int    `json:"documents"`
	Tokens    int    `json:"tokens"`
	Cached    int    `json:"cached"`
	Price     number `json:"price"`
	// OfCache counts topics whose time is that of cached scores.
	OfCache int `json:"ofCache"`
}

type comparison struct {
	Mean      number `json:"mean"`
	Low       number `json:"low"`
	High      number `json:"high"`
	Effect    number `json:"effect"`
	Wins      int    `json:"wins"`
	Ties      int    `json:"ties"`
	Losses    int    `json:"losses"`
	P         number `json:"p"`
	Corrected number `json:"corrected"`
	Mark      bool   `json:"mark"`
	// Remark says why a small p has no mark.
	Remark string `json:"remark,omitempty"`
}

// number prints with seven digits, which is more than is shown, and null for
// what is not finite.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 7, 64), nil
}

func numbers(v []float64) []number {
	out := make([]number, len(v))
	for i, x := range v {
		out[i] = number(x)
	}
	return out
}

func title(r []*experiment.Result) string {
	var names, places []string
	for _, x := range r {
		if x.Name != "" && (len(names) == 0 || names[len(names)-1] != x.Name) {
			names = append(names, x.Name)
		}
		if x.Collection.Name != "" {
			places = append(places, x.Collection.Name)
		}
	}
	text := strings.Join(names, "; ")
	if text == "" {
		text = "Experiment"
	}
	if len(places) > 0 {
		text += " on " + strings.Join(places, ", ")
	}
	return text
}

func resultOf(r *experiment.Result) result {
	out := result{
		Name: r.Name, Collection: r.Collection.Name, Documents: r.Collection.Documents, Licence: r.Collection.Licence,
		Conventions: r.Conventions, Measures: r.Measures, Baseline: r.Baseline, Testing: testing(r), Warnings: r.Warnings,
	}
	for _, t := range r.Topics {
		out.Topics = append(out.Topics, topic{t.ID, t.Text})
	}
	for _, s := range r.Systems {
		out.Systems = append(out.Systems, systemOf(r, s))
	}
	return out
}

func systemOf(r *experiment.Result, s experiment.System) system {
	out := system{
		Name: s.Name, Tree: s.Tree, Means: numbers(s.Means), Unjudged: numbers(s.Unjudged), Repeats: max(1, s.Repeats),
		Stages: []stage{}, Columns: []column{},
		Below: append([]string{}, s.BelowInput...), Ceiling: number(s.Ceiling), CeilingDepth: s.CeilingDepth, Cost: costOf(s.Cost, len(r.Topics)),
		Failures: topicsOf(s.Failures), Degraded: topicsOf(s.Degraded), Tuning: tuningText(s.Tuning),
	}
	if c := s.Calibration; c != nil {
		out.Calibration = &calibration{Documents: c.Documents, Brier: number(c.Brier), ECE: number(c.ECE)}
		for _, b := range c.Bins {
			if b.Documents > 0 {
				out.Calibration.Bins = append(out.Calibration.Bins, [5]number{number(b.Low), number(b.High), number(b.Documents), number(b.Mean), number(b.Share)})
			}
		}
	}
	for _, f := range append(append([]experiment.Failure{}, s.Failures...), s.Degraded...) {
		out.Troubles = append(out.Troubles, trouble{f.Topic, f.Error})
	}
	for _, v := range s.Values {
		out.Values = append(out.Values, numbers(v))
	}
	for _, v := range s.Spread {
		out.Spread = append(out.Spread, [2]number{number(v[0]), number(v[1])})
	}
	for _, st := range s.Stages {
		x := stage{Name: st.Name, Tree: st.Tree, Shared: st.Shared, Means: numbers(st.Means), Cost: costOf(st.Cost, len(r.Topics))}
		for _, in := range st.Inputs {
			x.Inputs = append(x.Inputs, input{in.Name, numbers(in.Means)})
		}
		out.Stages = append(out.Stages, x)
	}
	for _, f := range flowOf(s) {
		out.Columns = append(out.Columns, column{f.name, f.input})
	}
	for _, m := range r.Measures {
		out.Compared = append(out.Compared, comparisonOf(r, s.Name, m))
	}
	return out
}

func topicsOf(failures []experiment.Failure) []string {
	var ids []string
	seen := map[string]bool{}
	for _, f := range failures {
		if !seen[f.Topic] {
			seen[f.Topic] = true
			ids = append(ids, f.Topic)
		}
	}
	return ids
}

func costOf(c experiment.Cost, topics int) cost {
	ms := func(d time.Duration) number { return number(d.Seconds() * 1000) }
	return cost{
		Mean: ms(c.Time) / number(topics), P50: ms(c.P50), P95: ms(c.P95), Calls: c.Calls, Retries: c.Retries,
		Documents: c.Documents, Tokens: c.Tokens, Cached: c.Cached, Price: number(c.Price), OfCache: c.OfCache,
	}
}
