package experiment

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
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
	// Test and Correction say how the comparisons were tested, and Tests over how
	// many of them was corrected: a comparison of systems that have one value on
	// every topic is no test.
	Test       string `json:"test"`
	Correction string `json:"correction"`
	Tests      int    `json:"tests"`
	// Detectable is the smallest true difference that this many topics show four
	// times in five, where the differences spread as the widest of the comparisons.
	Detectable float64 `json:"detectable,omitempty"`
	// Warnings are what a reader must know before believing the table.
	Warnings []string `json:"warnings,omitempty"`
	// Spent is what this run sent in all, whatever several systems share counted
	// once, and tuning included; what an earlier run sent is not in it.
	Spent Cost `json:"spent,omitzero"`
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
	// Calibration is of systems whose scores are probabilities, on the topics where they
	// are; nil for others.
	Calibration *Calibration `json:"calibration,omitempty"`
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
	// Cached the documents whose score was known before. Where a Ledger knows what
	// the first scoring cost, that is counted, in the time as well.
	Calls     int `json:"calls,omitempty"`
	Retries   int `json:"retries,omitempty"`
	Documents int `json:"documents,omitempty"`
	Tokens    int `json:"tokens,omitempty"`
	Cached    int `json:"cached,omitempty"`
	// Price is in the currency of the plan's prices.
	Price float64 `json:"price,omitempty"`
	// OfCache counts the topics whose time is that of cached scores, because nobody
	// knows that of the first scoring.
	OfCache int `json:"ofCache,omitempty"`
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
	// several comparisons, nor for what benchmarks/gate calls spoiled, such as a gain over
	// a baseline that failed or was degraded on some topics, the gain of a system
	// whose settings were chosen on topics that it is measured on, and any
	// difference of a system that describes itself exactly as the baseline and so is
	// a repeat of it.
	P           float64 `json:"p"`
	Corrected   float64 `json:"corrected"`
	Significant bool    `json:"significant"`
	// Remark says why a difference whose corrected p is below 0.05 is not marked.
	Remark string `json:"remark,omitempty"`
}

// fill writes the comparison into the cells of a row of Result.Table.
func (c Comparison) fill(row []any) {
	row[3], row[4] = c.Summary.Mean, c.Interval.String()
	row[5] = fmt.Sprintf("%d/%d/%d", c.Summary.Wins, c.Summary.Ties, c.Summary.Losses)
	row[6], row[7], row[8] = c.Summary.Effect, table.P(c.P), table.P(c.Corrected)
	if c.Significant {
		row[9] = "*"
	}
}

// differs reports whether the systems differ on any topic.
func (c Comparison) differs() bool { return c.Summary.Wins+c.Summary.Losses > 0 }

// quantiles fills in P50 and P95; it sorts the times.
func (c *Cost) quantiles(times []time.Duration) {
	slices.Sort(times)
	c.P50, c.P95 = times[len(times)/2], times[min(len(times)-1, len(times)*95/100)]
}

// sent adds what was sent now.
func (c Cost) sent(u usage) Cost {
	c.Calls += u.Calls
	c.Retries += u.Retries
	c.Documents += u.Documents
	c.Tokens += u.Tokens
	c.Cached += u.Cached
	c.Price += u.Price
	return c
}

// plus adds what scoring costs: what was sent now, or at the first scoring.
func (c Cost) plus(u usage) Cost {
	c = c.sent(u)
	if u.First != nil {
		c = c.sent(*u.First)
	}
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
	text := fmt.Sprintf("%.1f ms", s.Cost.Time.Seconds()*1000/float64(len(s.Values[0])))
	if s.Cost.OfCache > 0 {
		text += fmt.Sprintf(" (%d of cached scores)", s.Cost.OfCache)
	}
	return text
}

// WriteText prints the table of systems and measures for a terminal.
func (r *Result) WriteText(w io.Writer) error { return r.Table().Write(w, table.Text) }

