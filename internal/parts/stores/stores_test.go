package stores_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
)

const corpus = `{"_id": "a", "title": "Bread", "text": "needs an oven and time", "metadata": {"tenant": "x", "lang": "en"}}
{"_id": "b", "title": "Oven", "text": "is heated with wood", "metadata": {"tenant": "x", "lang": "de"}}
{"_id": "c", "title": "River", "text": "carries stones and bread", "metadata": {"tenant": "y", "lang": "en"}}
`

// place has a corpus and a calibration, and returns the path of a file to write.
func place(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "corpus.jsonl"), []byte(corpus), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "platt.json"), []byte(`{"method": "platt", "model": "m", "params": [-1, 0], "documents": 100, "relevant": 10}`), 0o600))
	return filepath.Join(folder, "search.yaml")
}

func load(t *testing.T, path, text string) (*config.Search, error) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return config.Load(t.Context(), path, stores.Kinds()...)
}

// Every kind stands in one of these files, and every file answers, or would if its
// server were there, and prints back.
func TestEveryKindBuilds(t *testing.T) {
	t.Setenv("CASCADE_TEST_KEY", "not-a-real-key")
	t.Setenv("CASCADE_TEST_DATABASE", "postgres://user:not-a-real-key@127.0.0.1:1/none")
	t.Setenv("CASCADE_TEST_REDIS", "redis://:not-a-real-key@127.0.0.1:1/0")
	path := place(t)
	all := ""
	for tree, text := range map[string]string{
		"judge":      "chain: [{bm25: {documents: corpus.jsonl, k1: 1.2, fields: [lang]}}, {rerank: {model: lexical, name: judge, fields: [title], field-names: true, unscored: below, min-coverage: 0.5, timeout: 2s, reserve: 0s, bypass: 0, profile: chat}}]",
		"shard":      "chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {sharded: {model: {endpoint: {upstreams: [{nebius: {model: m, url: 'http://127.0.0.1:1'}}], extra-share: 0, requests: 60}}, documents: 8, top: 0, attempts: 1, hedge: false, wait: true, timeout: 1s}}}}]",
		"fallback":   "chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {first-scorer: [{nebius: {model: m, key: {env: CASCADE_TEST_KEY}}}, {nebius: {model: n, url: 'http://127.0.0.1:1'}}]}}}]",
		"passages":   "chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {passages: {model: lexical, tokens: 64, overlap: 0, combine: mean of best, best: 2}}}}]",
		"shared":     "remembered: {retriever: {chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {cached: {model: {endpoint: {upstreams: [{nebius: {model: m, url: 'http://127.0.0.1:1'}}], shared: {redis-quotas: {name: upstream, url: {env: CASCADE_TEST_REDIS}, lease: 1s}}}}, store: {redis-scores: {env: CASCADE_TEST_REDIS}}}}}}]}, store: {redis-rankings: {url: {env: CASCADE_TEST_REDIS}, keep: 1h, similar: 8}}}",
		"entries":    "chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {cached: {model: {bi-encoder: minilm}, size: 10, ttl: 1h}}, profile: evaluation}}]",
		"calibrated": "chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {calibrated: {model: lexical, by: {calibration: platt.json}}}}}, {at-least: {scale: probability, value: 0}}]",
		"prune":      "chain: [{dense: {documents: corpus.jsonl, embedder: minilm}}, {pruned: {fuse: 'convex(w=[0.5,0.5],norm=bounded(low=-1,high=1))', rerank: {rerank: {bi-encoder: minilm}}, limit: 2}}]",
		"dense":      "chain: [{dense: {documents: corpus.jsonl, embedder: minilm, quantized: true, metric: dot product}}, {mmr: {limit: 2, lambda: 0.7}}]",
		"postgres":   "postgres: {url: {env: CASCADE_TEST_DATABASE}, search: hybrid, embedder: minilm, dimensions: 384, fuse: rrf}",
		"cache":      "remembered: {retriever: {bm25: {documents: corpus.jsonl}}, ttl: 0s, embedder: minilm, threshold: 0.95}",
		"rewrite":    "rewrite: {rewriter: {condense: {model: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}, timeout: 10ms, cache: 0}}, retriever: {bm25: {documents: corpus.jsonl}}}",
		"expand":     "expand: {rewriter: {wordings: {n: 2, model: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}, timeout: 10ms}}, fuse: rrf, retriever: {bm25: {documents: corpus.jsonl}}}",
		"hyde":       "expand: {rewriter: {hyde: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}}, fuse: rrf, retriever: {rewrite: {rewriter: {step-back: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}}, retriever: {bm25: {documents: corpus.jsonl}}}}}",
		"decompose":  "expand: {rewriter: {decompose: {n: 2, model: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}}}, fuse: rrf, retriever: {bm25: {documents: corpus.jsonl}}}",
		"pointwise":  "chain: [{bm25: {documents: corpus.jsonl}}, {else: {stage: {rerank: {pointwise: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}}}, alternative: {rerank: {listwise: {language-model: {model: m, url: 'http://127.0.0.1:1/v1'}}}}}}]",
		"route":      "route: {ways: [{match: '^[A-Z]+-[0-9]+$', retriever: {named: {name: codes, retriever: {bm25: {documents: corpus.jsonl}}}}}], otherwise: {fallback: [{bm25: {documents: corpus.jsonl}}, {bm25: {documents: corpus.jsonl}}]}}",
		"guard":      "guard: {filter: {eq: {path: tenant, value: x}}, retriever: {otherwise: {hits: 1, scale: bm25, score: 0, retriever: {bm25: {documents: corpus.jsonl}}, alternative: {bm25-memory: {documents: corpus.jsonl, name: again}}}}}",
		"gate":       "chain: [{bm25: {documents: corpus.jsonl}}, {unless-clear: {lead: 0.5, stage: {fill: {stage: {rerank: lexical}, alternative: {rerank: lexical}}}}}, {where: {filter: {eq: {path: lang, value: en}}, report: true}}, {tokens: 100}, {top-p: 0.9}, {dedupe: similar text}]",
		"fan":        "chain: [{fan: {fuse: rrf, depth: 10, concurrency: 2, quorum: 1, retrievers: [{retrieve-within: {budget: 1s, retriever: {bm25: {documents: corpus.jsonl}}}}, {dense: {documents: corpus.jsonl, embedder: minilm}}]}}, {blend: {fuse: rrf, depth: 5, stages: [keep, {rerank: lexical}]}}, {join: [{elbow: {jumps: 1}}, {largest-gap: {min: 1}}, {group: {field: tenant}}]}, {strict: keep}, {named-stage: {name: last, stage: {topk: 2}}}]",
	} {
		search, err := load(t, path, text)
		require.NoError(t, err, tree)
		printed := pipeline.String(search)
		assert.Contains(t, printed, tree, text)
		assert.NotContains(t, printed, "not-a-real-key")
		if tree != "postgres" && tree != "shard" && tree != "fallback" && tree != "pointwise" {
			r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "bread"})
			require.NoError(t, err, tree)
			assert.NotEmpty(t, r.Hits, tree)
			if tree == "guard" {
				assert.NotContains(t, r.IDs(), "c", "another tenant's")
			}
		}
		require.NoError(t, search.Close())
		all += " " + text
	}
	for _, k := range stores.Kinds() {
		if k.Name() != "qdrant" && k.Name() != "cross-encoder" && k.Name() != "model" && k.Name() != "embeddings" && k.Name() != "ltr" { // in tests of their packages
			assert.Regexp(t, `(^|[ :\[{}\]])`+regexp.QuoteMeta(k.Name())+`[:}\]]`, all, "%s stands in no file of this test", k.Name())
		}
		assert.NotEmpty(t, k.Doc(), k.Name())
	}
}

