package qdranttest_test

import (
	"context"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

// shop has five points, an index on most fields, and both kinds of vectors.
func shop(t *testing.T) *api.Client {
	t.Helper()
	client := qdranttest.Start(t).Client(t)
	ctx, wait := context.Background(), true
	require.NoError(t, client.CreateCollection(ctx, &api.CreateCollection{
		CollectionName: "shop",
		VectorsConfig:  api.NewVectorsConfigMap(map[string]*api.VectorParams{"d": {Size: 2, Distance: api.Distance_Dot}}),
		SparseVectorsConfig: api.NewSparseVectorsConfig(map[string]*api.SparseVectorParams{
			"s": {}, "i": {Modifier: api.Modifier_Idf.Enum()},
		}),
	}))
	payloads := []map[string]any{
		{"year": 2024, "price": 1.5, "title": "Red apple pie", "lang": "en", "u": "not one", "author": map[string]any{"name": "Ann", "born": 1909}},
		{"year": 2024.0, "price": 2, "title": []any{"red wine", "apple juice"}, "lang": "de", "items": []any{map[string]any{"n": 1}, map[string]any{"k": 1}}},
		{"year": 2023, "lang": []any{"en", nil}, "title": "apples"},
		{"year": "2024", "lang": 7, "items": []any{map[string]any{"n": 1}}},
		{},
	}
	var points []*api.PointStruct
	for i, p := range payloads {
		points = append(points, &api.PointStruct{
			Id: api.NewIDNum(uint64(i + 1)), Payload: api.NewValueMap(p),
			Vectors: api.NewVectorsMap(map[string]*api.Vector{
				"d": api.NewVector(1, float32(i)), "s": api.NewVectorSparse([]uint32{1, uint32(10 + i)}, []float32{1, 2}),
				"i": api.NewVectorSparse([]uint32{1, uint32(10 + i)}, []float32{1, 2}),
			}),
		})
	}
	_, err := client.Upsert(ctx, &api.UpsertPoints{CollectionName: "shop", Wait: &wait, Points: points})
	require.NoError(t, err)
	words := api.NewPayloadIndexParamsText(&api.TextIndexParams{Tokenizer: api.TokenizerType_Word, PhraseMatching: &wait})
	for field, kind := range map[string]api.FieldType{
		"year": api.FieldType_FieldTypeInteger, "price": api.FieldType_FieldTypeFloat, "lang": api.FieldType_FieldTypeKeyword,
		"title": api.FieldType_FieldTypeText, "u": api.FieldType_FieldTypeUuid, "items[].k": api.FieldType_FieldTypeInteger,
	} {
		index := &api.CreateFieldIndexCollection{CollectionName: "shop", Wait: &wait, FieldName: field, FieldType: kind.Enum()}
		if kind == api.FieldType_FieldTypeText {
			index.FieldIndexParams = words
		}
		_, err := client.CreateFieldIndex(ctx, index)
		require.NoError(t, err)
	}
	return client
}

func passing(t *testing.T, client *api.Client, f *api.Filter) []uint64 {
	t.Helper()
	found, err := client.Scroll(context.Background(), &api.ScrollPoints{CollectionName: "shop", Filter: f})
	require.NoError(t, err)
	ids := []uint64{}
	for _, p := range found {
		ids = append(ids, p.GetId().GetNum())
	}
	return ids
}

func must(conditions ...*api.Condition) *api.Filter { return &api.Filter{Must: conditions} }

func TestAFilterMeansWhatTheIndexMakesOfIt(t *testing.T) {
	t.Parallel()
	client := shop(t)
	year, en, de := api.NewMatchInt("year", 2024), api.NewMatchKeyword("lang", "en"), api.NewMatchKeyword("lang", "de")
	low, high, beyond := 2023.5, 2024.0, 1e30
	for sentence, c := range map[string]struct {
		filter *api.Filter
		want   []uint64
	}{
		"a whole float is an integer":                {must(year), []uint64{1, 2}},
		"text is none, nor in an exception":          {must(api.NewMatchExceptInts("year", 2024)), []uint64{3}},
		"a range stands between two integers":        {must(api.NewRange("year", &api.Range{Gt: &low, Lte: &high})), []uint64{1, 2}},
		"a bound may lie beyond all integers":        {must(api.NewRange("year", &api.Range{Lt: &beyond})), []uint64{1, 2, 3}},
		"and below them":                             {must(api.NewRange("year", &api.Range{Gt: &beyond})), []uint64{}},
		"a keyword of integers is of the payload":    {must(api.NewMatchKeyword("year", "2024")), []uint64{4}},
		"an exception of texts leaves out a number":  {must(api.NewMatchExceptKeywords("lang", "en")), []uint64{2}},
		"null in a list is null":                     {must(api.NewIsNull("lang")), []uint64{3}},
		"words match in place of parts":              {must(api.NewMatchText("title", "APPLE red")), []uint64{1, 2}},
		"any word matches":                           {must(api.NewMatchTextAny("title", "zebra pie")), []uint64{1}},
		"a phrase is a row of words":                 {must(api.NewMatchPhrase("title", "red apple")), []uint64{1}},
		"no word matches nothing":                    {must(api.NewMatchText("title", " - ")), []uint64{}},
		"an exclusion of the same is forgotten":      {&api.Filter{Must: []*api.Condition{en}, MustNot: []*api.Condition{en}}, []uint64{1, 3}},
		"one of others is not":                       {&api.Filter{Must: []*api.Condition{en}, MustNot: []*api.Condition{en, year}}, []uint64{}},
		"nor beside two conditions":                  {&api.Filter{Must: []*api.Condition{en, year}, MustNot: []*api.Condition{en}}, []uint64{}},
		"nor in a filter of its own":                 {must(en, api.NewFilterAsCondition(&api.Filter{MustNot: []*api.Condition{en}})), []uint64{}},
		"any of several forgets it too":              {&api.Filter{Should: []*api.Condition{en, de}, MustNot: []*api.Condition{de}}, []uint64{1, 2, 3}},
		"a field without an index forgets nothing":   {&api.Filter{Must: []*api.Condition{api.NewMatchInt("n", 1)}, MustNot: []*api.Condition{api.NewMatchInt("n", 1)}}, []uint64{}},
		"is_empty of a field condition can be false": {must(&api.Condition{ConditionOneOf: &api.Condition_Field{Field: &api.FieldCondition{Key: "lang", IsEmpty: new(bool)}}}), []uint64{1, 2, 3, 4}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, passing(t, client, c.filter))
		})
	}
}

