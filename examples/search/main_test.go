package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const corpus = `{"_id": "bread", "title": "Bread", "text": "flour, water, salt and a hot oven"}
{"_id": "soup", "title": "", "text": "hot soup with carrots and salt"}

{"_id": "river", "title": "Rivers", "text": "cold water runs to the sea"}
{"_id": "empty", "title": "", "text": " "}
{"_id": 17, "text": "ships wait in the harbour"}
{"_id": "twin-a", "text": "birds sing the same song"}
{"_id": "twin-b", "text": "birds sing the same song"}
`

const queries = `{"_id": "1", "text": "hot water"}
{"_id": "2", "text": "birds sing"}
{"_id": "17", "text": "ships wait in the harbour"}
{"_id": "4", "text": "xylophone"}
`

// program is one call of the program in a folder of its own.
type program struct {
	t              *testing.T
	dir            string
	stdout, stderr bytes.Buffer
}

func newProgram(t *testing.T) *program {
	p := &program{t: t, dir: t.TempDir()}
	p.file("corpus.jsonl", corpus)
	p.file("queries.jsonl", queries)
	return p
}

func (p *program) file(name, content string) {
	require.NoError(p.t, os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600))
}

func (p *program) path(name string) string { return filepath.Join(p.dir, name) }

// run calls the program with the files of its folder and the further flags.
func (p *program) run(flags ...string) int {
	p.stdout.Reset()
	p.stderr.Reset()
	args := append([]string{"-cache", "", "-corpus", p.path("corpus.jsonl"), "-queries", p.path("queries.jsonl"), "-out", p.path("run.txt")}, flags...)
	return run(p.t.Context(), args, &p.stdout, &screen{out: &p.stderr})
}

func (p *program) written() string {
	content, err := os.ReadFile(p.path("run.txt"))
	require.NoError(p.t, err)
	return string(content)
}

func (p *program) documents(topic string) []string {
	r, err := trec.ReadRunFile(p.path("run.txt"), trec.Options{})
	require.NoError(p.t, err)
	entries, _ := r.Topic(topic)
	trec.Order{Float32: true}.Sort(entries) // as trec_eval reads it
	ids := []string{}
	for _, e := range entries {
		ids = append(ids, e.Document)
	}
	return ids
}

func TestTheEmbeddedDefaultWritesARun(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	require.Equal(t, done, p.run(), p.stderr.String())
	assert.ElementsMatch(t, []string{"bread", "soup", "river"}, p.documents("1"))
	assert.Equal(t, "bread", p.documents("1")[0])
	assert.Equal(t, []string{"twin-a", "twin-b"}, p.documents("2"), "equal scores keep their order for trec_eval")
	assert.Empty(t, p.documents("17"), "the document that is the query is left out")
	assert.Regexp(t, `1 Q0 bread 1 0\.\d+ bm25-en-k100\+minilm-d100\n`, p.written())
	assert.Contains(t, p.stdout.String(), "4 topics, 2 of them without a hit; 7 documents")
	assert.Contains(t, p.stderr.String(), "1 documents have no text and cannot be found, the first is "+p.path("corpus.jsonl")+":5")
	assert.NotContains(t, p.stderr.String(), "\r", "no progress bar unless somebody watches")

	again := newProgram(t)
	require.Equal(t, done, again.run())
	assert.Equal(t, p.written(), again.written(), "equal input gives equal bytes")
}

func TestFlagsChangeTheRun(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		flags []string
		line  string
	}{
		"BM25 alone":                   {[]string{"-fuse", "none"}, " bm25-en-k100\n"},
		"Chinese is left to BM25":      {[]string{"-language", "zh"}, " bm25-zh-k100\n"},
		"a fusion by name":             {[]string{"-fuse", "rrf(k = 60)"}, " bm25-en-k100+minilm-d100+rrf(k=60)\n"},
		"fewer hits":                   {[]string{"-k", "1"}, " bm25-en-k1+minilm-d100\n"},
		"a tag of one's own":           {[]string{"-tag", "mine"}, " mine\n"},
		"fewer candidates than hits":   {[]string{"-depth", "1"}, " bm25-en-k100+minilm-d1\n"},
		"no language and other depths": {[]string{"-language", "none", "-depth", "5", "-k", "2"}, " bm25-none-k2+lexical-d5\n"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			require.Equal(t, done, p.run(c.flags...), p.stderr.String())
			assert.Contains(t, p.written(), c.line)
		})
	}
}

