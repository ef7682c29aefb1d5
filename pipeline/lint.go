package pipeline

import (
	"fmt"
	"math"
	"strings"
)

// Finding is a contradiction in a pipeline that can be seen before the first
// query.
type Finding struct {
	// Rule is the rule that was broken.
	Rule LintRule
	// Part is the path to the part concerned, from the outside in.
	Part []string
	// Problem says what is wrong.
	Problem string
	// Change says what to do about it.
	Change string
}

// String tells the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", f.Rule, strings.Join(f.Part, " > "), f.Problem, f.Change)
}

// LintRule names a rule of Lint.
type LintRule string

// The rules of Lint.
const (
	LintMistake         LintRule = "mistake"          // a setting would fail the first query
	LintShallow         LintRule = "shallow"          // fewer candidates or reranked hits than the final cut keeps
	LintRerankAfterCut  LintRule = "rerank-after-cut" // the cut that decides what stays runs before the rerank
	LintThresholdScale  LintRule = "threshold-scale"  // a threshold meets scores on another scale
	LintThresholdMax    LintRule = "threshold-max"    // no score reaches the threshold
	LintUnlikeScales    LintRule = "unlike-scales"    // scores on different scales are added as they are
	LintListwiseSharded LintRule = "listwise-sharded" // scores that depend on the whole list are made in parts
	LintNoFallback      LintRule = "no-fallback"      // running out of time is an error of the whole query
)

// Lint finds contradictions in a pipeline before the first query, by what its
// parts say of themselves: settings that would fail, a rerank after the cut, a
// depth below k, a threshold on another scale or out of reach, unlike scales
// added up, a listwise model in shards, a budget with nothing behind it. First
// come the findings about rankings on their way, in the order in which the parts
// run, then those about single parts.
//
// Parts that do not describe themselves are given the benefit of the doubt. No
// finding is no promise that a pipeline is good.
func Lint(retriever Retriever) []Finding {
	root := Describe(retriever)
	l := &linter{final: through(root, nil, unknownFlow(), nil).limit}
	through(root, nil, unknownFlow(), l.flow)
	l.walk(root, nil, false, false)
	return l.findings
}

type linter struct {
	// final is the most hits that the whole pipeline returns; 0 is unknown.
	final    int
	findings []Finding
}

func (l *linter) add(rule LintRule, path []string, problem, change string) {
	l.findings = append(l.findings, Finding{Rule: rule, Part: append([]string(nil), path...), Problem: problem, Change: change})
}

// flow checks a part against the rankings that reach it.
func (l *linter) flow(n Node, path []string, in flow, branches []flow) {
	switch n.Facts.Role {
	case RoleRerank:
		l.rerank(n, path, in)
	case RoleCut:
		l.cut(n, path, in)
	case RoleThreshold:
		l.threshold(n, path, in)
	case RoleBranch:
		l.branch(n, path, branches)
	}
}

func (l *linter) rerank(n Node, path []string, in flow) {
	wanted := l.final
	if in.limit > 0 {
		wanted = min(wanted, in.limit)
	}
	if depth := n.Facts.Depth; depth > 0 && depth < wanted {
		l.add(LintShallow, path,
			fmt.Sprintf("the depth is %d and %d hits are returned, so the last %d are not reranked", depth, wanted, wanted-depth),
			fmt.Sprintf("set the depth to %d or more, or cut to %d", wanted, depth))
	}
	if in.cut != "" && !in.reranked && in.limit == l.final {
		l.add(LintRerankAfterCut, path,
			fmt.Sprintf("%s has already cut to the final %d, so the rerank can bring nothing up from below", in.cut, in.limit),
			"move the cut behind the rerank")
	}
}

func (l *linter) cut(n Node, path []string, in flow) {
	if in.limit > 0 && in.cut == "" && n.Facts.Limit > in.limit {
		l.add(LintShallow, path,
			fmt.Sprintf("it keeps %d hits and at most %d arrive", n.Facts.Limit, in.limit),
			fmt.Sprintf("raise the retrieval limit above %d, or cut to fewer", n.Facts.Limit))
	}
}

func (l *linter) threshold(n Node, path []string, in flow) {
	if n.Err != nil {
		return // reported as a mistake
	}
	for _, scale := range in.scales {
		if n.Facts.Needs != Unknown && scale != Unknown && scale != n.Facts.Needs {
			l.add(LintThresholdScale, path,
				fmt.Sprintf("the threshold is meant on %v and the scores that arrive can be on %v", n.Facts.Needs, scale),
				"put the threshold behind the part that makes scores on its scale, or hold it against that part's mark")
			return
		}
	}
	if n.Facts.Needs != Unknown && !math.IsNaN(in.max) && n.Facts.Threshold > in.max {
		l.add(LintThresholdMax, path,
			fmt.Sprintf("the threshold is %v and no score that arrives exceeds %v, so nothing passes", n.Facts.Threshold, in.max),
			fmt.Sprintf("choose a threshold below %v, or hold it against the mark of an earlier part", in.max))
	}
}

func (l *linter) branch(n Node, path []string, branches []flow) {
	if len(n.Children) == 0 || !n.Children[0].Facts.Linear {
		return
	}
	first := Unknown
	for _, b := range branches {
		for _, scale := range b.scales {
			switch {
			case scale == Unknown:
			case first == Unknown:
				first = scale
			case scale != first:
				l.add(LintUnlikeScales, append(path, n.Children[0].Name),
					fmt.Sprintf("it adds scores as they come, and they are on %v and on %v", first, scale),
					"give the fuser a normaliser for each list, or fuse by rank")
				return
			}
		}
	}
}

// walk checks what does not depend on the ranking that arrives. covered says
// that an outer part goes on where this one fails, sharded that an outer part
// splits what this one scores.
func (l *linter) walk(n Node, path []string, covered, sharded bool) {
	path = append(path[:len(path):len(path)], n.Name)
	if n.Err != nil {
		l.add(LintMistake, path, n.Err.Error(), "the first query would fail: correct the setting")
	}
	sharded = sharded || n.Facts.Sharded
	if sharded && n.Facts.Listwise {
		l.add(LintListwiseSharded, path,
			"its scores depend on what else is in the call, so scores from different shards do not compare",
			"send all documents in one call, with a depth that fits, or use a pointwise model")
		sharded = false // once for each model
	}
	if n.Facts.Role == RoleBudget && !covered && len(n.Children) > 0 {
		if late := uncovered(n.Children[0]); late != "" {
			l.add(LintNoFallback, path,
				fmt.Sprintf("when %s is not done after %v, the query fails", late, n.Facts.Budget),
				"put the budget into an Else, a Fallback or a Fan, or give the part a policy that tolerates lateness")
		}
	}
	covered = covered || n.Facts.Role == RoleFallback || n.Facts.Tolerates
	for _, child := range n.Children {
		l.walk(child, path, covered, sharded)
	}
}
