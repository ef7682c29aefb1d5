package fusion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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

func TestEngineConstructorsAreTheirSpecifications(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]fusion.Method{
		"elastic-rrf(k=20, w=[1, 2])":                     fusion.ElasticRRF(20, 1, 2),
		"opensearch-rrf(k=60, w=[0.4, 0.6])":              fusion.OpenSearchRRF(60, .4, .6),
		"qdrant-rrf(k=2, w=[3, 1])":                       fusion.QdrantRRF(2, 3, 1),
		"haystack-rrf(k=61, w=[0.5, 0.5])":                fusion.HaystackRRF(.5, .5),
		"chroma-rrf(k=60)":                                fusion.ChromaRRF(60),
		"typesense-rrf(w=[0.75, 0.25])":                   fusion.TypesenseRRF(.25),
		"weaviate-ranked(k=60, w=[1, 2])":                 fusion.WeaviateRanked(1, 2),
		"weaviate-relative(w=[0.5, 0.5])":                 fusion.WeaviateRelative(.5),
		"elastic-linear(w=[1, 2], norm=\"minmax\")":       fusion.ElasticLinear("minmax", 1, 2),
		"opensearch(norm=\"l2\", mean=\"harmonic_mean\")": fusion.OpenSearch("l2", "harmonic_mean"),
		"milvus-weighted(w=[0.6, 0.4], mean=\"sum\")":     fusion.MilvusWeighted(.6, .4),
		"qdrant-dbsf": fusion.QdrantDBSF(),
	} {
		assert.Equal(t, want, m.String())
		assert.NoError(t, m.Describe().Err, want)
	}
}