func TestWrongInputIsNamedByFileAndLine(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		file, content, says string
		status              int
	}{
		"a line that is not JSON":      {"corpus.jsonl", "{\"_id\": \"a\"}\n{\"_id\"\n", "corpus.jsonl:2: ", broken},
		"no ID":                        {"corpus.jsonl", "{\"text\": \"a\"}\n", "corpus.jsonl:1: there is no _id", broken},
		"an ID that came before":       {"corpus.jsonl", "{\"_id\": \"a\"}\n\n{\"_id\": \"a\"}\n", `corpus.jsonl:3: _id "a" stands in line 1 already`, broken},
		"an ID with a space":           {"queries.jsonl", `{"_id": "a b", "text": "x"}`, `queries.jsonl:1: _id "a b" holds white space`, broken},
		"an ID of another type":        {"queries.jsonl", `{"_id": [1], "text": "x"}`, "queries.jsonl:1: _id is neither", broken},
		"a corpus without documents":   {"corpus.jsonl", "\n", "holds no documents", broken},
		"no queries":                   {"queries.jsonl", "", "holds no queries", broken},
		"a query without text":         {"queries.jsonl", "{\"_id\": \"1\", \"text\": \"hot\"}\n{\"_id\": \"2\", \"text\": \" \"}\n", "queries.jsonl:2: query 2: the query has no text", incompletes},
		"a run that is none":           {"run.txt", "not a run\n", "run.txt", broken},
		"a run with another tag":       {"run.txt", "1 Q0 bread 1 1 other\n", "is a run with the tag other", broken},
		"a run with unknown topics":    {"run.txt", "99 Q0 bread 1 1 bm25-en-k100+minilm-d100\n", "topic 99, which is none of the queries", broken},
		"a document that is not there": {"run.txt", "1 Q0 bread 1 1 bm25-en-k100+minilm-d100\n", "holds 1 of 4 topics", done},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.file(c.file, c.content)
			assert.Equal(t, c.status, p.run())
			assert.Contains(t, p.stderr.String(), c.says)
		})
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]struct {
		status int
		flags  []string
	}{
		"-k is 0":                       {misused, []string{"-k", "0"}},
		"unexpected argument":           {misused, []string{"more"}},
		"neither":                       {broken, []string{"-model", "nowhere"}},
		"-tag":                          {misused, []string{"-tag", "a b"}},
		"-fuse: fusion: parse":          {misused, []string{"-fuse", "nonsense"}},
		"CASCADE_NO_SUCH_KEY is empty":  {misused, []string{"-rerank-key-env", "CASCADE_NO_SUCH_KEY"}},
		"flag provided but not defined": {misused, []string{"-nonsense"}},
		"-out is required":              {misused, []string{"-out", ""}},
		"no analyzer for language":      {broken, []string{"-language", "tlh"}},
		"dialect":                       {broken, []string{"-rerank-url", "http://127.0.0.1:1", "-model", "m", "-dialect", "nonsense"}},
		"the model is empty":            {broken, []string{"-rerank-url", "http://127.0.0.1:1"}},
		"no such file":                  {broken, []string{"-corpus", "nowhere.jsonl"}},
		"write run":                     {broken, []string{"-out", "nowhere/run.txt"}},
	} {
		p := newProgram(t)
		assert.Equal(t, c.status, p.run(c.flags...), says)
		assert.Contains(t, p.stderr.String(), says)
	}
	assert.Equal(t, done, newProgram(t).run("-help"))
}

func TestCompressedInput(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	var zipped, zstded bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write([]byte(corpus))
	require.NoError(t, errors.Join(err, z.Close()))
	s, err := zstd.NewWriter(&zstded)
	require.NoError(t, err)
	_, err = s.Write([]byte(queries))
	require.NoError(t, errors.Join(err, s.Close()))
	p.file("corpus.jsonl.gz", zipped.String())
	p.file("queries.jsonl.zst", zstded.String())
	require.Equal(t, done, p.run("-corpus", p.path("corpus.jsonl.gz"), "-queries", p.path("queries.jsonl.zst")), p.stderr.String())
	assert.Equal(t, []string{"twin-a", "twin-b"}, p.documents("2"))
}