func TestWhatWasNotRecordedIsRefused(t *testing.T) {
	t.Parallel()
	client := shop(t)
	en, year := api.NewMatchKeyword("lang", "en"), api.NewMatchInt("year", 2024)
	one, nan := 1.0, 0.0
	nan /= nan
	later := timestamppb.New(time.Unix(1, 0))
	both := api.NewMatchKeyword("lang", "en")
	both.GetField().Range = &api.Range{Gte: &one}
	for sentence, f := range map[string]*api.Filter{
		"a range of times over integers":         must(api.NewDatetimeRange("year", &api.DatetimeRange{Gte: later})),
		"a range of times over floats":           must(api.NewDatetimeRange("price", &api.DatetimeRange{Gte: later})),
		"a range to no number over integers":     must(api.NewRange("year", &api.Range{Lte: &nan})),
		"a range to no number over floats":       must(api.NewRange("price", &api.Range{Lte: &nan})),
		"an exception of integers over keywords": must(api.NewMatchExceptInts("lang", 1)),
		"an exception over floats":               must(api.NewMatchExceptInts("price", 1)),
		"an exception over words":                must(api.NewMatchExceptKeywords("title", "x")),
		"an exception over UUIDs":                must(api.NewMatchExceptKeywords("u", "x")),
		"a stored text that is no UUID":          must(api.NewMatchKeyword("u", "not one")),
		"a phrase over two texts of a list":      must(api.NewMatchPhrase("title", "wine apple")),
		"two tests of one condition":             must(both),
		"is_empty in objects that all lack it":   must(api.NewNestedFilter("items", must(api.NewIsEmpty("k")))),
		"an exclusion beside two lists":          {Must: []*api.Condition{en}, Should: []*api.Condition{year}, MustNot: []*api.Condition{en}},
		"an exclusion that an index half knows":  {Should: []*api.Condition{en, api.NewMatchText("title", "x")}, MustNot: []*api.Condition{en}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := client.Scroll(context.Background(), &api.ScrollPoints{CollectionName: "shop", Filter: f})
			assert.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
		})
	}
}

func TestAnExclusionOfTheRootIsNotGuessedIntoAPrefetch(t *testing.T) {
	t.Parallel()
	client := shop(t)
	en := api.NewMatchKeyword("lang", "en")
	_, err := client.Query(context.Background(), &api.QueryPoints{
		CollectionName: "shop", Query: api.NewQueryFusion(api.Fusion_RRF), Filter: &api.Filter{MustNot: []*api.Condition{en}},
		Prefetch: []*api.PrefetchQuery{{Query: api.NewQuery(1, 1), Using: api.PtrOf("d"), Filter: must(en)}},
	})
	assert.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
}

