package bert_test

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/bert"
	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/reranker/local/minilm"
)

// hashes are what testdata/golden.py found HuggingFace's tokenizers 0.23.3 to
// give: those of the texts of XQuAD, and those of generated texts.
func hashes(t *testing.T) (xquad, generated []uint32) {
	raw, err := os.ReadFile("testdata/tokens.bin")
	require.NoError(t, err)
	next := func() []uint32 {
		list := make([]uint32, binary.LittleEndian.Uint32(raw))
		raw = raw[4:]
		for i := range list {
			list[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		raw = raw[4*len(list):]
		return list
	}
	return next(), next()
}

func hash(ids []int32) uint32 {
	h := fnv.New32a()
	for _, id := range ids {
		h.Write([]byte{byte(id), byte(id >> 8)})
	}
	return h.Sum32()
}

func checkTokens(t *testing.T, texts []string, want []uint32) {
	t.Helper()
	tokenizer, err := bert.OpenTokenizer(minilm.Files(), 30522)
	require.NoError(t, err)
	require.Len(t, texts, len(want))
	wrong := 0
	for i, text := range texts {
		if got := tokenizer.Append(nil, text, 1<<20); hash(got) != want[i] {
			if wrong++; wrong < 5 {
				t.Errorf("text %d: %q: %v", i, text, got)
			}
		}
	}
	assert.Zero(t, wrong, "of %d texts", len(texts))
}

func TestTokensOfTwelveLanguagesEqualHuggingFaces(t *testing.T) {
	t.Parallel()
	want, _ := hashes(t)
	var texts []string
	for language := range strings.FieldsSeq("ar de el en es hi ro ru th tr vi zh") {
		for _, name := range []string{"corpus", "queries"} {
			texts = append(texts, lines(t, filepath.Join(collections.Dir(t, "xquad"), language, name+".jsonl.gz"))...)
		}
	}
	checkTokens(t, texts, want)
}

func lines(t *testing.T, name string) []string {
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var texts []string
	for s := bufio.NewScanner(z); s.Scan(); {
		var entry struct {
			Text string `json:"text"`
		}
		require.NoError(t, json.Unmarshal(s.Bytes(), &entry))
		texts = append(texts, entry.Text)
	}
	return texts
}

func TestTokensOfGeneratedTextsEqualHuggingFaces(t *testing.T) {
	t.Parallel()
	_, want := hashes(t)
	checkTokens(t, generate(len(want)), want)
}

// random is Knuth's 64-bit generator, of which the upper 31 bits count.
type random uint64

func (r *random) below(n int) int {
	*r = *r*6364136223846793005 + 1442695040888963407
	return int(uint64(*r>>33) % uint64(n))
}

// generate makes the texts that golden.py makes.
func generate(count int) []string {
	ranges := [][2]rune{
		{0x20, 0x7E}, {0xA0, 0x24F}, {0x250, 0x36F}, {0x370, 0x3FF}, {0x400, 0x52F}, {0x590, 0x6FF}, {0x900, 0x97F}, {0xE00, 0xE7F},
		{0x1100, 0x11FF}, {0x1E00, 0x20FF}, {0x2190, 0x2BFF}, {0x3000, 0x30FF}, {0x4E00, 0x9FFF}, {0xA000, 0xABFF}, {0xAC00, 0xD7A3},
		{0xF900, 0xFFFD}, {0x10000, 0x1FFFF}, {0x20000, 0x2FA1F}, {0xE0000, 0x10FFFD}, {0x1, 0x1F},
	}
	pieces := []string{
		" ", "  ", "\t", "\r\n", "\u00a0", "\u2028", "\u3000", ".", ", ", "-", "'", "[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]", "##ing", " ##",
		"\u0301", "\u0323\u0301", "\u0307", "\u0130", "\u1e9e", "\u03a3", "\ufb01", "\u200d", "\ufeff", "\u00ad", "\ufffd", "\u00c5", "\u212b",
		"\ud55c", strings.Repeat("a", 100), strings.Repeat("b", 101), strings.Repeat("\u00e9", 100), "playing", "unaffable", "2026", "$", "\u20ac", "_",
		"getUserName", "http://a.b/c?d=e",
	}
	r := random(20261126)
	texts := make([]string, count)
	for i := range texts {
		chosen := make([][2]rune, 1+r.below(3))
		for j := range chosen {
			chosen[j] = ranges[r.below(len(ranges))]
		}
		var b strings.Builder
		for range 1 + r.below(60) {
			if r.below(4) == 0 {
				b.WriteString(pieces[r.below(len(pieces))])
				continue
			}
			span := chosen[r.below(len(chosen))]
			if c := span[0] + rune(r.below(int(span[1]-span[0])+1)); c < 0xD800 || c > 0xDFFF {
				b.WriteRune(c)
			}
		}
		texts[i] = b.String()
	}
	return texts
}

// golden is a result of onnxruntime 1.32.0.
type golden struct {
	Text, Query string
	Vector      []float32
	Logit       float64
}

func goldens(t *testing.T, name string) []golden {
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	var list []golden
	require.NoError(t, json.Unmarshal(raw, &list))
	return list
}

func vectors(t testing.TB, m *bert.Model, texts ...string) [][]float32 {
	out := make([][]float32, len(texts))
	require.NoError(t, m.Embed(t.Context(), texts, func(i int, v []float32) { out[i] = append([]float32(nil), v...) }))
	return out
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func difference(a, b []float32) (most float64) {
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

// TestAgreesWithONNXRuntime runs models of random weights, whose widths are no
// multiples of any register, on every kernel of this machine.
func TestAgreesWithONNXRuntime(t *testing.T) {
	t.Parallel()
	for _, kernel := range bert.Kernels() {
		tiny, err := bert.Open(os.DirFS("testdata/tiny"), bert.Options{Kernel: kernel})
		require.NoError(t, err)
		for _, g := range goldens(t, "tiny/golden.json") {
			assert.Less(t, difference(vectors(t, tiny, g.Text)[0], g.Vector), 1e-6, "%v: %s", kernel, g.Text)
		}
		cross, err := bert.Open(os.DirFS("testdata/cross"), bert.Options{Kernel: kernel})
		require.NoError(t, err)
		assert.Equal(t, 1, cross.Classes())
		for _, g := range goldens(t, "cross/golden.json") {
			require.NoError(t, cross.Score(t.Context(), g.Query, []string{g.Text}, func(_ int, logits []float32) {
				assert.InDelta(t, g.Logit, logits[0], 5e-6, "%v: %s, %s", kernel, g.Query, g.Text)
			}))
		}
	}
}

// TestPublishedWeightsAgreeWithONNXRuntime needs the directory of the published
// model, which is not part of the repository.
func TestPublishedWeightsAgreeWithONNXRuntime(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("CASCADE_MINILM")
	if dir == "" {
		t.Skip("set CASCADE_MINILM to the directory of all-MiniLM-L6-v2 with F32 weights")
	}
	m, err := bert.Open(os.DirFS(dir), bert.Options{})
	require.NoError(t, err)
	for _, g := range goldens(t, "vectors.json") {
		assert.Less(t, difference(vectors(t, m, g.Text)[0], g.Vector), 1e-6, g.Text)
	}
}

func TestEmbeddedWeightsAreCloseToThePublishedOnes(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(minilm.Files(), bert.Options{})
	require.NoError(t, err)
	total, list := 0.0, goldens(t, "vectors.json")
	for _, g := range list {
		c := cosine(vectors(t, m, g.Text)[0], g.Vector)
		assert.Greater(t, c, .998, g.Text)
		total += c
	}
	assert.Greater(t, total/float64(len(list)), .9992)
}