// server scores by the length of the text, and refuses the query "birds sing" as
// long as it is ill.
func server(t *testing.T, ill *atomic.Bool) string {
	scorer := reranker.ScorerFunc(func(_ context.Context, query string, documents []string) (reranker.Scores, error) {
		if ill.Load() && query == "birds sing" {
			return reranker.Scores{}, &reranker.Error{Kind: reranker.KindValidation, Message: "no birds"}
		}
		s := reranker.Scores{Scale: pipeline.Probability}
		for _, d := range documents {
			s.Values = append(s.Values, 1/float64(len(d)))
		}
		return s, nil
	})
	listening := httptest.NewServer(nebius.Handler(scorer, nebius.HandlerOptions{Keys: []string{"secret-key"}}))
	t.Cleanup(listening.Close)
	return listening.URL
}

func TestARerankServerIsAskedAndAFailedQueryIsTriedAgain(t *testing.T) {
	t.Setenv("CASCADE_TEST_KEY", "secret-key")
	var ill atomic.Bool
	ill.Store(true)
	p := newProgram(t)
	flags := []string{"-rerank-url", server(t, &ill), "-model", "length", "-rerank-key-env", "CASCADE_TEST_KEY"}
	require.Equal(t, incompletes, p.run(flags...), p.stderr.String())
	assert.Equal(t, []string{"soup", "river", "bread"}, p.documents("1"), "the server's order")
	assert.Empty(t, p.documents("2"))
	assert.Contains(t, p.stderr.String(), "queries.jsonl:2: query 2: ")
	assert.Contains(t, p.stderr.String(), "1 of 4 queries failed")
	assert.NotContains(t, p.stderr.String(), "secret-key")
	first := p.written()

	ill.Store(false)
	require.Equal(t, done, p.run(flags...), p.stderr.String())
	assert.Contains(t, p.stderr.String(), "holds 1 of 4 topics")
	assert.True(t, strings.HasPrefix(p.written(), first), "what was there is kept to the byte")
	assert.Equal(t, []string{"twin-a", "twin-b"}, p.documents("2"))
	leftovers, err := filepath.Glob(p.path("run.txt.*"))
	require.NoError(t, err)
	assert.Empty(t, leftovers)

	require.Equal(t, done, p.run(append(flags, "-fuse", "convex(w=[0.9,0.1], norm=minmax)", "-out", p.path("fused.txt"))...), p.stderr.String())
	require.Equal(t, broken, p.run(append(flags, "-k", "5")...), "another configuration does not continue this run")
}

func TestAnInterruptedRunIsKept(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	args := []string{"-corpus", p.path("corpus.jsonl"), "-queries", p.path("queries.jsonl"), "-out", p.path("run.txt")}
	assert.Equal(t, broken, run(ctx, args, &p.stdout, &screen{out: &p.stderr}))
	assert.Contains(t, p.stderr.String(), "interrupted")
	require.Equal(t, done, p.run())
	require.Contains(t, p.written(), "1 Q0 bread")
}

func TestACompleteRunIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.file("queries.jsonl", strings.Join(strings.SplitAfter(queries, "\n")[:2], ""))
	require.Equal(t, done, p.run())
	before := p.written()
	require.Equal(t, done, p.run("-corpus", "not read any more"))
	assert.Contains(t, p.stdout.String(), "is complete: 2 topics")
	assert.Equal(t, before, p.written())
}

func TestTheBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := (&screen{out: &out, watched: true}).bar("queries", 200)
	b.set(50)
	b.set(51) // too soon
	b.set(200)
	b.end()
	assert.Equal(t, 3, strings.Count(out.String(), "\r"))
	assert.Equal(t, "[#######.......................] 50 of 200 queries, 25/s, 6s left", b.line(50, 2*time.Second))
	b.total = 0
	assert.Equal(t, "50 queries, 25/s", b.line(50, 2*time.Second))
}

func TestTrecEvalKeepsTheOrderOfACollection(t *testing.T) {
	t.Parallel()
	dir := collections.Dir(t, "cranfield")
	p := newProgram(t)
	require.Equal(t, done, p.run("-model", "lexical", "-corpus", filepath.Join(dir, "corpus.jsonl.gz"), "-queries", filepath.Join(dir, "queries.jsonl.gz")), p.stderr.String())
	r, err := trec.ReadRunFile(p.path("run.txt"), trec.Options{})
	require.NoError(t, err)
	assert.Len(t, r.Topics, 225)
	assert.Empty(t, r.Problems, "the rank column agrees with the scores")
	for _, topic := range r.Topics {
		sorted := append([]trec.Entry{}, topic.Entries...)
		for _, order := range []trec.Order{{}, {Float32: true}} {
			order.Sort(sorted)
			require.Equal(t, topic.Entries, sorted, "trec_eval keeps the order of topic %s", topic.ID)
		}
	}
}
