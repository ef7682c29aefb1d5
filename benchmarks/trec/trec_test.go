package trec_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/collections"
)

const run = "1 Q0 b 1 2.5 tag\n1 Q0 a 2 1 tag\n2 Q0 c 1 -3e-2 tag\n"

func TestReadRun(t *testing.T) {
	t.Parallel()
	want := []trec.Topic{
		{ID: "1", Entries: []trec.Entry{{"b", 2.5, 1}, {"a", 1, 2}}},
		{ID: "2", Entries: []trec.Entry{{"c", -3e-2, 1}}},
	}
	unranked := func(topics []trec.Topic) []trec.Topic {
		var out []trec.Topic
		for _, topic := range topics {
			entries := slices.Clone(topic.Entries)
			for i := range entries {
				entries[i].Rank = 0
			}
			out = append(out, trec.Topic{ID: topic.ID, Entries: entries})
		}
		return out
	}
	cases := map[string]struct {
		text string
		want []trec.Topic
	}{
		"columns":                        {run, want},
		"columns with tabs and CRLF":     {strings.ReplaceAll(strings.ReplaceAll(run, " ", "\t"), "\n", "\r\n"), want},
		"last line without its end":      {strings.TrimSuffix(run, "\n"), want},
		"blank lines":                    {"\n" + strings.ReplaceAll(run, "\n", "\n\n"), want},
		"a byte order mark":              {"\ufeff" + run, want},
		"a table with header":            {"query-id\tcorpus-id\tscore\n1\tb\t2.5\n1\ta\t1\n2\tc\t-0.03\n", unranked(want)},
		"one JSON object":                {`{"1":{"b":2.5,"a":1},"2":{"c":-0.03}}`, unranked(want)},
		"JSON lines":                     {"{\"qid\":\"1\",\"docid\":\"b\",\"score\":2.5}\n{\"query_id\":\"1\",\"doc_id\":\"a\",\"score\":1}\n{\"topic\":\"2\",\"document\":\"c\",\"score\":-0.03}\n", unranked(want)},
		"an id with a hash, slash and ?": {"1 Q0 #a/b?c 0 1 t\n", []trec.Topic{{ID: "1", Entries: []trec.Entry{{"#a/b?c", 1, 0}}}}},
		"an empty file":                  {"", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := trec.ReadRun(strings.NewReader(c.text), "x.txt", trec.Options{})
			require.NoError(t, err)
			assert.Equal(t, c.want, got.Topics)
			assert.Empty(t, got.Problems)
		})
	}
}

func TestReadRunRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"five fields":         {"1 Q0 a 1 2\n", "x.txt:1: a run line has 6 fields"},
		"seven fields":        {run + "1 Q0 a 1 2 t u\n", "x.txt:4: a run line has 6 fields (topic Q0 document rank score tag), this one has 7"},
		"a word as score":     {"1 Q0 a 1 abc t\n", `x.txt:1: score "abc" is not a number`},
		"NaN":                 {"\n1 Q0 a 1 NaN t\n", "x.txt:2: topic 1, document a: score NaN is not finite"},
		"infinity":            {"1 Q0 a 1 1e999 t\n", "score +Inf is not finite"},
		"a repeated document": {"1 Q0 a 1 2 t\n1 Q0 a 2 1 t\n", "x.txt:2: topic 1: document a is returned twice"},
		"a repeated JSON key": {`{"1":{"a":1,"a":2}}`, "document a is returned twice"},
		"broken JSON":         {"{\"1\":\n{\"a\":1,}}", "x.txt:2: JSON object of topics"},
		"text after JSON":     {`{"1":{"a":1}} {}`, "more text after the object"},
		"a record without score": {"{\"qid\":\"1\",\"docid\":\"b\",\"score\":2.5}\n{\"qid\":\"1\",\"docid\":\"c\"}\n",
			"x.txt:2: record: no score, grade or relevance"},
		"a short table line": {"query-id\tcorpus-id\tscore\n1\tb\n", "x.txt:2: a line has 3 tab-separated fields"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := trec.ReadRun(strings.NewReader(c.text), "x.txt", trec.Options{})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestLenientReadingListsEveryProblem(t *testing.T) {
	t.Parallel()
	text := "1 Q0 a 1 2 t\nrubbish\n1 Q0 b 2 nan t\n1 Q0 a 3 1 t\n1 Q0 c 4 9 t\n"
	got, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{Lenient: true})
	require.NoError(t, err)
	assert.Equal(t, []trec.Entry{{"a", 2, 1}, {"c", 9, 4}}, got.Topics[0].Entries)
	var texts []string
	for _, p := range got.Problems {
		texts = append(texts, fmt.Sprintf("%v %v", p.Warning, p))
	}
	assert.Equal(t, []string{
		"false x:2: a run line has 6 fields (topic Q0 document rank score tag), this one has 1",
		"false x:3: topic 1, document b: score NaN is not finite",
		"false x:4: topic 1: document a is returned twice",
		"true x:1: topic 1: the rank column contradicts the scores (documents a and c); scores decide",
	}, texts)
}

