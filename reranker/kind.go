package reranker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Kinds are the stages and decorators of this package for configuration files:
// "rerank" and "pruned" are stages; "sharded", "endpoint", "passages", "calibrated"
// and "first-scorer" are scorers around scorers.
func Kinds() []kind.Kind {
	return []kind.Kind{
		kind.New("rerank", "Rescores the hits by a scorer.", buildStage),
		kind.New("pruned", "Rescores what can reach the top, and fuses exactly as a blend would.", buildPruned),
		kind.New("sharded", "Spreads the documents of a query over several calls.", buildSharded),
		kind.New("endpoint", "One or more servers of one model, with one quota, one breaker and one budget for retries.", buildEndpoint),
		kind.New("passages", "Scores long texts by their passages.", buildPassages),
		kind.New("calibrated", "Makes probabilities of scores, as learnt from judged documents.", buildCalibrated),
		kind.New("first-scorer", "The first scorer that succeeds.", buildFirst),
	}
}

type stageSettings struct {
	Model    Scorer         `config:"model,value,required" doc:"what scores: nebius, sharded, lexical, ..."`
	Profile  string         `config:"profile" doc:"chat, for people who wait, or evaluation, for experiments; empty means chat"`
	Name     string         `config:"name" doc:"the name in marks and trees; empty means rerank"`
	Depth    int            `config:"depth" doc:"hits that are scored, from the top; 0 means all"`
	Unscored string         `config:"unscored" doc:"what cannot be scored: keep position, below, drop, all or nothing; empty takes the profile's"`
	Fields   []string       `config:"fields" doc:"metadata that is sent in front of the text"`
	Labels   bool           `config:"field-names" doc:"sends fields with their names: title: ..."`
	Coverage *float64       `config:"min-coverage" doc:"the share that has to be scored for the scores to be used; none takes the profile's"`
	Timeout  *time.Duration `config:"timeout" doc:"for callers without a deadline; none takes the profile's, 0s means no limit"`
	Reserve  *time.Duration `config:"reserve" doc:"time that is left to what follows; none means 5 % and at least 20ms, 0s means no reserve"`
	Bypass   float64        `config:"bypass" doc:"the share of queries that are left alone on purpose; 0 means none"`
}

func (s stageSettings) options() (StageOptions, error) {
	o := Chat()
	switch s.Profile {
	case "", "chat":
	case "evaluation":
		o = Evaluation()
	default:
		return o, fmt.Errorf("profile is %q: write chat or evaluation", s.Profile)
	}
	o.Name, o.Depth, o.Bypass = s.Name, s.Depth, s.Bypass
	if s.Unscored != "" {
		var err error
		if o.Unscored, err = kind.OneOf("unscored", s.Unscored, policies()...); err != nil {
			return o, err
		}
	}
	switch {
	case s.Labels && len(s.Fields) == 0:
		return o, errors.New("field-names is true and fields names none: name the metadata that is sent")
	case s.Labels:
		o.Text = WithNames(s.Fields...)
	case len(s.Fields) > 0:
		o.Text = WithFields(s.Fields...)
	}
	if s.Coverage != nil {
		o.MinCoverage = *s.Coverage
	}
	if s.Timeout != nil {
		o.Timeout = *s.Timeout
	}
	if s.Reserve != nil {
		o.Reserve = orNone(*s.Reserve)
	}
	return o, nil
}

