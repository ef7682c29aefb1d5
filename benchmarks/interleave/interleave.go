// Package interleave compares two systems by the clicks of users, who see one list
// made of both rankings.
//
//	shown := interleave.TeamDraft(old, fresh, 10, seed) // seed: a hash of the request's id
//	...
//	var tally interleave.Tally
//	tally.Add(shown.Credit(clicked))
//	p, err := tally.P()
//
// The list is that of team-draft interleaving (Radlinski, Kurup and Joachims 2008):
// both systems pick their best document that is not shown yet, and who picks first
// in each round is drawn. Neither system gains by position, so that clicks which
// know nothing of the teams favour none.
package interleave

import (
	"errors"
	"fmt"
	"math"
)

// Team is the system that a shown document is credited to.
type Team int8

// The teams. A document that both systems would have shown at once belongs to the
// one whose turn it was.
const (
	A Team = iota + 1
	B
)

// Shown is an interleaved list.
type Shown struct {
	IDs   []string
	Teams []Team // of each document
}

// TeamDraft interleaves two rankings to at most k documents. The draws follow from
// the seed alone: give it what identifies the request, so that the clicks can be
// credited later. A ranking that ends early leaves its turns to the other.
func TeamDraft(a, b []string, k int, seed uint64) Shown {
	s := Shown{}
	taken := map[string]bool{}
	at := [3]int{}
	lists := [3][]string{A: a, B: b}
	next := func(t Team) (string, bool) {
		for at[t] < len(lists[t]) {
			id := lists[t][at[t]]
			if !taken[id] {
				return id, true
			}
			at[t]++
		}
		return "", false
	}
	for round := uint64(0); len(s.IDs) < k; round++ {
		first, second := A, B
		if coin(seed, round) {
			first, second = B, A
		}
		picked := false
		for _, team := range [...]Team{first, second} {
			id, ok := next(team)
			if !ok || len(s.IDs) >= k {
				continue
			}
			taken[id], picked = true, true
			s.IDs, s.Teams = append(s.IDs, id), append(s.Teams, team)
		}
		if !picked {
			break
		}
	}
	return s
}

// coin is SplitMix64's output function on a counter.
func coin(seed, round uint64) bool {
	z := seed + 0x9e3779b97f4a7c15*(round+1)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z^z>>31)&1 == 1
}

// Credit says which team has more of the clicked documents: -1 for A, 1 for B, 0
// for neither. A document counts once, however often it was clicked; one that was
// not shown is an error, for its click belongs to another list.
func (s Shown) Credit(clicked []string) (int, error) {
	clicks := map[string]bool{}
	for _, id := range clicked {
		clicks[id] = true
	}
	balance := 0
	for i, id := range s.IDs {
		if !clicks[id] {
			continue
		}
		delete(clicks, id)
		if s.Teams[i] == B {
			balance++
		} else {
			balance--
		}
	}
	for id := range clicks {
		return 0, fmt.Errorf("interleave: document %q was clicked and not shown", id)
	}
	return max(-1, min(1, balance)), nil
}

// Tally counts the requests that each system won. The zero value is ready; it is
// not safe for concurrent use.
type Tally struct{ A, B, Ties int }

// Add counts what Credit returned for one request.
func (t *Tally) Add(credit int) {
	switch {
	case credit < 0:
		t.A++
	case credit > 0:
		t.B++
	default:
		t.Ties++
	}
}

// Preference is B's share of the requests that anybody won, ties counting half; 1/2
// without requests.
func (t Tally) Preference() float64 {
	n := t.A + t.B + t.Ties
	if n == 0 {
		return .5
	}
	return (float64(t.B) + float64(t.Ties)/2) / float64(n)
}

// ErrNoWins is returned where no request was won by either system.
var ErrNoWins = errors.New("interleave: no request was won by either system")

// P is the two-sided p of the sign test: how often a fair coin would favour one
// system at least as much among the requests that were won. Requests of one user
// are no independent evidence; count users then.
func (t Tally) P() (float64, error) {
	n, most := t.A+t.B, max(t.A, t.B)
	if n == 0 {
		return 0, ErrNoWins
	}
	sum := 0.0
	for k := most; k <= n; k++ {
		sum += math.Exp(logChoose(n, k) - float64(n)*math.Ln2)
	}
	return math.Min(1, 2*sum), nil
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