func TestReadQrels(t *testing.T) {
	t.Parallel()
	want := []trec.Judgements{{ID: "1", Judged: []trec.Judgement{{"a", 2}, {"b", -1}}}}
	for name, text := range map[string]string{
		"columns":     "1 0 a 2\n\n1 0 b -1\n",
		"BEIR":        "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t-1\n",
		"JSON object": `{"1":{"a":2,"b":-1}}`,
		"JSON lines":  "{\"qid\":\"1\",\"docid\":\"a\",\"relevance\":2}\n{\"qid\":\"1\",\"docid\":\"b\",\"grade\":-1}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := trec.ReadQrels(strings.NewReader(text), "q", trec.Options{})
			require.NoError(t, err)
			assert.Equal(t, want, got.Topics)
		})
	}
	for text, message := range map[string]string{
		"1 0 a\n":            "q:1: a judgement has 4 fields",
		"1 0 a 1 x\n":        "this line has 5",
		"1 0 a x\n":          `grade "x" is not a whole number`,
		"1 0 a 1\n1 0 a 2\n": "document a is judged twice, as 1 and as 2",
		`{"1":{"a":1.5}}`:    "grade 1.5 is not a whole number",
	} {
		_, err := trec.ReadQrels(strings.NewReader(text), "q", trec.Options{})
		assert.ErrorContains(t, err, message)
	}
	got, err := trec.ReadQrels(strings.NewReader("1 0 a 1\n1 0 a 1\n"), "q", trec.Options{})
	require.NoError(t, err)
	require.Len(t, got.Problems, 1, "an agreeing repetition is a warning")
	assert.True(t, got.Problems[0].Warning)
}

func TestFilesAreDecompressedByContent(t *testing.T) {
	t.Parallel()
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, err := g.Write([]byte(run))
	require.NoError(t, err)
	require.NoError(t, g.Close())
	z, err := zstd.NewWriter(&zst)
	require.NoError(t, err)
	_, err = z.Write([]byte(run))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, content := range map[string][]byte{"plain.gz": []byte(run), "gz": gz.Bytes(), "zst.txt": zst.Bytes()} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, content, 0o600))
		got, err := trec.ReadRunFile(file, trec.Options{})
		require.NoError(t, err)
		assert.Len(t, got.Topics, 2)
		assert.Equal(t, "tag", got.Name)
	}
	_, err = trec.ReadRunFile(filepath.Join(t.TempDir(), "none"), trec.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = trec.ReadRun(bytes.NewReader(gz.Bytes()[:gz.Len()-6]), "cut.gz", trec.Options{})
	require.Error(t, err, "a cut file is not a short run")
}

func TestStreamingEqualsReading(t *testing.T) {
	t.Parallel()
	var got []trec.Topic
	for topic, err := range trec.StreamRun(strings.NewReader(run), "x", trec.Options{}, nil) {
		require.NoError(t, err)
		got = append(got, trec.Topic{ID: topic.ID, Entries: slices.Clone(topic.Entries)})
	}
	whole, err := trec.ReadRun(strings.NewReader(run), "x", trec.Options{})
	require.NoError(t, err)
	assert.Equal(t, whole.Topics, got)

	for text, message := range map[string]string{
		run + "1 Q0 z 9 0 t\n":    "x:4: topic 1 comes back after other topics",
		"\n\n" + run + "3 Q0 z\n": "x:6: a run line has 6 fields",
	} {
		var last error
		for _, err := range trec.StreamRun(strings.NewReader(text), "x", trec.Options{}, nil) {
			last = err
		}
		require.ErrorContains(t, last, message)
	}
}

