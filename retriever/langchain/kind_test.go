package langchain_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/langchain/testdata/bedrockknowledgebases"
	"github.com/rankcascade/cascade/retriever/langchain/testdata/filters"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// TestKinds states the table once more, so that a change of it is a decision.
func TestKinds(t *testing.T) {
	t.Parallel()
	const higher, distance, ignored = langchain.ScoreHigherIsBetter, langchain.ScoreIsDistance, langchain.IgnoreScore
	for kind, want := range map[langchain.Kind]struct {
		name   string
		score  langchain.ScorePolicy
		scale  pipeline.Scale
		filter langchain.Filter
	}{
		langchain.AnyStore:              {"store", ignored, pipeline.RankOnly, langchain.FilterAny},
		langchain.AlloyDB:               {"alloydb", distance, pipeline.Distance, langchain.FilterSQL},
		langchain.AzureAISearch:         {"azureaisearch", higher, pipeline.Unbounded, langchain.FilterString},
		langchain.BedrockKnowledgeBases: {"bedrockknowledgebases", higher, pipeline.Unbounded, langchain.FilterBedrock},
		langchain.Chroma:                {"chroma", higher, pipeline.Unbounded, langchain.FilterMap},
		langchain.CloudSQL:              {"cloudsql", distance, pipeline.Distance, langchain.FilterSQL},
		langchain.Dolt:                  {"dolt", higher, pipeline.Unbounded, langchain.FilterEquality},
		langchain.MariaDB:               {"mariadb", higher, pipeline.Cosine, langchain.FilterEquality},
		langchain.Milvus:                {"milvus", distance, pipeline.Distance, langchain.FilterString},
		langchain.MilvusV2:              {"milvus/v2", distance, pipeline.Distance, langchain.FilterString},
		langchain.MongoVector:           {"mongovector", higher, pipeline.Unbounded, langchain.FilterBSON},
		langchain.OpenSearch:            {"opensearch", higher, pipeline.Unbounded, langchain.FilterNone},
		langchain.PGVector:              {"pgvector", higher, pipeline.Cosine, langchain.FilterEquality},
		langchain.Pinecone:              {"pinecone", higher, pipeline.Unbounded, langchain.FilterJSON},
		langchain.Qdrant:                {"qdrant", ignored, pipeline.RankOnly, langchain.FilterJSON},
		langchain.RedisVector:           {"redisvector", distance, pipeline.Distance, langchain.FilterString},
		langchain.Weaviate:              {"weaviate", higher, pipeline.Unbounded, langchain.FilterWhere},
	} {
		traits := kind.Traits()
		assert.Equal(t, want.name, kind.String())
		assert.Equal(t, want.score, traits.Score, "%v", kind)
		assert.Equal(t, want.scale, traits.Scale, "%v", kind)
		assert.Equal(t, want.filter, traits.Filter, "%v", kind)
		assert.NotEmpty(t, traits.Holds, "%v", kind)
		assert.Less(t, traits.Low, traits.High, "%v", kind)
		node := langchain.FromStore(answering(), kind, 7).Describe()
		require.NoError(t, node.Err, "%v", kind)
		assert.Equal(t, want.name, node.Name)
		assert.Equal(t, 7, node.Facts.Limit)
	}
	assert.Len(t, langchain.Kinds(), 17)
	assert.Equal(t, "invalid kind", langchain.Kind(99).String())
	assert.Equal(t, langchain.AnyStore.Traits(), langchain.Kind(99).Traits())
}

