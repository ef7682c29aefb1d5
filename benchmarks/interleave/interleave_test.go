package interleave_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/interleave"
)

func TestN22ADraftIsFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		letters := rapid.Permutation(strings.Split("abcdefghij", ""))
		a, b := letters.Draw(rt, "a"), letters.Draw(rt, "b")
		a, b = a[:rapid.IntRange(0, 10).Draw(rt, "na")], b[:rapid.IntRange(0, 10).Draw(rt, "nb")]
		k := rapid.IntRange(0, 12).Draw(rt, "k")
		s := interleave.TeamDraft(a, b, k, rapid.Uint64().Draw(rt, "seed"))
		union, seen := map[string]bool{}, map[string]bool{}
		for _, id := range append(append([]string{}, a...), b...) {
			union[id] = true
		}
		require.Len(rt, s.IDs, min(k, len(union)))
		balance := 0
		for i, id := range s.IDs {
			require.False(rt, seen[id], "shown twice")
			seen[id] = true
			require.True(rt, union[id])
			if len(a) == 10 && len(b) == 10 { // nobody ends early
				if s.Teams[i] == interleave.A {
					balance++
				} else {
					balance--
				}
				require.LessOrEqual(rt, max(balance, -balance), 1, "each round has one pick of each")
			}
		}
	})
	first := 0
	for seed := range uint64(2000) {
		if interleave.TeamDraft([]string{"a"}, []string{"b"}, 2, seed).Teams[0] == interleave.A {
			first++
		}
	}
	assert.InDelta(t, 1000, first, 120, "who begins is drawn")
	once, again := interleave.TeamDraft([]string{"a", "b"}, []string{"c", "d"}, 4, 7), interleave.TeamDraft([]string{"a", "b"}, []string{"c", "d"}, 4, 7)
	assert.Equal(t, once, again)
}

func TestN22ClicksAreCreditedToWhoPicked(t *testing.T) {
	t.Parallel()
	s := interleave.Shown{IDs: []string{"x", "y", "z"}, Teams: []interleave.Team{interleave.A, interleave.B, interleave.B}}
	for want, clicked := range map[int][][]string{
		-1: {{"x"}, {"x", "x"}},
		0:  {{}, {"x", "y"}},
		1:  {{"y"}, {"x", "y", "z"}, {"z", "z"}},
	} {
		for _, c := range clicked {
			got, err := s.Credit(c)
			require.NoError(t, err)
			assert.Equal(t, want, got, c)
		}
	}
	_, err := s.Credit([]string{"w"})
	require.ErrorContains(t, err, `document "w" was clicked and not shown`)
}

// Users who click without regard to the teams favour neither: a claim on such data
// comes at most at its nominal rate.
func TestN22BlindClicksClaimNothing(t *testing.T) {
	t.Parallel()
	a, b := strings.Split("abcdefgh", ""), strings.Split("hgfebadc", "")
	claims := 0
	for set := range 200 {
		var tally interleave.Tally
		for request := range 60 {
			s := interleave.TeamDraft(a, b, 6, uint64(set*1000+request))
			// The user clicks down to some rank, the upper ones more.
			depth := 1 + (set*31+request*17)%4
			credit, err := s.Credit(s.IDs[:depth])
			require.NoError(t, err)
			tally.Add(credit)
		}
		p, err := tally.P()
		require.NoError(t, err)
		if p < .05 {
			claims++
		}
	}
	assert.LessOrEqual(t, claims, 20, "of 200; 10 are nominal")
}

func TestN22TheSignTest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tally interleave.Tally
		p     float64
	}{
		{interleave.Tally{A: 0, B: 5}, 2. / 32}, {interleave.Tally{A: 1, B: 5, Ties: 40}, 2 * 7. / 64}, {interleave.Tally{A: 3, B: 3}, 1}, {interleave.Tally{A: 1}, 1},
	} {
		p, err := c.tally.P()
		require.NoError(t, err)
		assert.InDelta(t, c.p, p, 1e-12)
	}
	_, err := interleave.Tally{Ties: 3}.P()
	require.ErrorIs(t, err, interleave.ErrNoWins)
	assert.InDelta(t, .5, interleave.Tally{}.Preference(), 0)
	assert.InDelta(t, (5+2.)/10, interleave.Tally{A: 1, B: 5, Ties: 4}.Preference(), 1e-12)
}

func ExampleTeamDraft() {
	shown := interleave.TeamDraft([]string{"a", "b", "c"}, []string{"b", "d", "a"}, 4, 1)
	credit, err := shown.Credit([]string{"d"})
	fmt.Println(len(shown.IDs), credit, err)
	// Output: 4 1 <nil>
}