// Table returns the systems and measures as a table: the figure, and for every
// system but the baseline the difference, its interval, wins / ties / losses, the
// effect size, p as it is and corrected, marked where the corrected one is below
// 0.05 and nothing spoils the claim; then the share of unjudged documents, why a
// mark is missing where that is so, and what the system cost where it ran here.
func (r *Result) Table() *table.Table {
	t := &table.Table{
		Title:    r.title(),
		Columns:  []string{"system", "measure", "value", "difference", "interval", "w/t/l", "effect", "p", "corrected p", "", "unj"},
		Warnings: r.Warnings, Notes: r.notes(),
	}
	remarks := slices.ContainsFunc(r.Comparisons, func(c Comparison) bool { return c.Remark != "" })
	if remarks {
		t.Columns = append(t.Columns, "not marked because")
	}
	ran := slices.ContainsFunc(r.Systems, func(s System) bool { return s.Cost != (Cost{}) })
	if ran {
		t.Columns = append(t.Columns, "time/topic", "tokens", "price")
	}
	for _, s := range r.Systems {
		for m, name := range r.Measures {
			nothing := table.P(math.NaN())
			row := []any{s.Name, name, s.Means[m], math.NaN(), "", "", math.NaN(), nothing, nothing, "", s.Unjudged[m]}
			c, compared := r.comparison(s.Name, name)
			if compared {
				c.fill(row)
			}
			if remarks {
				row = append(row, c.Remark)
			}
			if ran {
				row = append(row, s.timeText(), s.Cost.Tokens, s.Cost.Price)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func (r *Result) title() string {
	title := r.Name
	if r.Collection.Name != "" {
		title = strings.TrimPrefix(title+" on "+r.Collection.Name, " on ")
	}
	return title
}

func (r *Result) notes() []string {
	notes := []string{fmt.Sprintf("%s; baseline %s; %s", wording.Count(len(r.Topics), "topic"), r.Baseline, r.testing()), r.Conventions}
	if c := r.Spent; c.Calls > 0 {
		notes = append(notes, fmt.Sprintf("sent by this run in all: %s, %d of them again, %s, price %.4f; tokens and price of a system are those of its first scoring, tuning included, and count in full where systems share it", wording.Count(c.Calls, "call"), c.Retries, wording.Count(c.Tokens, "token"), c.Price))
	}
	if r.Detectable > 0 {
		notes = append(notes, r.power())
	}
	for _, s := range r.Systems {
		if s.Ceiling >= 0 {
			notes = append(notes, fmt.Sprintf("%s: %.1f %% of the relevant documents are among the %s reranked", s.Name, 100*s.Ceiling, wording.Count(s.CeilingDepth, "candidate")+" that "+wording.Are(s.CeilingDepth)))
		}
	}
	return notes
}

// testing says what a mark in the table means.
func (r *Result) testing() string {
	text := fmt.Sprintf("* corrected p below 0.05 (%s test, %s correction over %s)", r.Test, r.Correction, wording.Count(r.Tests, "comparison"))
	switch {
	case len(r.Comparisons) == 0:
		return "nothing was compared"
	case r.Tests == 0:
		return "nothing is tested, because nothing can differ"
	case r.Tests == 1:
		text = fmt.Sprintf("* p below 0.05 (%s test, a single comparison)", r.Test)
	case r.Test == "tukey":
		text = fmt.Sprintf("* corrected p below 0.05 (Tukey's HSD over all systems, Bonferroni over measures, %d comparisons)", r.Tests)
	case r.Correction == "none":
		text = fmt.Sprintf("nothing is marked, because p is not corrected (%s test, %d comparisons)", r.Test, r.Tests)
	}
	if same := len(r.Comparisons) - r.Tests; same > 0 {
		text += fmt.Sprintf("; %d that cannot differ %s in no correction", same, wording.Verb(same, "counts", "count"))
	}
	return text
}

// power says what so many topics cannot show.
func (r *Result) power() string {
	return fmt.Sprintf("%s: true differences below %s would be missed more than one time in five", wording.Count(len(r.Topics), "topic"), wording.Small(r.Detectable))
}

func (r *Result) comparison(system, measure string) (Comparison, bool) {
	for _, c := range r.Comparisons {
		if c.System == system && c.Measure == measure {
			return c, true
		}
	}
	return Comparison{}, false
}

// PerTopic returns the values of every system on every topic as a table.
func (r *Result) PerTopic() *table.Table {
	t := &table.Table{Columns: []string{"topic", "system"}}
	t.Columns = append(t.Columns, r.Measures...)
	for i, topic := range r.Topics {
		for _, s := range r.Systems {
			row := []any{topic.ID, s.Name}
			for m := range r.Measures {
				row = append(row, s.Values[m][i])
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// WriteJSON writes the whole result, which ReadJSON reads back.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

func (r *Result) addWarning(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// average fills in the values and means of the repeats of a system.
func (s *System) average(results []*measure.Result) error {
	for m := range results[0].Measures {
		var repeats [][]float64
		mean, unjudged, low, high := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for _, r := range results {
			repeats = append(repeats, r.Values[m])
			value := r.Mean(m)
			mean += value / float64(len(results))
			unjudged += r.MeanUnjudged(m) / float64(len(results))
			low, high = min(low, value), max(high, value)
		}
		values, err := stats.Repeats(repeats...)
		if err != nil {
			return err
		}
		s.Values, s.Means, s.Unjudged = append(s.Values, values), append(s.Means, mean), append(s.Unjudged, unjudged)
		if len(results) > 1 {
			s.Spread = append(s.Spread, [2]float64{low, high})
		}
	}
	return nil
}