// Files that are broken in one way each. Every error says line and column, what is
// wrong, and what to write.
func TestBrokenFilesTeach(t *testing.T) {
	t.Setenv("CASCADE_TEST_KEY", "not-a-real-key")
	path := place(t)
	good := "{bm25: {documents: corpus.jsonl}}"
	for _, c := range []struct{ text, want string }{
		{"chain:\n  - bm25: {documents: corpus.jsonl, limmit: 5}\n", `2:37: chain[0].bm25.limmit: there is no such setting; did you mean "limit"?`},
		{"chain:\n\t- bm25: index\n", `2:2: found character that cannot start any token: check indentation`},
		{"chain:\n  - bm25: {documents: \"corpus.jsonl}\n", `2:3: `},
		{"chain:\n  - bm25: {documents: corpus.jsonl}\n   - topk: 5\n", `: check indentation, quotes and brackets here`},
		{"chain:\n- bm25: {documents: corpus.jsonl}\n---\nchain: []\n", `a second document begins here`},
		{"bm25:\n", `1:1: bm25: set folder, an index that was made, or documents, a file to index: one of the two`},
		{"bm25: {folder: a, documents: b}", `1:1: bm25: set folder`},
		{"bm25: {documents: missing.jsonl}", `1:1: bm25: open `},
		{"bm25: {documents: corpus.jsonl, language: klingon}", `1:1: bm25: `},
		{"bm25: {documents: corpus.jsonl, limit: -5}", `1:1: bm25: `},
		{"bm25: {documents: corpus.jsonl, b: 2}", `1:1: bm25: `},
		{"bm25: {documents: corpus.jsonl, limit: 9999999999999999999}", `1:40: bm25.limit: "9999999999999999999" is too large`},
		{"dense: {documents: corpus.jsonl}", `1:8: dense: embedder is not set: what makes vectors of texts`},
		{"dense: {embedder: minilm}", `1:1: dense: set file`},
		{"dense: {file: none.index, embedder: minilm}", `1:1: dense: `},
		{"dense: {documents: corpus.jsonl, embedder: minilm, metric: manhattan}", `metric is "manhattan": write cosine, dot product, euclid`},
		{"dense: {documents: corpus.jsonl, embedder: lexical}", `1:44: dense.embedder: an embedder is needed here, and "lexical" is a scorer; there is embeddings, minilm, model`},
		{"qdrant: {url: 'http://localhost:6334'}", `qdrant: collection is not set`},
		{"postgres: {url: 'postgres://u:p@h/d'}", `1:17: postgres.url: a secret does not stand in a file: write {env: NAME}`},
		{"postgres: {url: {env: CASCADE_NO_SUCH}}", `1:23: postgres.url: the environment has no CASCADE_NO_SUCH: set it, or name another variable`},
		{"chain: [" + good + ", {rerank: {model: {nebius: {model: m, key: abc}}}}]", `rerank.model.nebius.key: a secret does not stand in a file`},
		{"chain: [" + good + ", {rerank: {model: {nebius: {}}}}]", `chain[1].rerank.model.nebius: model is not set`},
		{"chain: [" + good + ", {rerank: {model: {nebius: {model: m, dialect: klingon}}}}]", `dialect "klingon" is not known`},
		{"chain: [" + good + ", {rerank: {}}]", `1:53: chain[1].rerank: model is not set: what scores`},
		{"chain: [" + good + ", rerank]", `1:44: chain[1].rerank: model is not set: what scores`},
		{"chain: [" + good + ", {rerank: {model: lexical, unscored: ignore}}]", `unscored is "ignore": write keep position, below, drop, all or nothing`},
		{"chain: [" + good + ", {rerank: {model: lexical, profile: fast}}]", `profile is "fast": write chat or evaluation`},
		{"chain: [" + good + ", {rerank: {model: lexical, field-names: true}}]", `field-names is true and fields names none`},
		{"chain: [" + good + ", {rerank: {model: lexical, timeout: 5}}]", `rerank.timeout: "5" is no duration: write 800ms, 1.5s or 2m`},
		{"chain: [" + good + ", {rerank: {model: {sharded: {model: lexical, attempts: 0}}}}]", `attempts is 0: a call is tried at least once`},
		{"chain: [" + good + ", {rerank: {model: {first-scorer: [lexical]}}}]", `scorers has fewer than two`},
		{"chain: [" + good + ", {rerank: {model: {calibrated: {model: lexical, by: {calibration: none.json}}}}}]", `by.calibration: open `},
		{"chain: [" + good + ", {pruned: {fuse: rrf, rerank: keep, limit: 5}}]", `rerank is another stage: put a part of the kind rerank there`},
		{"chain: [" + good + ", {topk: 0}]", `1:44: chain[1].topk: `},
		{"chain: [" + good + ", {mmr: {lambda: 7}}]", `1:44: chain[1].mmr: `},
		{"chain: [" + good + ", {top-p: 2}]", `1:44: chain[1].top-p: `},
		{"chain: [" + good + ", {dedupe: {by: smell}}]", `by is "smell": write id, text, similar text`},
		{"chain: [" + good + ", {where: {filter: {equal: {path: a, value: 1}}}}]", `chain[1].where.filter: `},
		{"chain: [" + good + ", {unless-clear: {lead: 0, stage: keep}}]", `lead is 0: set a distance of scores above 0`},
		{"fan: {fuse: convex(w=[0.5]), retrievers: [" + good + ", " + good + "]}", `1:`},
		{"fan: {fuse: rrf(k=-1), retrievers: [" + good + "]}", `1:13: fan.fuse: `},
		{"route: {ways: [{match: '(', retriever: " + good + "}], otherwise: " + good + "}", `ways[0].match is no regular expression`},
		{"route: {ways: [], otherwise: " + good + "}", `ways is empty: write at least one`},
		{"route: {ways: [{match: a, retriever: " + good + "}, {match: a, retriever: " + good + "}], otherwise: " + good + "}", `stands there twice`},
		{"otherwise: {score: 1, retriever: " + good + ", alternative: " + good + "}", `score and scale belong together`},
		{"otherwise: {score: 1, scale: meters, retriever: " + good + ", alternative: " + good + "}", `there is no scale "meters"`},
		{"expand: {rewriter: {wordings: {n: 0, model: {language-model: {model: m, url: x}}}}, fuse: rrf, retriever: " + good + "}", `n is 0: ask for at least 1`},
		{"rewrite: {rewriter: keep, retriever: " + good + "}", `a rewriter is needed here, and "keep" is a stage; there is condense, decompose, hyde, step-back, wordings`},
		{"remembered: {retriever: " + good + ", threshold: 0}", `threshold is not above 0`},
		{"within: {budget: 1s, stage: keep}", `1:1: a retriever is needed here, and "within" is a stage`},
		{"chain: [" + good + ", &a {join: [*a]}]", `1:`},
		{"bm25: corpus.jsonl", `1:1: bm25: corpus.jsonl is a file, not the folder of an index: write {documents: corpus.jsonl} to index it now`},
		{"bm25-memory: {limit: 3}", `1:14: bm25-memory: documents is not set: JSON lines`},
		{"bm25-memory: corpus.jsonl\nbm25-memory: corpus.jsonl", `2:1: "bm25-memory" stands twice`},
		{"bm25-memory: {documents: corpus.jsonl, fields: ['']}", `Fields holds an empty key: name a key`},
		{"base: &b {documents: corpus.jsonl}\nchain: [{bm25: *b}]", `2:1: a part has one name, and "chain" stands beside "base"`},
		{"chain: [{bm25: {<<: {documents: corpus.jsonl}}}]", `1:17: chain[0].bm25: settings are not merged by <<`},
		{"chain: [*store, &store " + good + "]", `1:9: *store repeats nothing`},
		{"chain: [" + good + ", {topk: '3'}]", `"3" is text, because of its quotes or its tag: take them off`},
		{"chain: [" + good + ", {topk: 3.0}]", `"3.0" is no whole number`},
		{"chain: [" + good + ", {tоpk: 3}]", `did you mean "topk"?`}, // a Cyrillic o
		{"chain: [" + good + ", {rerank: {model: {nebius: {model: m, key: $NEBIUS_API_KEY}}}}]", `$NEBIUS_API_KEY is not replaced: write {env: NEBIUS_API_KEY}`},
		{"chain: [" + good + ", {rerank: {model: {nebius: {model: m, key: ${NEBIUS_API_KEY}}}}}]", `${NEBIUS_API_KEY: a variable of the environment is written {env: NAME}`},
		{"chain: [" + good + ", {rerank: {model: {nebius: {model: m, url: 'http://user:word@host', key: {env: CASCADE_TEST_KEY}}}}}]", `user information`},
		{"chain: [" + good + ", {rerank: {model: minilm}}]", `a scorer is needed here, and "minilm" is an embedder; there is bi-encoder`},
		{"chain: [" + good + ", {rerank: {model: {model: lexical}}}]", `a scorer is needed here, and "model" is an embedder`},
		{"chain: [" + good + ", {rerank: bi-encoder}]", `embedder is not set: what makes vectors of texts`},
		{"chain: [" + good + ", {tokens: -100}]", `1:44: chain[1].tokens: `},
		{"chain: [" + good + ", {where: {filter: {eq: {path: a, value: .inf}}}}]", `.inf is no number that a filter can hold`},
		{"chain: [" + good + ", {at-least: {scale: probability, value: 1.5}}]", `no probability score reaches 1.5`},
		{"chain: [" + good + ", {within: {budget: -1s, stage: keep}}]", `1:44: chain[1].within: `},
		{"chain: [" + good + ", {within: {budget: 1 s, stage: keep}}]", `"1 s" is no duration`},
		{"fan: {fuse: 'convex(w=[0.2,0.8])', retrievers: [" + good + "]}", `1:1: fan: fusion: convex: unusable configuration: 2 weights for 1 lists`},
		{"{\"chain\": [ " + good + " // the store\n]}", `: a comment begins with #`},
		{"chain: !!python/object:os.system [rm]", `1:8: the tag !!python/object:os.system is not read`},
		{strings.Repeat("[", 20000), `1:1: exceeded max depth`},
		{strings.Repeat("#", 2<<20), `1:1: the file has 2097152 bytes: at most 1048576 are read`},
		{"\x00", `1:1: control characters are not allowed`},
	} {
		search, err := load(t, path, c.text)
		require.Error(t, err, c.text)
		assert.Nil(t, search)
		assert.ErrorContains(t, err, c.want, c.text)
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if strings.HasPrefix(line, path) {
				assert.Regexp(t, regexp.QuoteMeta(path)+`:[1-9][0-9]*:[1-9][0-9]*: .{15,}`, line, c.text)
			}
		}
		assert.True(t, strings.HasPrefix(err.Error(), path+":"), "%s: %v", c.text, err)
		var e *config.Error
		require.ErrorAs(t, err, &e)
	}
}

