package fusion_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
)

// hexFloat is a float64 written as its bits in hexadecimal.
type hexFloat float64

func (f *hexFloat) UnmarshalText(text []byte) error {
	bits, err := strconv.ParseUint(string(text), 16, 64)
	*f = hexFloat(math.Float64frombits(bits))
	return err
}

func floats(in []hexFloat) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = float64(v)
	}
	return out
}

// ulps is the number of floating-point numbers between two values.
func ulps(a, b float64) uint64 {
	order := func(v float64) int64 {
		bits := int64(math.Float64bits(v))
		if bits < 0 {
			return math.MinInt64 - bits
		}
		return bits
	}
	d := order(a) - order(b)
	if d < 0 {
		d = -d
	}
	return uint64(d)
}

func loadGolden(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, into))
}

// goldenList is a list as [name, bits] pairs.
type goldenList [][2]json.RawMessage

func (g goldenList) named(t testing.TB) fusion.NamedList {
	t.Helper()
	var l fusion.NamedList
	for _, pair := range g {
		var name string
		var score hexFloat
		require.NoError(t, json.Unmarshal(pair[0], &name))
		require.NoError(t, json.Unmarshal(pair[1], &score))
		l.Names, l.Scores = append(l.Names, name), append(l.Scores, float64(score))
	}
	return l
}

type ranxGolden struct {
	Reference   string
	Sets        map[string][]goldenList
	Normalisers []struct {
		List, Norm, Spec string
		In, Out          []hexFloat
	}
	Digests map[string]string
	Fusions []struct {
		Set, Spec string
		Scores    map[string]hexFloat
	}
	Supervised struct {
		Training [][]struct {
			Relevant []int
			Total    int
		}
		Lists []goldenList
		Cases []struct {
			Method string
			Params struct{ Segments, Width int }
			Learnt [][]hexFloat
			Scores map[string]hexFloat
		}
	}
}

func TestNormalisersHaveTheBitsOfRanx(t *testing.T) {
	t.Parallel()
	var golden ranxGolden
	loadGolden(t, "ranx.json", &golden)
	require.NotEmpty(t, golden.Normalisers)
	for _, c := range golden.Normalisers {
		t.Run(c.List+" by "+c.Norm, func(t *testing.T) {
			t.Parallel()
			n, err := fusion.ParseNormaliser(c.Spec)
			require.NoError(t, err)
			in, want := floats(c.In), floats(c.Out)
			m, err := n.Fit(fusion.List{IDs: make([]uint32, len(in)), Scores: in})
			if slices.ContainsFunc(want, func(v float64) bool { return math.IsInf(v, 0) || math.IsNaN(v) }) || err != nil {
				// A known divergence: where a sum overflows we refuse the list.
				require.ErrorIs(t, err, fusion.ErrInput)
				return
			}
			got := make([]float64, len(in))
			m.Apply(got, in)
			assert.Equal(t, want, got)
		})
	}
}

func TestTenThousandScoresHaveTheBitsOfRanx(t *testing.T) {
	t.Parallel()
	var golden ranxGolden
	loadGolden(t, "ranx.json", &golden)
	require.NotEmpty(t, golden.Digests)
	scores := splitmix(10000)
	slices.SortFunc(scores, func(a, b float64) int {
		if a > b {
			return -1
		}
		return 1
	})
	for spec, want := range golden.Digests {
		n, err := fusion.ParseNormaliser(spec)
		require.NoError(t, err)
		m, err := n.Fit(fusion.List{IDs: make([]uint32, len(scores)), Scores: scores})
		require.NoError(t, err)
		got := make([]float64, len(scores))
		m.Apply(got, scores)
		hash := sha256.New()
		for _, v := range got {
			require.NoError(t, binary.Write(hash, binary.BigEndian, v))
		}
		assert.Equal(t, want, hex.EncodeToString(hash.Sum(nil)), spec)
	}
}

// splitmix is the generator of the golden file: doubles in [-100, 100).
func splitmix(n int) []float64 {
	state, out := uint64(1), make([]float64, n)
	for i := range out {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		out[i] = float64(float64(z>>11)*0x1p-53*200) - 100
	}
	return out
}

func TestFusersHaveTheBitsOfRanx(t *testing.T) {
	t.Parallel()
	var golden ranxGolden
	loadGolden(t, "ranx.json", &golden)
	require.NotEmpty(t, golden.Fusions)
	for _, c := range golden.Fusions {
		t.Run(c.Set+" by "+c.Spec, func(t *testing.T) {
			t.Parallel()
			m, err := fusion.Parse(c.Spec)
			require.NoError(t, err)
			var lists []fusion.NamedList
			for _, l := range golden.Sets[c.Set] {
				lists = append(lists, l.named(t))
			}
			assertScores(t, m, lists, c.Scores, 0)
		})
	}
}

func assertScores(t *testing.T, m fusion.Method, lists []fusion.NamedList, want map[string]hexFloat, within uint64) {
	t.Helper()
	got, err := fusion.FuseNamed(m, [][]fusion.NamedList{lists}, 0)
	require.NoError(t, err)
	require.Len(t, got[0], len(want))
	for _, s := range got[0] {
		w := float64(want[s.Name])
		if d := ulps(w, s.Score); d > within {
			t.Errorf("document %s: %v (%x), reference %v (%x), %d units apart", s.Name, s.Score, s.Score, w, w, d)
		}
	}
}

func TestLearntMethodsHaveTheBitsOfRanx(t *testing.T) {
	t.Parallel()
	var golden ranxGolden
	loadGolden(t, "ranx.json", &golden)
	s := golden.Supervised
	require.NotEmpty(t, s.Cases)
	training := make(fusion.Training, len(s.Training))
	for l, system := range s.Training {
		for _, q := range system {
			j := fusion.Judged{Total: q.Total}
			for _, r := range q.Relevant {
				j.Relevant = append(j.Relevant, r == 1)
			}
			training[l] = append(training[l], j)
		}
	}
	var lists []fusion.NamedList
	for _, l := range s.Lists {
		lists = append(lists, l.named(t))
	}
	for _, c := range s.Cases {
		t.Run(fmt.Sprint(c.Method, c.Params), func(t *testing.T) {
			t.Parallel()
			m, learnt, err := train(training, c.Method, c.Params.Segments, c.Params.Width)
			require.NoError(t, err)
			for l := range c.Learnt {
				assert.Equal(t, floats(c.Learnt[l]), learnt[l], "table %d", l)
			}
			assertScores(t, m, lists, c.Scores, 0)
			again, err := fusion.Parse(m.String())
			require.NoError(t, err)
			assertScores(t, again, lists, c.Scores, 0)
		})
	}
}

func train(t fusion.Training, method string, segments, width int) (fusion.Method, [][]float64, error) {
	switch method {
	case "mapfuse":
		m, err := fusion.TrainMAPFuse(t)
		return m, [][]float64{m.MAP}, err
	case "posfuse":
		m, err := fusion.TrainPosFuse(t)
		return m, m.Probs, err
	case "probfuse":
		m, err := fusion.TrainProbFuse(t, segments)
		return m, m.Probs, err
	case "segfuse":
		m, err := fusion.TrainSegFuse(t, false)
		m.Norm = fusion.MinMax{Clamp: 1e-9}
		return m, m.Probs, err
	case "slidefuse":
		m, err := fusion.TrainSlideFuse(t, width)
		return m, m.Probs, err
	}
	m, err := fusion.TrainBayesFuse(t)
	return m, nil, err
}