// trecOrder is what trec_eval makes of a written run.
func trecOrder(t *testing.T, text string, order trec.Order) []string {
	t.Helper()
	back, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{})
	require.NoError(t, err)
	entries := back.Topics[0].Entries
	order.Sort(entries)
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.Document
	}
	return ids
}

func TestWrittenRunsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		scores := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e300, math.MaxFloat64), rapid.SampledFrom([]float64{0, 1, 1 + 1e-12, 0.1, math.MaxFloat64, -1e300, 5e-324})), 1, 30).Draw(rt, "scores")
		slices.Sort(scores)
		slices.Reverse(scores)
		topic := trec.Topic{ID: "t"}
		var want []string
		for i, s := range scores {
			id := strconv.Itoa((i * 7) % len(scores) * 100)
			if !slices.Contains(want, id) {
				topic.Entries = append(topic.Entries, trec.Entry{Document: id, Score: s})
				want = append(want, id)
			}
		}
		var b strings.Builder
		require.NoError(t, trec.WriteTopic(&b, topic, "tag", trec.WriteOptions{}))
		assert.Equal(t, want, trecOrder(t, b.String(), trec.Order{}), "64 bits")
		if scores[len(scores)-1] > -1e38 && scores[0] < 1e38 {
			assert.Equal(t, want, trecOrder(t, b.String(), trec.Order{Float32: true}), "32 bits")
		}
	})
}

func TestExactScoresReadBackToTheSameBits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		score := rapid.Float64().Draw(rt, "score")
		var b strings.Builder
		err := trec.WriteTopic(&b, trec.Topic{ID: "t", Entries: []trec.Entry{{Document: "d", Score: score}}}, "tag", trec.WriteOptions{})
		require.NoError(t, err)
		back, err := trec.ReadRun(strings.NewReader(b.String()), "x", trec.Options{})
		require.NoError(t, err)
		assert.Equal(t, math.Float64bits(score), math.Float64bits(back.Topics[0].Entries[0].Score))
	})
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	one := func(id string, score float64) trec.Topic {
		return trec.Topic{ID: "t", Entries: []trec.Entry{{Document: id, Score: score}}}
	}
	for name, topic := range map[string]trec.Topic{
		"an id with a space": one("a b", 1),
		"an empty id":        one("", 1),
		"NaN":                one("a", math.NaN()),
		"a rising score":     {ID: "t", Entries: []trec.Entry{{Document: "a", Score: 1}, {Document: "b", Score: 2}}},
		"an empty topic":     {Entries: []trec.Entry{{Document: "a"}}},
	} {
		require.Error(t, trec.WriteTopic(&strings.Builder{}, topic, "tag", trec.WriteOptions{}), name)
	}
	require.Error(t, trec.WriteTopic(&strings.Builder{}, one("a", 1), "a tag", trec.WriteOptions{}))
}

