package trec_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// oddities are columns that the fast reading of a plain line must leave to the
// careful one, or read as that one does.
var (
	oddTopics = []string{"1", "2", "a-very-long-topic", "#x", "é", "1"}
	oddIDs    = []string{"d", "D0000000000000000001", "a#b", "ü/ö?", "\"q\"", "x\u00a0y", "v\x01w"}
	oddRanks  = []string{"1", "0", "-1", "0000000007", "123456789", "1234567890", "x", "1.0", "+3"}
	oddScores = []string{
		"1", "-1", "0.5", ".5", "5.", "-.5", "1e3", "1E-3", "+2", "-0", "0.0000000000000000001", "9007199254740993", "9007199254740992", "9007199254740991.5",
		"0.3", "123456789012345678", "12345678901234567890", "0.12345678901234567", "1.2.3", "-", ".", "x", "1_0", "0x1p-2", "NaN", "-Inf", "1e400",
	}
	oddBlanks = []string{" ", " ", " ", "  ", "\t", " \t"}
	oddEnds   = []string{"\n", "\n", "\r\n", " \n", "\t\r\n", "\n\n", "\r", "\n# comment\n"}
	oddTags   = []string{"t", "t", "t", "other", "t t", ""}
)

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// oddLines writes a run of plain lines with odd ones among them.
func oddLines(r *rand.Rand) string {
	var b strings.Builder
	for i := range 1 + r.IntN(12) {
		topic, id, rank, score, blank, tag, end := "1", "d"+strconv.Itoa(i), strconv.Itoa(i+1), strconv.FormatFloat(r.Float64(), 'f', r.IntN(20), 64), " ", "t", "\n"
		for _, odd := range []struct {
			into *string
			list []string
		}{{&topic, oddTopics}, {&id, oddIDs}, {&rank, oddRanks}, {&score, oddScores}, {&blank, oddBlanks}, {&tag, oddTags}, {&end, oddEnds}} {
			if r.IntN(6) == 0 {
				*odd.into = pick(r, odd.list)
			}
		}
		b.WriteString(strings.Join([]string{topic, "Q0", id, rank, score, tag}, blank) + end)
	}
	return b.String()
}

// carefully reads each line by itself, so that none looks like the one before, and
// joins what was read.
func carefully(t *testing.T, text string) (entries map[string][]trec.Entry) {
	t.Helper()
	entries = map[string][]trec.Entry{}
	for line := range strings.SplitAfterSeq(text, "\n") {
		r, err := trec.ReadRun(strings.NewReader(line), "x", trec.Options{Lenient: true, Workers: 1})
		require.NoError(t, err)
		for _, topic := range r.Topics {
			entries[topic.ID] = append(entries[topic.ID], topic.Entries...)
		}
	}
	for id, list := range entries {
		seen := map[string]bool{}
		entries[id] = slices.DeleteFunc(list, func(e trec.Entry) bool {
			again := seen[e.Document]
			seen[e.Document] = true
			return again
		})
	}
	return entries
}

func TestPlainLinesAreReadAsCarefullyReadOnes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(14, 15))
	for range 4000 {
		text := oddLines(r)
		run, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{Lenient: true, Workers: 1})
		require.NoError(t, err)
		got := map[string][]trec.Entry{}
		for _, topic := range run.Topics {
			got[topic.ID] = topic.Entries
		}
		require.Equal(t, carefully(t, text), got, "%q", text)
	}
}

// bigRun has topics of very different lengths, so that blocks of the stream end in
// many places.
func bigRun() string {
	r := rand.New(rand.NewPCG(3, 1))
	var b strings.Builder
	for topic := range 60 {
		n := 1 + r.IntN(300)
		if topic%20 == 7 {
			n = 9000 // longer than a block
		}
		for i := range n {
			fmt.Fprintf(&b, "t%d Q0 doc-%d-%d %d %.4f tag\n", topic, topic, i, i+1, 1-float64(i)/10_000)
		}
		if r.IntN(3) == 0 {
			b.WriteString("# a comment\n\n")
		}
	}
	return b.String()
}

func TestStreamedBlocksHoldWholeTopics(t *testing.T) {
	t.Parallel()
	text := bigRun()
	whole, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{})
	require.NoError(t, err)
	for name, o := range map[string]trec.Options{"strings may be kept": {}, "memory is used again": {Reuse: true}} {
		i := 0
		var kept []trec.Topic
		for topic, err := range trec.StreamRun(oneByOne{strings.NewReader(text)}, "x", o, nil) {
			require.NoError(t, err)
			require.Equal(t, whole.Topics[i], topic, name)
			kept = append(kept, trec.Topic{ID: topic.ID, Entries: slices.Clone(topic.Entries)})
			i++
		}
		assert.Len(t, whole.Topics, i, name)
		if !o.Reuse {
			assert.Equal(t, whole.Topics, kept, "nothing that was kept has changed")
		}
	}
}

// oneByOne reads less than it is asked for, as decompressing readers do.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1000)]) }

func TestAStreamSaysWhereItCannotGoOn(t *testing.T) {
	t.Parallel()
	text := bigRun()
	lines := strings.Count(text, "\n")
	for name, c := range map[string]struct{ text, message string }{
		"a topic comes back blocks later":      {text + "t0 Q0 z 1 1 tag\n", fmt.Sprintf("x:%d: topic t0 comes back", lines+1)},
		"a topic comes back in the same block": {"a Q0 d 1 1 t\nb Q0 d 1 1 t\na Q0 e 1 1 t\n", "x:3: topic a comes back"},
		"an object":                            {`{"q": {"d": 1}}`, "only TREC columns"},
		"records":                              {`{"qid": "1", "docno": "a", "score": 1}` + "\n", "only TREC columns"},
		"a table":                              {"query-id\tcorpus-id\tscore\n1\ta\t2\n", "only TREC columns"},
	} {
		var last error
		for _, err := range trec.StreamRun(strings.NewReader(c.text), "x", trec.Options{}, nil) {
			last = err
		}
		require.ErrorIs(t, last, trec.ErrScattered, name)
		require.ErrorContains(t, last, c.message, name)
		var problem trec.Problem
		require.ErrorAs(t, last, &problem, name)
	}
	for name, wrong := range map[string]string{"a wrong line": text + "t99 Q0 z\n", "a duplicate": text + "t99 Q0 z 1 1 t\nt99 Q0 z 2 1 t\n"} {
		var last error
		for _, err := range trec.StreamRun(strings.NewReader(wrong), "x", trec.Options{}, nil) {
			last = err
		}
		require.Error(t, last, name)
		require.NotErrorIs(t, last, trec.ErrScattered, name)
		assert.Contains(t, last.Error(), fmt.Sprintf("x:%d: ", strings.Count(wrong, "\n")), name)
	}
}

func TestACutCompressedFileIsNoShortStream(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(bigRun()))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, cut := range []int{1, 8, packed.Len() / 2} {
		var last error
		for _, err := range trec.StreamRun(bytes.NewReader(packed.Bytes()[:packed.Len()-cut]), "x", trec.Options{}, nil) {
			last = err
		}
		require.ErrorIs(t, last, io.ErrUnexpectedEOF, "less %d bytes", cut)
	}
}
