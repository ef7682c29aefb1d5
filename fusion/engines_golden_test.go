package fusion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestEngineFormsHaveTheBitsOfTheirFormulas(t *testing.T) {
	t.Parallel()
	var golden struct {
		Cases []struct {
			Spec, Scale string
			Lists       []goldenList
			Scores      map[string]hexFloat
		}
	}
	loadGolden(t, "engines_derived.json", &golden)
	require.NotEmpty(t, golden.Cases)
	scales := map[string]pipeline.Scale{}
	for s := pipeline.Unknown; s <= pipeline.Fused; s++ {
		scales[s.String()] = s
	}
	for i, c := range golden.Cases {
		t.Run(fmt.Sprint(i, " ", c.Spec), func(t *testing.T) {
			t.Parallel()
			m, err := fusion.Parse(c.Spec)
			require.NoError(t, err)
			var lists []fusion.NamedList
			for _, l := range c.Lists {
				n := l.named(t)
				n.Scale = scales[c.Scale]
				lists = append(lists, n)
			}
			within := uint64(0)
			if strings.Contains(c.Spec, "arctan") || strings.Contains(c.Spec, "exptail") {
				within = 2
			}
			assertScores(t, m, lists, c.Scores, within)
		})
	}
}

func TestFusersHaveTheBitsOfTrectools(t *testing.T) {
	t.Parallel()
	var golden struct {
		Lists []goldenList
		Cases []struct {
			Spec   string
			Lists  int
			Scores map[string]hexFloat
		}
	}
	loadGolden(t, "trectools.json", &golden)
	require.NotEmpty(t, golden.Cases)
	var lists []fusion.NamedList
	for _, l := range golden.Lists {
		lists = append(lists, l.named(t))
	}
	for _, c := range golden.Cases {
		t.Run(c.Spec, func(t *testing.T) {
			t.Parallel()
			m, err := fusion.Parse(c.Spec)
			require.NoError(t, err)
			assertScores(t, m, lists[:c.Lists], c.Scores, 0)
		})
	}
}
