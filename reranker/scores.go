package reranker

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Scores is what a Scorer answers. All slices that are not nil have one entry
// for each document, in the order of the documents.
type Scores struct {
	// Values are the scores, higher is better, finite where a document was
	// scored and 0 without meaning where it was not.
	Values []float64
	// Unscored gives the reason why a document has no score, empty where it has
	// one; nil when all were scored.
	Unscored []pipeline.Reason
	// Cached says which scores were computed before; nil when none.
	Cached []bool
	// Scale is what the values mean.
	Scale pipeline.Scale
	// Usage is what the answers cost, over all calls that were made.
	Usage Usage
	// Model is the model that answered, as the server names it; empty if it does
	// not say.
	Model string
	// RequestIDs are the server's names for the calls, for support requests.
	RequestIDs []string
	// Causes are the errors behind the unscored documents, each once.
	Causes []error
	// Warnings are findings that a person should see and that cost no document
	// its score: a model that differs from the requested one, a template that
	// seems to be missing, scores outside the declared scale.
	Warnings []Warning
	// Limits are the rate limits that the newest answer declared.
	Limits Limits
	// Attributes are what the query asked for beside its text and reached the
	// server: user, tier, project, instruction, in a fixed order; nil for none.
	Attributes []pipeline.Setting
	// Passages says which part of each document had the best score, where documents
	// were scored by passages, see Passages; nil elsewhere.
	Passages []Passage
	// Report tells how a scheduler got the scores; nil from a plain client.
	Report *Report
}

// Scored reports whether document i has a score.
func (s Scores) Scored(i int) bool { return s.Unscored == nil || s.Unscored[i] == "" }

// Complete reports whether every document has a score.
func (s Scores) Complete() bool {
	for _, reason := range s.Unscored {
		if reason != "" {
			return false
		}
	}
	return true
}

// Check is the contract of an answer about n documents, in one place. It returns
// an *Error of KindProtocol if Values has not n entries, or Unscored or Cached has
// neither n entries nor is nil; what the
// scores cost and their causes stay. A score that is not finite is taken out: its document is
// unscored for the reason pipeline.ReasonBadResponse in what Check returns, and s
// is not written to.
func (s Scores) Check(n int) (Scores, error) {
	if len(s.Values) != n || s.Unscored != nil && len(s.Unscored) != n || s.Cached != nil && len(s.Cached) != n {
		err := &Error{Kind: KindProtocol, Op: "reranker: check scores", Permanent: true, Message: fmt.Sprintf(
			"the scorer answered %d values, %d reasons and %d marks for %d documents", len(s.Values), len(s.Unscored), len(s.Cached), n)}
		s.Values, s.Unscored, s.Cached = nil, nil, nil
		return s, err
	}
	cloned := false
	for i, v := range s.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			continue
		}
		if !cloned {
			cloned = true
			s.Values = slices.Clone(s.Values)
			s.Unscored = append(make([]pipeline.Reason, 0, n), s.Unscored...)[:n]
		}
		s.Values[i] = 0
		if s.Unscored[i] == "" {
			s.Unscored[i] = pipeline.ReasonBadResponse
		}
	}
	return s, nil
}

// head returns the scores of the first n documents.
func (s Scores) head(n int) Scores {
	s.Values = s.Values[:n:n]
	if s.Unscored != nil {
		s.Unscored = s.Unscored[:n:n]
	}
	if s.Cached != nil {
		s.Cached = s.Cached[:n:n]
	}
	return s
}

// add sums up what calls cost and said, without the scores.
func (s *Scores) add(t Scores) {
	s.Usage = s.Usage.Add(t.Usage)
	s.Causes = append(s.Causes, t.Causes...)
	s.Warnings = append(s.Warnings, t.Warnings...)
	s.RequestIDs = append(s.RequestIDs, t.RequestIDs...)
	s.Limits = t.Limits
	if t.Attributes != nil {
		s.Attributes = t.Attributes
	}
	if t.Model != "" {
		s.Model = t.Model
	}
	switch {
	case t.Report == nil:
	case s.Report == nil:
		report := *t.Report
		s.Report = &report
	default:
		s.Report.addCalls(*t.Report)
	}
}

// put takes over the score of document i of t as that of document at.
func (s *Scores) put(at int, t Scores, i int) {
	if t.Scored(i) {
		s.Values[at] = t.Values[i]
	} else {
		s.lose(at, t.Unscored[i])
	}
	if t.Cached != nil && t.Cached[i] {
		if s.Cached == nil {
			s.Cached = make([]bool, len(s.Values))
		}
		s.Cached[at] = true
	}
}

// lose takes the score of a document away for a reason.
func (s *Scores) lose(at int, reason pipeline.Reason) {
	if s.Unscored == nil {
		s.Unscored = make([]pipeline.Reason, len(s.Values))
	}
	s.Values[at], s.Unscored[at] = 0, reason
}

// warn adds a warning once.
func (s *Scores) warn(w Warning) {
	if !slices.Contains(s.Warnings, w) {
		s.Warnings = append(s.Warnings, w)
	}
}

// describe takes over scale, model, request ids and warnings of one of several
// answers.
func (s *Scores) describe(t Scores) {
	if s.Scale == pipeline.Unknown {
		s.Scale = t.Scale
	}
	if s.Model == "" {
		s.Model = t.Model
	} else if t.Model != "" && t.Model != s.Model {
		s.warn(Warning{Kind: WarnModelMismatch, Detail: "shards were answered by " + s.Model + " and " + t.Model})
	}
	s.RequestIDs = append(s.RequestIDs, t.RequestIDs...)
	if s.Attributes == nil {
		s.Attributes = t.Attributes
	}
	for _, w := range t.Warnings {
		s.warn(w)
	}
}

// dropFalseSilence takes back the finding of single calls that all their scores
// are equal where those of all calls together are not.
func (s *Scores) dropFalseSilence() {
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range s.Values {
		if s.Scored(i) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low < high {
		s.Warnings = slices.DeleteFunc(s.Warnings, func(w Warning) bool { return w.Kind == WarnNoSignal })
	}
}

// Usage counts what calls cost.
type Usage struct {
	// Calls is the number of requests that were answered.
	Calls int
	// Documents is the number of documents in those requests.
	Documents int
	// Tokens is the number of tokens that the server counted, query and document
	// for each pair; 0 if it does not say.
	Tokens int
	// TotalTokens counts what was generated as well; for a reranker it is nearly
	// always Tokens.
	TotalTokens int
	// Units is the number of units that were billed, where the vendor bills units
	// and not tokens.
	Units int
	// Cost is what the calls cost at the prices that the client was given, in
	// billionths of their currency; 0 without prices.
	Cost int64
}

// Add returns the sum of u and v.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		Calls: u.Calls + v.Calls, Documents: u.Documents + v.Documents, Tokens: u.Tokens + v.Tokens,
		TotalTokens: u.TotalTokens + v.TotalTokens, Units: u.Units + v.Units, Cost: u.Cost + v.Cost,
	}
}

// Limits are the rate limits that a server declared in an answer. A limit or a
// remainder of -1 is unknown; the zero value declares nothing (Known is false).
type Limits struct {
	// Known says that the answer declared something.
	Known bool
	// Requests and Tokens are the budgets for each minute.
	Requests, Tokens int
	// RemainingRequests and RemainingTokens are what is left of them.
	RemainingRequests, RemainingTokens int
	// ResetRequests and ResetTokens are the times until they are full again.
	ResetRequests, ResetTokens time.Duration
	// OverLimit says that the call was served beyond the limit, at low priority.
	OverLimit bool
}