// TestFilters says which values of Query.Filter each store takes.
func TestFilters(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type element struct {
		Key   string
		Value any
	}
	values := map[string]any{
		"strings": m{"k": "v"}, "numbers": m{"k": 7}, "text": "k = 'v'", "where": &filters.WhereBuilder{},
		"bedrock": bedrockknowledgebases.EqualsFilter{Key: "k"}, "bson": []element{{"k", 1}}, "named map": map[string]string{"k": "v"}, "int": 7,
	}
	all := []string{"strings", "numbers", "text", "where", "bedrock", "bson", "named map", "int"}
	for _, kind := range langchain.Kinds() {
		accepted := map[langchain.Filter][]string{
			langchain.FilterAny:      all,
			langchain.FilterNone:     {},
			langchain.FilterEquality: {"strings"},
			langchain.FilterMap:      {"strings", "numbers"},
			langchain.FilterJSON:     {"strings", "numbers", "named map"},
			langchain.FilterString:   {"text"},
			langchain.FilterSQL:      {"text"},
			langchain.FilterWhere:    {"where"},
			langchain.FilterBedrock:  {"bedrock"},
			langchain.FilterBSON:     {"strings", "numbers", "named map", "bson", "where", "bedrock"},
		}[kind.Traits().Filter]
		for name, value := range values {
			store := newOverlapStore()
			_, err := langchain.FromStore(store, kind, 3).Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: value})
			fixed := langchain.FromStore(store, kind, 3, langchain.Options{Store: []vectorstores.Option{vectorstores.WithFilters(value)}}).Describe().Err
			if assert.Equal(t, contains(accepted, name), err == nil, "%v: %s: %v", kind, name, err) && err == nil {
				got, _ := store.last()
				assert.Equal(t, value, got.Filters, "%v: %s", kind, name)
				require.NoError(t, fixed)
				continue
			}
			require.ErrorIs(t, err, langchain.ErrOption, "%v: %s", kind, name)
			require.ErrorIs(t, fixed, langchain.ErrOption, "%v: %s", kind, name)
			assert.Empty(t, store.asked, "a refused filter never reaches the store")
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// TestFiltersCannotBreakOutOfSQL covers the stores that paste filters and name
// spaces into their statements.
func TestFiltersCannotBreakOutOfSQL(t *testing.T) {
	t.Parallel()
	for kind, texts := range map[langchain.Kind][]string{
		langchain.PGVector: {"x') OR TRUE --", "'", "\x00"},
		langchain.MariaDB:  {"x') OR TRUE -- ", `\`, "'"},
		langchain.Dolt:     {`\`, "'"},
	} {
		for _, text := range texts {
			s := langchain.FromStore(newOverlapStore(), kind, 3)
			for _, filter := range []map[string]any{{"k": text}, {text: "v"}} {
				_, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: filter})
				require.ErrorIs(t, err, langchain.ErrOption, "%v: %q", kind, text)
				require.ErrorContains(t, err, "pastes", "%v: %q", kind, text)
			}
			fixed := langchain.FromStore(newOverlapStore(), kind, 3, langchain.Options{Store: []vectorstores.Option{vectorstores.WithNameSpace(text)}})
			require.ErrorIs(t, fixed.Describe().Err, langchain.ErrOption, "%v: %q", kind, text)
		}
	}
	s := langchain.FromStore(newOverlapStore(), langchain.PGVector, 3)
	_, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: map[string]any{"path": `a\b "c" -- ;`}})
	assert.NoError(t, err, "harmless characters of PostgreSQL pass")
}

// TestSearchOptions says which options each store honours; the rest is refused
// because the store would ignore it in silence.
func TestSearchOptions(t *testing.T) {
	t.Parallel()
	options := map[string]vectorstores.Option{
		"name space": vectorstores.WithNameSpace("n"), "embedder": vectorstores.WithEmbedder(wordEmbedder{}),
		"threshold 0.5": vectorstores.WithScoreThreshold(0.5), "threshold 1": vectorstores.WithScoreThreshold(1),
		"threshold 40": vectorstores.WithScoreThreshold(40), "threshold -1": vectorstores.WithScoreThreshold(-1),
		"threshold NaN": vectorstores.WithScoreThreshold(float32(math.NaN())),
		"deduplicater":  vectorstores.WithDeduplicater(func(context.Context, schema.Document) bool { return true }),
	}
	unit := []string{"threshold 0.5", "threshold 1"}
	raw := []string{"threshold 0.5", "threshold 1", "threshold 40"}
	for kind, honoured := range map[langchain.Kind][]string{
		langchain.AnyStore:              {"name space", "embedder", "threshold 0.5", "threshold 1", "threshold 40", "threshold -1", "threshold NaN"},
		langchain.AlloyDB:               {},
		langchain.AzureAISearch:         append([]string{"name space"}, raw...),
		langchain.BedrockKnowledgeBases: raw,
		langchain.Chroma:                append([]string{"name space"}, unit...),
		langchain.CloudSQL:              {},
		langchain.Dolt:                  append([]string{"name space", "embedder"}, unit...),
		langchain.MariaDB:               append([]string{"name space", "embedder"}, unit...),
		langchain.Milvus:                raw,
		langchain.MilvusV2:              raw,
		langchain.MongoVector:           append([]string{"name space", "embedder"}, unit...),
		langchain.OpenSearch:            append([]string{"name space"}, raw...),
		langchain.PGVector:              append([]string{"name space", "embedder"}, unit...),
		langchain.Pinecone:              append([]string{"name space"}, unit...),
		langchain.Qdrant:                unit,
		langchain.RedisVector:           {"embedder", "threshold 0.5"},
		langchain.Weaviate:              append([]string{"name space", "embedder"}, unit...),
	} {
		for name, option := range options {
			s := langchain.FromStore(newOverlapStore(), kind, 3, langchain.Options{Store: []vectorstores.Option{option}})
			_, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
			assert.Equal(t, err, s.Describe().Err)
			assert.Equal(t, contains(honoured, name), err == nil, "%v: %s: %v", kind, name, err)
			if err != nil {
				assert.ErrorIs(t, err, langchain.ErrOption)
			}
		}
	}
}

func ExampleKind_Traits() {
	for _, kind := range []langchain.Kind{langchain.PGVector, langchain.Milvus, langchain.Qdrant} {
		t := kind.Traits()
		fmt.Printf("%v: %s; %v; scale %v; filter: %v\n", kind, t.Holds, t.Score, t.Scale, t.Filter)
	}
	// Output:
	// pgvector: 1 - cosine distance; higher is better; scale cosine; filter: map[string]any from keys to strings
	// milvus: raw metric, by default L2; distance; scale negated distance; filter: string
	// qdrant: server score of the collection's metric; ignored; scale rank only; filter: a map with string keys
}
