package experiment

import (
	"fmt"
	"slices"
	"time"

	"github.com/rankcascade/cascade/benchmarks/stats"
)

// Result is everything that an experiment found. It is plain data: it marshals
// to JSON and back without loss, and tables and reports are views of it.
type Result struct {
	// Name is the experiment's, Collection what it ran on.
	Name       string     `json:"name"`
	Collection Collection `json:"collection"`
	// Conventions says how ties, topics and grades were treated.
	Conventions string `json:"conventions"`
	// Measures are the names of the measures, in the order of all values.
	Measures []string `json:"measures"`
	// Topics stand in the order of all per-topic values.
	Topics []Topic `json:"topics"`
	// Systems stand with the baseline first.
	Systems []System `json:"systems"`
	// Baseline is the name of the system that the others are compared with.
	Baseline string `json:"baseline"`
	// Comparisons has one entry for each measure and system but the baseline.
	Comparisons []Comparison `json:"comparisons"`
	// Test and Correction say how the comparisons were tested.
	Test       string `json:"test"`
	Correction string `json:"correction"`
	// Warnings are what a reader must know before believing the table.
	Warnings []string `json:"warnings,omitempty"`
	// Documents holds the documents that the topics' rankings name, by ID, where
	// the plan asked for them.
	Documents map[string]Document `json:"documents,omitempty"`
}

// Collection describes what an experiment ran on.
type Collection struct {
	Name      string `json:"name"`
	Documents int    `json:"documents,omitempty"`
	Licence   string `json:"licence,omitempty"`
}

// Topic is a query of the experiment.
type Topic struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Judged are the grades that were given, by document.
	Judged map[string]int `json:"judged,omitempty"`
}

// Document is a text that a report quotes.
type Document struct {
	Title string `json:"title,omitempty"`
	Text  string `json:"text"`
}

// System is one system's part of a result.
type System struct {
	Name string `json:"name"`
	// Tree is the pipeline as it prints itself, with its effective settings.
	Tree string `json:"tree"`
	// Stages are the parts that ran one after the other, the first a retriever.
	Stages []Stage `json:"stages"`
	// Values has, for each measure, the value of each topic, averaged over
	// repeats; Means the figure over all topics.
	Values [][]float64 `json:"values"`
	Means  []float64   `json:"means"`
	// Unjudged has, for each measure, the mean share of documents that it looked
	// at and nobody judged.
	Unjudged []float64 `json:"unjudged"`
	// Repeats is how often every topic was run; Spread has, for each measure, the
	// lowest and highest mean of a repeat when there were several.
	Repeats int          `json:"repeats"`
	Spread  [][2]float64 `json:"spread,omitempty"`
	// BelowInput names, for each measure, the input ranking whose figure is above
	// the system's own; empty where there is none.
	BelowInput []string `json:"belowInput"`
	// Ceiling is the mean share of relevant documents among the candidates that
	// the last reranker saw; NaN is not used, -1 means that nothing reranks.
	Ceiling float64 `json:"ceiling"`
	// CeilingDepth is how many candidates that were.
	CeilingDepth int `json:"ceilingDepth,omitempty"`
	// Cost is what all stages cost together; its quantiles are of whole topics. A
	// stage that another system shares counts in full.
	Cost Cost `json:"cost"`
	// Tuning says how the system's settings were chosen from judgements; nil where
	// they were not.
	Tuning *Tuning `json:"tuning,omitempty"`
	// Failures are topics without a ranking: they count 0. Degraded are topics
	// whose ranking has gaps.
	Failures []Failure `json:"failures,omitempty"`
	Degraded []Failure `json:"degraded,omitempty"`
}

// Failure is a topic on which something went wrong.
type Failure struct {
	Topic string `json:"topic"`
	Error string `json:"error"`
}