func TestTheSchemaHasEveryKind(t *testing.T) {
	t.Parallel()
	text, err := config.Schema(stores.Kinds()...)
	require.NoError(t, err)
	require.True(t, json.Valid(text))
	for _, k := range stores.Kinds() {
		assert.Contains(t, string(text), `"`+k.Name()+`": `)
	}
}

func TestUsesListsKindsWithoutBuilding(t *testing.T) {
	t.Parallel()
	path := place(t)
	require.NoError(t, os.WriteFile(path, []byte("chain: [{bm25: nowhere}, {rerank: {nebius: {model: m, key: {env: CASCADE_NO_SUCH}}}}, {rerank: {model: lexical}}, topk: 3]"), 0o600))
	names, err := config.Uses(path, stores.Kinds()...)
	require.NoError(t, err)
	assert.Equal(t, []string{"bm25", "chain", "lexical", "nebius", "rerank", "topk"}, names)
	_, err = config.Uses(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// F7: a 0 in a file is a 0, and what is not set is the default.
func TestF7ZeroInAFileIsZero(t *testing.T) {
	t.Parallel()
	path := place(t)
	for text, want := range map[string]string{
		"chain: [{bm25: {documents: corpus.jsonl, k1: 0, b: 0}}]":                 "k1 0, b 0,",
		"chain: [{bm25: {documents: corpus.jsonl}}]":                              "k1 0.9, b 0.4,",
		"chain: [{bm25: {documents: corpus.jsonl, k1: 0.0}}, {mmr: {lambda: 0}}]": "lambda 0,",
		"chain: [{bm25: {documents: corpus.jsonl}}, mmr]":                         "lambda 0.5",
		"chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: {sharded: {model: {endpoint: {upstreams: [{nebius: {model: m, url: 'http://127.0.0.1:1'}}], extra-share: 0}}, top: 0}}, min-coverage: 0}}]": "extra calls 0 %",
	} {
		search, err := load(t, path, text)
		require.NoError(t, err, text)
		assert.Contains(t, pipeline.String(search), want)
		require.NoError(t, search.Close())
	}
}