// orNone says zero the way the options do, where a negative value means none.
func orNone[T int | float64 | time.Duration](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

func buildStage(_ context.Context, s stageSettings, _ *kind.Scope) (pipeline.Stage, error) {
	o, err := s.options()
	if err != nil {
		return nil, err
	}
	return Stage(s.Model, o), nil
}

func buildPruned(_ context.Context, s struct {
	Fuse   pipeline.Fuser `config:"fuse,required" doc:"fuses the retrieval ranking, first, with the scores: convex(w=[0.2,0.8])"`
	Rerank pipeline.Stage `config:"rerank,required" doc:"a rerank"`
	Limit  int            `config:"limit,required" doc:"how many hits are returned"`
	Low    float64        `config:"low" doc:"the least score that the scorer gives; 0 with high 0 takes the scale's"`
	High   float64        `config:"high" doc:"the highest score that the scorer gives"`
}, _ *kind.Scope) (pipeline.Stage, error) {
	staged, ok := s.Rerank.(*Staged)
	if !ok {
		return nil, errors.New("rerank is another stage: put a part of the kind rerank there")
	}
	return Prune(s.Fuse, staged, PruneOptions{Limit: s.Limit, Low: s.Low, High: s.High}), nil
}

func buildSharded(_ context.Context, s struct {
	Model       Scorer         `config:"model,value,required" doc:"what scores, such as an endpoint"`
	Profile     string         `config:"profile" doc:"chat or evaluation; empty means chat"`
	Documents   int            `config:"documents" doc:"the most documents of a call; 0 learns it"`
	Bytes       int            `config:"bytes" doc:"the most bytes of a call; 0 means 1 MiB"`
	Tokens      int            `config:"tokens" doc:"the most tokens of a call; 0 means any number"`
	Calls       int            `config:"calls" doc:"calls that a query is split into; 0 learns it, 1 makes as few as possible"`
	Concurrency int            `config:"concurrency" doc:"the most calls of one query in flight; 0 means 8 until more prove faster"`
	Top         *int           `config:"top" doc:"documents that the caller keeps: the first are sent first; none takes the profile's, 0 sends all at once"`
	Timeout     *time.Duration `config:"timeout" doc:"for callers without a deadline; none takes the profile's, 0s means no limit"`
	Attempts    *int           `config:"attempts" doc:"how often a call is tried, at least 1; none takes the profile's"`
	Hedge       *bool          `config:"hedge" doc:"asks again when a call is unusually slow; none takes the profile's"`
	Wait        *bool          `config:"wait" doc:"waits for quota up to the deadline; none takes the profile's"`
	Listwise    bool           `config:"allow-listwise" doc:"splits documents even for models whose scores depend on what else is in the call"`
	Anchors     int            `config:"anchors" doc:"documents that are sent in every call to see whether scores compare; 0 means none"`
}, _ *kind.Scope) (Scorer, error) {
	var o ShardOptions
	switch s.Profile {
	case "", "chat":
	case "evaluation":
		o = EvaluationShards()
	default:
		return nil, fmt.Errorf("profile is %q: write chat or evaluation", s.Profile)
	}
	o.Documents, o.Bytes, o.Tokens, o.Calls, o.Concurrency = s.Documents, s.Bytes, s.Tokens, s.Calls, s.Concurrency
	o.AllowListwise, o.Anchors = s.Listwise, s.Anchors
	if s.Top != nil {
		o.Top = orNone(*s.Top)
	}
	if s.Timeout != nil {
		o.Timeout = orNone(*s.Timeout)
	}
	if s.Attempts != nil {
		if o.Attempts = *s.Attempts; o.Attempts < 1 {
			return nil, fmt.Errorf("attempts is %d: a call is tried at least once", o.Attempts)
		}
	}
	if s.Hedge != nil {
		o.NoHedge = !*s.Hedge
	}
	if s.Wait != nil {
		o.Wait = *s.Wait
	}
	return Shard(s.Model, o), nil
}

func buildEndpoint(_ context.Context, s struct {
	Upstreams   []Scorer `config:"upstreams,value,required" doc:"replicas of one model"`
	Name        string   `config:"name" doc:"the name in trees and states; empty means endpoint"`
	Requests    int      `config:"requests" doc:"requests a minute that are allowed; 0 learns it"`
	Tokens      int      `config:"tokens" doc:"tokens a minute that are allowed; 0 learns it"`
	Concurrency int      `config:"concurrency" doc:"the most calls in flight over all queries; 0 means 32"`
	Extra       *float64 `config:"extra-share" doc:"retries and hedges as a share of first calls; none means 0.1, 0 means no retry and no hedge"`
	OneServer   bool     `config:"one-server" doc:"the upstreams are one server under one key"`
	Shared      Shared   `config:"shared" doc:"shares the quotas with other processes, such as redis-quotas"`
}, scope *kind.Scope) (Scorer, error) {
	o := EndpointOptions{
		Name: s.Name, Requests: s.Requests, Tokens: s.Tokens, Concurrency: s.Concurrency, OneServer: s.OneServer, Shared: s.Shared,
	}
	if s.Extra != nil {
		o.ExtraShare = orNone(*s.Extra)
	}
	e, err := NewEndpoint(s.Upstreams, o)
	if err != nil {
		return nil, err
	}
	scope.OnClose(e.Close)
	return e, nil
}

func buildPassages(_ context.Context, s struct {
	Model   Scorer `config:"model,value,required" doc:"what scores the passages"`
	Tokens  int    `config:"tokens" doc:"the length of a passage; 0 means 256"`
	Overlap *int   `config:"overlap" doc:"tokens that the next passage repeats; none means an eighth, 0 means none"`
	Most    int    `config:"most" doc:"the most passages of a document, from its beginning; 0 means 8"`
	Combine string `config:"combine" doc:"best, first or mean of best; empty means best"`
	Best    int    `config:"best" doc:"for mean of best: of how many; 0 means 3"`
}, _ *kind.Scope) (Scorer, error) {
	by, err := kind.OneOf("combine", s.Combine, BestPassage, FirstPassage, MeanOfBest)
	if err != nil {
		return nil, err
	}
	o := PassageOptions{Tokens: s.Tokens, Most: s.Most, Combine: by, Best: s.Best}
	if s.Overlap != nil {
		o.Overlap = orNone(*s.Overlap)
	}
	return Passages(s.Model, o), nil
}

func buildCalibrated(_ context.Context, s struct {
	Model Scorer      `config:"model,required" doc:"what scores"`
	By    Calibration `config:"by,required" doc:"the calibration: {calibration: FILE}"`
	Scale string      `config:"scale" doc:"the scale that the calibration was learnt on; empty takes every scale"`
}, _ *kind.Scope) (Scorer, error) {
	scale, err := kind.OneOf("scale", s.Scale, scales()...)
	if err != nil {
		return nil, err
	}
	return Calibrated(s.Model, s.By, CalibratedOptions{Scale: scale}), nil
}

// scales are all scales, Unknown first.
func scales() []pipeline.Scale {
	var all []pipeline.Scale
	for s := pipeline.Unknown; s <= pipeline.Fused; s++ {
		all = append(all, s)
	}
	return all
}

func buildFirst(_ context.Context, s struct {
	Scorers []Scorer `config:"scorers,value,required" doc:"the scorers, the preferred one first"`
}, _ *kind.Scope) (Scorer, error) {
	if len(s.Scorers) < 2 {
		return nil, errors.New("scorers has fewer than two: name the preferred one and those that stand in for it")
	}
	return Fallback(s.Scorers...), nil
}