// Stage is one part of a system, with what it made and what that cost.
type Stage struct {
	Name string `json:"name"`
	// Tree is the stage as it prints itself.
	Tree string `json:"tree"`
	// Shared says that another system's run of the same prefix was used.
	Shared bool `json:"shared,omitempty"`
	// Means has, for each measure, the figure of the ranking after this stage.
	Means []float64 `json:"means"`
	// Cost is what all topics together cost.
	Cost Cost `json:"cost"`
	// Rankings has, for each topic, the first hits that the stage returned.
	Rankings [][]Hit `json:"rankings,omitempty"`
	// Inputs are the rankings that were fused inside the stage, by name.
	Inputs []Input `json:"inputs,omitempty"`
}

// Input is a ranking that was fused inside a stage: a leg of a hybrid search, the
// reranked branch of a blend.
type Input struct {
	Name string `json:"name"`
	// Means has, for each measure, the figure of the ranking on its own.
	Means []float64 `json:"means"`
	// Rankings has, for each topic, the first hits, without their arithmetic.
	Rankings [][]Hit `json:"rankings,omitempty"`
}

// Cost is what running a stage took.
type Cost struct {
	// Time is the sum over topics, P50 and P95 are quantiles over topics.
	Time time.Duration `json:"time"`
	P50  time.Duration `json:"p50"`
	P95  time.Duration `json:"p95"`
	// Calls, Retries, Documents and Tokens are what a reranker was asked for, and
	// Cached the documents whose score was known before.
	Calls     int `json:"calls,omitempty"`
	Retries   int `json:"retries,omitempty"`
	Documents int `json:"documents,omitempty"`
	Tokens    int `json:"tokens,omitempty"`
	Cached    int `json:"cached,omitempty"`
	// Price is in the currency of the plan's prices.
	Price float64 `json:"price,omitempty"`
}

// Hit is a document in a stage's ranking.
type Hit struct {
	ID    string  `json:"id"`
	Score float64 `json:"score"`
	// Why is the arithmetic of the score, where the stage computed it from others.
	Why string `json:"why,omitempty"`
	// Status is "imputed" or "cached" where the stage did not compute a score now.
	Status string `json:"status,omitempty"`
}

// Comparison is a system against the baseline on one measure.
type Comparison struct {
	System  string        `json:"system"`
	Measure string        `json:"measure"`
	Summary stats.Summary `json:"summary"`
	// Interval is the 95 % bootstrap interval of the mean difference.
	Interval stats.Interval `json:"interval"`
	// P is the test's p value, Corrected the one after correction over all
	// comparisons of the result.
	//
	// Significant says that Corrected is below 0.05 and that nothing forbids to
	// read the difference as one: never without a correction where there are
	// several comparisons, nor for a gain over a baseline that failed or was
	// degraded on some topics, nor for the gain of a system whose settings were
	// chosen on topics that it is measured on, nor for a system that describes
	// itself exactly as the baseline and so is a repeat of it.
	P           float64 `json:"p"`
	Corrected   float64 `json:"corrected"`
	Significant bool    `json:"significant"`
}

// quantiles fills in P50 and P95; it sorts the times.
func (c *Cost) quantiles(times []time.Duration) {
	slices.Sort(times)
	c.P50, c.P95 = times[len(times)/2], times[min(len(times)-1, len(times)*95/100)]
}

func (c Cost) plus(u usage) Cost {
	c.Calls += u.Calls
	c.Retries += u.Retries
	c.Documents += u.Documents
	c.Tokens += u.Tokens
	c.Cached += u.Cached
	c.Price += u.Price
	return c
}

// inputs finds, for each measure, the best ranking that went into the system and
// is better than what came out.
func (s *System) inputs() {
	s.BelowInput = make([]string, len(s.Means))
	best := slices.Clone(s.Means)
	consider := func(name string, means []float64) {
		for m, mean := range means {
			if mean > best[m]+1e-12 {
				best[m], s.BelowInput[m] = mean, fmt.Sprintf("%s (%.4f)", name, mean)
			}
		}
	}
	for i, stage := range s.Stages {
		if i < len(s.Stages)-1 {
			consider(stage.Name, stage.Means)
		}
		for _, in := range stage.Inputs {
			consider(in.Name, in.Means)
		}
	}
}

func (s System) timeText() string {
	if len(s.Values) == 0 || len(s.Values[0]) == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f ms", s.Cost.Time.Seconds()*1000/float64(len(s.Values[0])))
}
