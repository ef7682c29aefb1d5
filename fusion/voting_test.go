package fusion_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/fusion"
)

// ballots makes a list of each word, a document of each letter.
func ballots(words ...string) []fusion.NamedList {
	var out []fusion.NamedList
	for _, w := range words {
		out = append(out, fusion.NamedList{Names: strings.Split(w, "")})
	}
	return out
}

func order(t testing.TB, m fusion.Method, lists []fusion.NamedList) string {
	t.Helper()
	got, err := fusion.FuseNamed(m, [][]fusion.NamedList{lists}, 0)
	require.NoError(t, err)
	var b strings.Builder
	for _, s := range got[0] {
		b.WriteString(s.Name)
	}
	return b.String()
}

func TestVotingMethodsElectWhomTheLiteratureElects(t *testing.T) {
	t.Parallel()
	// Schulze 2011, example of 45 voters: E A C B D.
	schulze := ballots("ACBED", "ADECB", "BEDAC", "CABED", "CAEBD", "CBADE", "DCEBA", "EBADC")
	votes := []float64{5, 5, 8, 3, 7, 2, 7, 8}
	assert.Equal(t, "EACBD", order(t, fusion.Schulze{Weights: votes}, schulze))

	// The capital of Tennessee: Memphis, Nashville, Chattanooga, Knoxville.
	tennessee := ballots("MNCK", "NCKM", "CKNM", "KCNM")
	share := []float64{.42, .26, .15, .17}
	for _, m := range []fusion.Method{fusion.RankedPairs{Weights: share}, fusion.Schulze{Weights: share}, fusion.Condorcet{Weights: share}, fusion.Copeland{Weights: share}} {
		assert.Equal(t, "NCKM", order(t, m, tennessee), m.String())
	}

	// Ranked pairs, a circle in which the smallest majority gives way: A beats B
	// by 5, B beats C by 3, C beats A by 1.
	circle := ballots("ABC", "BCA", "CAB")
	assert.Equal(t, "ABC", order(t, fusion.RankedPairs{Weights: []float64{4, 2, 3}}, circle))
}

func TestCirclesAreOrderedByWhatIsDeclared(t *testing.T) {
	t.Parallel()
	circle := ballots("ABC", "BCA", "CAB")
	for _, m := range []fusion.Method{fusion.Condorcet{}, fusion.Copeland{}, fusion.Schulze{}, fusion.RankedPairs{}} {
		for _, lists := range [][]fusion.NamedList{circle, {circle[2], circle[0], circle[1]}, {circle[1], circle[0], circle[2]}} {
			assert.Equal(t, "ABC", order(t, m, lists), m.String())
		}
	}
}

func TestACondorcetWinnerWins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := []string{"A", "B", "C", "D", "E"}
		var lists []fusion.NamedList
		for range 3 {
			lists = append(lists, fusion.NamedList{Names: rapid.Permutation(letters).Draw(t, "ballot")})
		}
		for _, m := range []fusion.Method{fusion.Condorcet{}, fusion.Copeland{}, fusion.Schulze{}, fusion.RankedPairs{}} {
			got, err := fusion.FuseNamed(m, [][]fusion.NamedList{lists}, 0)
			require.NoError(t, err)
			winner := condorcetWinner(letters, lists)
			if winner != "" {
				assert.Equal(t, winner, got[0][0].Name, m.String())
			}
		}
	})
}

// condorcetWinner beats every other letter on most ballots, or is nobody.
func condorcetWinner(letters []string, lists []fusion.NamedList) string {
	position := func(l fusion.NamedList, letter string) int {
		for i, n := range l.Names {
			if n == letter {
				return i
			}
		}
		return len(l.Names)
	}
	for _, a := range letters {
		beats := true
		for _, b := range letters {
			votes := 0
			for _, l := range lists {
				if position(l, a) < position(l, b) {
					votes++
				}
			}
			beats = beats && (a == b || 2*votes > len(lists))
		}
		if beats {
			return a
		}
	}
	return ""
}

func TestListsAreTakenInTurnOrOneBelowTheOther(t *testing.T) {
	t.Parallel()
	lists := ballots("ABCD", "CXA", "YB")
	assert.Equal(t, "ACYBXD", order(t, fusion.Interleave{}, lists))
	assert.Equal(t, "ABCDXY", order(t, fusion.Concatenate{}, lists))
	assert.Equal(t, "ABC", order(t, fusion.MedianRank{}, ballots("ABC", "BAC", "ACB")))
}

func TestTooManyDocumentsForComparisonAreRefused(t *testing.T) {
	t.Parallel()
	var w fusion.Workspace
	ids := make([]uint32, 2001)
	for i := range ids {
		ids[i] = uint32(i)
	}
	task := fusion.Task{Lists: []fusion.List{{IDs: ids}}}
	_, err := w.Fuse(nil, fusion.Schulze{}, task)
	require.ErrorContains(t, err, "2001 documents are more than the 2000 that this method can compare: set a window")
	_, err = w.Fuse(nil, fusion.Copeland{}, task)
	require.NoError(t, err)
}