func TestMMRInAPrefetchNeedsAsManyCandidatesAsHits(t *testing.T) {
	t.Parallel()
	client := shop(t)
	ask := func(candidates uint32) ([]*api.ScoredPoint, error) {
		mmr := &api.Mmr{Diversity: api.PtrOf(float32(0.9)), CandidatesLimit: &candidates}
		return client.Query(context.Background(), &api.QueryPoints{
			CollectionName: "shop", Query: api.NewQueryFusion(api.Fusion_RRF),
			Prefetch: []*api.PrefetchQuery{{Query: api.NewQueryMMR(api.NewVectorInput(1, 1), mmr), Using: api.PtrOf("d"), Limit: api.PtrOf(uint64(3))}},
		})
	}
	found, err := ask(3)
	require.NoError(t, err)
	require.Len(t, found, 3)
	assert.Equal(t, uint64(5), found[0].GetId().GetNum())
	assert.Equal(t, uint64(4), found[1].GetId().GetNum(), "by relevance, not by diversity")
	_, err = ask(2)
	assert.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
}

func TestDeletedPointsCountForIDF(t *testing.T) {
	t.Parallel()
	client := shop(t)
	ctx, wait := context.Background(), true
	ask := func(term uint32) ([]*api.ScoredPoint, error) {
		return client.Query(ctx, &api.QueryPoints{CollectionName: "shop", Query: api.NewQuerySparse([]uint32{term}, []float32{1}), Using: api.PtrOf("i")})
	}
	before, err := ask(10)
	require.NoError(t, err)
	_, err = client.Delete(ctx, &api.DeletePoints{CollectionName: "shop", Wait: &wait, Points: api.NewPointsSelector(api.NewIDNum(5))})
	require.NoError(t, err)
	after, err := ask(10)
	require.NoError(t, err)
	assert.Equal(t, before[0].GetScore(), after[0].GetScore())
	_, err = ask(1)
	assert.Equal(t, codes.Unimplemented, status.Code(err), "a term that a deleted point had: %v", err)
}

func TestBM25KnowsTheRecordedWords(t *testing.T) {
	t.Parallel()
	client := shop(t)
	ask := func(text string, options map[string]*api.Value) error {
		document := &api.Document{Text: text, Model: "qdrant/bm25", Options: options}
		_, err := client.Query(context.Background(), &api.QueryPoints{
			CollectionName: "shop", Query: api.NewQueryNearest(api.NewVectorInputDocument(document)), Using: api.PtrOf("s"),
		})
		return err
	}
	require.NoError(t, ask("the cold river", nil))
	require.NoError(t, ask("any words at all", map[string]*api.Value{"language": api.NewValueString("none")}))
	for sentence, err := range map[string]error{
		"another word":         ask("unheard", nil),
		"another language":     ask("cold", map[string]*api.Value{"language": api.NewValueString("french")}),
		"a term twice":         ask("cold cold", nil),
		"a stemmer of its own": ask("cold", map[string]*api.Value{"stemmer": api.NewValueString("x")}),
		"an integer for k":     ask("cold", map[string]*api.Value{"k": api.NewValueInt(2)}),
		"another tokenizer":    ask("cold", map[string]*api.Value{"tokenizer": api.NewValueString("prefix")}),
		"lowercase as a text":  ask("cold", map[string]*api.Value{"lowercase": api.NewValueString("no")}),
	} {
		assert.Equal(t, codes.Unimplemented, status.Code(err), "%s: %v", sentence, err)
	}
}

func TestAPathToIncludeStaysWithinObjects(t *testing.T) {
	t.Parallel()
	client := shop(t)
	ask := func(fields ...string) (map[string]*api.Value, error) {
		found, err := client.Get(context.Background(), &api.GetPoints{
			CollectionName: "shop", Ids: []*api.PointId{api.NewIDNum(1)}, WithPayload: api.NewWithPayloadInclude(fields...),
		})
		if err != nil {
			return nil, err
		}
		return found[0].GetPayload(), nil
	}
	one, err := ask("author.name")
	require.NoError(t, err)
	assert.Len(t, one["author"].GetStructValue().GetFields(), 1)
	all, err := ask("author", "author.name")
	require.NoError(t, err)
	assert.Len(t, all["author"].GetStructValue().GetFields(), 2)
	for _, field := range []string{"author.nope", "items.n", "items[].n", "lang.x"} {
		_, err := ask(field)
		assert.Equal(t, codes.Unimplemented, status.Code(err), "%s: %v", field, err)
	}
}