func writeCollection(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestCollectionReportsWhatItsManifestContradicts(t *testing.T) {
	t.Parallel()
	dir := writeCollection(t, map[string]string{
		"corpus.jsonl":  "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"x\"}\n{\"_id\":\"d2\",\"text\":\" \"}\n{\"_id\":\"d3\",\"title\":\"T\",\"text\":\"x\"}\n",
		"queries.jsonl": "{\"_id\":\"1\",\"text\":\"what\"}\n{\"_id\":\"2\",\"text\":\"\"}\n",
		"qrels.tsv":     "1 0 d1 1\n3 0 d9 1\n",
		"manifest.json": `{"name":"small","documents":4,"queries":2,"judgements":5,"sha256":{"qrels.tsv":"00"}}`,
	})
	c, err := trec.OpenCollection(dir, trec.Options{})
	require.NoError(t, err)
	_, err = c.Verify()
	require.NoError(t, err)
	var texts []string
	for _, p := range c.Problems {
		texts = append(texts, p.Text)
	}
	joined := strings.Join(texts, "\n")
	for _, want := range []string{
		"promises 5 judgements, there are 2", "query 2 is empty", "query 2 has no judgements", "topic 3 is judged and not asked",
		"SHA-256 is ", "promises 4 documents, there are 3", "1 document is empty", "1 document repeats the text", "1 judgement names a document that does not exist, 0 are known",
	} {
		assert.Contains(t, joined, want)
	}
	assert.NotContains(t, joined, "2 queries")
}

func TestCorpusErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		"{\"_id\":\"d\"}\n{\"_id\":\"d\"}\n": "corpus.jsonl:2: id d stands here a second time",
		"{\"text\":\"x\"}\n":                 "corpus.jsonl:1: entry without _id",
		"{\"_id\":\"d\"}\n\n{broken\n":       "corpus.jsonl:3: ",
	} {
		dir := writeCollection(t, map[string]string{"corpus.jsonl": text})
		var last error
		for _, err := range trec.Documents(filepath.Join(dir, "corpus.jsonl"), trec.Options{}) {
			last = err
		}
		require.ErrorContains(t, last, message)
	}
}

func TestRealCollections(t *testing.T) {
	t.Parallel()
	c, err := trec.OpenCollection(collections.Dir(t, "cranfield"), trec.Options{})
	require.NoError(t, err)
	assert.Len(t, c.Questions, 225)
	found, err := c.Verify()
	require.NoError(t, err)
	require.NotEmpty(t, found)
	assert.Contains(t, found[0].Text, "2 documents are empty")

	r, err := trec.ReadRunFile(filepath.Join(collections.Dir(t, "trec-covid-r5-runs"), "runs", "covidex.r5.1s.txt.gz"), trec.Options{})
	require.NoError(t, err)
	assert.Len(t, r.Topics, 50)
}

func FuzzReadRun(f *testing.F) {
	for _, seed := range []string{run, "{\"1\":{\"a\":1}}", "query-id\tcorpus-id\tscore\n1\ta\t1\n", "1 Q0 a 1 nan t\n", "\xff\xfe 1 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		strict, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{})
		if err != nil {
			return
		}
		lenient, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{Lenient: true})
		require.NoError(t, err)
		assert.Equal(t, strict.Topics, lenient.Topics, "what strict reading accepts, lenient reading reads alike")
	})
}

func ExampleReadRun() {
	r, err := trec.ReadRun(strings.NewReader("q1 Q0 d7 1 3.5 bm25\nq1 Q0 d2 2 1.25 bm25\n"), "bm25.txt", trec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, _ := r.Topic("q1")
	fmt.Println(r.Name, len(entries), entries[0].Document, entries[0].Score)
	// Output: bm25 2 d7 3.5
}

func BenchmarkReadRun(b *testing.B) {
	text := long(30_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trec.ReadRun(strings.NewReader(text), "run", trec.Options{Workers: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhatCannotBeDecompressedIsAnError(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]io.Reader{
		"a reader that fails":           iotest.ErrReader(io.ErrClosedPipe),
		"a gzip file without a header":  strings.NewReader("\x1f\x8b and then text"),
		"a gzip file of two bytes":      strings.NewReader("\x1f\x8b"),
		"a gzip file that ends at once": strings.NewReader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"),
	} {
		_, err := trec.Decompress(r)
		require.Error(t, err, name)
	}
	for content, want := range map[string]string{"": "", "a": "a", "ab": "ab", "\xef\xbb\xbf": "", "\xef\xbb\xbfab\n": "ab\n", "\xef\xbbab": "\xef\xbbab", "\x1fab": "\x1fab"} {
		var packed bytes.Buffer
		g := gzip.NewWriter(&packed)
		_, err := g.Write([]byte(content))
		require.NoError(t, err)
		require.NoError(t, g.Close())
		for _, r := range []io.Reader{strings.NewReader(content), &packed} {
			plain, err := trec.Decompress(r)
			require.NoError(t, err, "%q", content)
			got, err := io.ReadAll(plain)
			require.NoError(t, err, "%q", content)
			assert.Equal(t, want, string(got), "a byte order mark is passed over, packed or not")
		}
	}
}
