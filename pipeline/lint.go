package pipeline

import (
	"fmt"
	"math"
	"reflect"
	"slices"
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
	LintOutage          LintRule = "outage-threshold" // in an outage no hit passes a threshold on fused scores
	LintIdleElse        LintRule = "idle-else"        // an alternative that no failure leads to
	LintNoBudget        LintRule = "no-budget"        // a leg may use up the time of the whole Fan
	LintSameName        LintRule = "same-name"        // marks and gaps do not tell two parts apart
	LintUnreadTurns     LintRule = "unread-turns"     // a conversation that no part reads
)

// Lint finds contradictions in a pipeline before the first query, by what its
// parts say of themselves: settings that would fail, a rerank after the cut, a
// depth below k, a threshold on another scale or out of reach, or one that nothing
// passes in an outage, unlike scales added up, a listwise model in shards, a
// budget with nothing behind it, a leg without one, an alternative that never runs,
// two parts of one name. First come the findings about rankings on their way, in
// the order in which the parts run, then those about single parts.
//
// asked are examples of the queries that the pipeline is for: with them Lint says
// what of a query no part reads.
//
// Parts that do not describe themselves are given the benefit of the doubt. No
// finding is no promise that a pipeline is good.
func Lint(retriever Retriever, asked ...Query) []Finding {
	root := Describe(retriever)
	l := &linter{final: through(root, nil, unknownFlow(), nil).limit, named: map[string][]Node{}}
	through(root, nil, unknownFlow(), l.flow)
	l.walk(root, nil, around{})
	for _, q := range asked {
		if len(q.Turns) > 0 && !readsTurns(root) {
			l.add(LintUnreadTurns, []string{root.Name},
				"the query has earlier turns and no part reads them, so a question that leans on them is searched as it stands",
				"put a Rewrite around the pipeline whose rewriter makes the question stand alone")
			break
		}
	}
	return l.findings
}

// readsTurns reports whether a part reads Query.Turns, or may.
func readsTurns(n Node) bool {
	if _, describes := inner(n.Value).(Describer); !describes && n.Value != nil {
		return true
	}
	return n.Facts.Turns || slices.ContainsFunc(n.Children, readsTurns)
}

type linter struct {
	// final is the most hits that the whole pipeline returns; 0 is unknown.
	final    int
	findings []Finding
	// named are the parts that leave marks, by their names.
	named map[string][]Node
}

func (l *linter) add(rule LintRule, path []string, problem, change string) {
	for _, f := range l.findings { // a part that stands in several places is found once
		if f.Rule == rule && f.Problem == problem && f.Part[len(f.Part)-1] == path[len(path)-1] {
			return
		}
	}
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
	if n.Facts.Needs == Fused && in.outage != "" && !n.Facts.Unjudged {
		l.add(LintOutage, path,
			fmt.Sprintf("when %s cannot judge, its part of the fused score is missing and no hit passes", in.outage),
			fmt.Sprintf("hold the threshold against the mark of %s, or set Pass to let unjudged hits through", in.outage))
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

// around is what stands around a part: covered says that an outer part goes on
// where this one fails, sharded that an outer part splits what this one scores,
// bounded that an outer part limits its time.
type around struct{ covered, sharded, bounded bool }

// walk checks what does not depend on the ranking that arrives.
func (l *linter) walk(n Node, path []string, o around) {
	path = append(path[:len(path):len(path)], n.Name)
	if n.Err != nil {
		l.add(LintMistake, path, n.Err.Error(), "the first query would fail: correct the setting")
	}
	o.sharded = o.sharded || n.Facts.Sharded
	if o.sharded && n.Facts.Listwise {
		l.add(LintListwiseSharded, path,
			"its scores depend on what else is in the call, so scores from different shards do not compare",
			"send all documents in one call, with a depth that fits, or use a pointwise model")
		o.sharded = false // once for each model
	}
	l.budget(n, path, o)
	l.legs(n, path, o)
	l.idle(n, path)
	l.name(n, path)
	o.covered = o.covered || n.Facts.Role == RoleFallback || n.Facts.Tolerates
	o.bounded = o.bounded || n.Facts.Role == RoleBudget
	for _, child := range n.Children {
		l.walk(child, path, o)
	}
}

func (l *linter) budget(n Node, path []string, o around) {
	if n.Facts.Role != RoleBudget || o.covered || len(n.Children) == 0 {
		return
	}
	if late := uncovered(n.Children[0]); late != "" {
		l.add(LintNoFallback, path,
			fmt.Sprintf("when %s is not done after %v, the query fails", late, n.Facts.Budget),
			"put the budget into an Else, a Fallback or a Fan, or give the part a policy that tolerates lateness")
	}
}

// legs checks that no leg of a Fan can use up the time of all.
func (l *linter) legs(n Node, path []string, o around) {
	if _, ok := inner(n.Value).(fan); !ok || o.bounded || !n.Facts.Tolerates {
		return
	}
	for _, leg := range n.Children[1:] {
		if !bounded(leg) {
			l.add(LintNoBudget, append(path, leg.Name),
				fmt.Sprintf("when %s hangs, the others wait for it until the caller's deadline, if there is one", leg.Name),
				"put a RetrieveWithin around the leg, or around the whole Fan")
		}
	}
}

// idle checks that something can lead to the alternative of an Else.
func (l *linter) idle(n Node, path []string) {
	if _, ok := inner(n.Value).(orElse); !ok || len(n.Children) != 2 || !failsNever(n.Children[0]) {
		return
	}
	first, alternative := n.Children[0], n.Children[1]
	if _, keeps := inner(alternative.Value).(keep); keeps {
		return // as harmless as it is needless
	}
	l.add(LintIdleElse, path,
		fmt.Sprintf("%s answers with what it has when it cannot judge, so it does not fail and %s is never asked", first.Name, alternative.Name),
		"let the first one fail, or use Fill, which gives the alternative what the first one left")
}

// name checks that the marks of two parts can be told apart.
func (l *linter) name(n Node, path []string) {
	if n.Facts.Role != RoleRetrieve && n.Facts.Role != RoleRerank {
		return
	}
	for _, other := range l.named[n.Name] {
		if !samePart(n, other) {
			l.add(LintSameName, path,
				fmt.Sprintf("another part is called %s too, so marks, gaps and metrics do not tell the two apart", n.Name),
				"give one of them a name of its own with Named")
			break
		}
	}
	l.named[n.Name] = append(l.named[n.Name], n)
}

// samePart reports whether two nodes describe one part that stands in two places.
func samePart(a, b Node) bool {
	x, y := reflect.ValueOf(a.Value), reflect.ValueOf(b.Value)
	if x.Kind() == reflect.Pointer && y.Kind() == reflect.Pointer {
		return x.Pointer() == y.Pointer()
	}
	if x.Kind() == reflect.Func && y.Kind() == reflect.Func {
		return x.Pointer() == y.Pointer()
	}
	return reflect.DeepEqual(a.Value, b.Value)
}
