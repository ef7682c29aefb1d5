package qdrant_test

import (
	"context"
	"errors"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

func documents(ids ...string) []pipeline.Document {
	out := make([]pipeline.Document, len(ids))
	for i, id := range ids {
		out[i] = pipeline.Document{ID: id, Text: "text of " + id}
	}
	return out
}

func load(t testing.TB, client qdrant.Writer, collection string, opts qdrant.LoaderOptions, ids ...string) (qdrant.Progress, error) {
	t.Helper()
	if opts.Vectors == nil {
		opts.Vectors = []qdrant.Vector{{Dense: words(dims)}}
	}
	l, err := qdrant.NewLoader(client, collection, opts)
	require.NoError(t, err)
	return l.Load(t.Context(), pipeline.Documents(documents(ids...)...))
}

func TestSyncDeletesWhatTheSourceNoLongerHas(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		_, err := load(t, b.client, name, qdrant.LoaderOptions{}, "unmarked")
		require.NoError(t, err)
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Sync: &qdrant.Sync{Source: "wiki", Version: "1"}}, "w1", "w2", "w3")
		require.NoError(t, err)
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Sync: &qdrant.Sync{Source: "blog", Version: "1"}}, "b1")
		require.NoError(t, err)
		p, err := load(t, b.client, name, qdrant.LoaderOptions{Sync: &qdrant.Sync{Source: "wiki", Version: "2"}}, "w2", "w4")
		require.NoError(t, err)
		assert.Equal(t, 2, p.Deleted)
		assert.ElementsMatch(t, []string{"unmarked", "w2", "w4", "b1"}, searchAll(t, b.client, name, nil))

		_, err = load(t, b.client, name, qdrant.LoaderOptions{Sync: &qdrant.Sync{Source: "wiki", Version: "3"}})
		require.ErrorContains(t, err, "nothing was deleted")
		assert.Len(t, searchAll(t, b.client, name, nil), 4)
	})
}

func TestSyncDeletesNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	client := server.Client(t)
	_, err := load(t, client, "a", qdrant.LoaderOptions{Sync: &qdrant.Sync{Source: "s", Version: "1"}}, "1", "2", "3")
	require.NoError(t, err)
	server.Fail("Upsert", 1, codes.Internal, "broken")
	p, err := load(t, client, "a", qdrant.LoaderOptions{Batch: 1, Sync: &qdrant.Sync{Source: "s", Version: "2"}}, "1")
	require.Error(t, err)
	assert.Zero(t, p.Deleted)
	assert.Equal(t, 3, server.Points("a"))
	broken := func(yield func(pipeline.Document, error) bool) {
		_ = yield(pipeline.Document{ID: "1", Text: "x"}, nil) && yield(pipeline.Document{}, errors.New("disk"))
	}
	l, err := qdrant.NewLoader(client, "a", qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Dense: words(dims)}}, Sync: &qdrant.Sync{Source: "s", Version: "3"}})
	require.NoError(t, err)
	_, err = l.Load(t.Context(), broken)
	require.ErrorContains(t, err, "disk")
	assert.Equal(t, 3, server.Points("a"), "an input that broke off has not said what vanished")
}

func TestIndexesAreMadeOnceAndCompared(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		indexes := []qdrant.Index{{Field: "acl.tenant", Tenant: true}, {Field: "year", Type: api.FieldType_FieldTypeInteger}}
		_, err := load(t, b.client, name, qdrant.LoaderOptions{Indexes: indexes}, "1")
		require.NoError(t, err)
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Indexes: indexes}, "2")
		require.NoError(t, err)
		info, err := b.client.GetCollectionInfo(t.Context(), name)
		require.NoError(t, err)
		schema := info.GetPayloadSchema()
		assert.True(t, schema[`"acl.tenant"`].GetParams().GetKeywordIndexParams().GetIsTenant(), "%v", schema)
		assert.Equal(t, api.PayloadSchemaType_Integer, schema["year"].GetDataType())
		if b.fake != nil {
			assert.Equal(t, 2, b.fake.Count("CreateFieldIndex"), "the second load found them")
		}
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Indexes: []qdrant.Index{{Field: "year", Type: api.FieldType_FieldTypeFloat}}}, "3")
		require.ErrorContains(t, err, `field "year" has an index of type Integer there, not Float`)
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Indexes: []qdrant.Index{{Field: "lang"}, {Field: "year", Tenant: false, Type: api.FieldType_FieldTypeInteger}}}, "4")
		require.NoError(t, err, "a new index joins an existing collection")
	})
}

// The request is the one that a real server with "qdrant/bm25" was sent and
// accepted, see case d/bm25 of the recording.
func TestInferenceSendsTheTexts(t *testing.T) {
	t.Parallel()
	bm25 := &qdrant.Inference{Model: "qdrant/bm25", Options: map[string]any{"language": "german"}}
	writer := &keeping{Client: qdranttest.Start(t).Client(t)}
	l, err := qdrant.NewLoader(writer, "a", qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Name: "words", Inference: bm25, IDF: true}}})
	require.NoError(t, err)
	p, err := l.Load(t.Context(), pipeline.Documents(pipeline.Document{ID: "1", Text: "kaltes Wasser"}))
	require.NoError(t, err)
	assert.Equal(t, 1, p.Stored)
	want := &api.Document{Text: "kaltes Wasser", Model: "qdrant/bm25", Options: map[string]*api.Value{"language": api.NewValueString("german")}}
	sent := writer.upserts[0].GetPoints()[0].GetVectors().GetVectors().GetVectors()["words"].GetDocument()
	assert.True(t, proto.Equal(want, sent), "%v", sent)
	info, err := writer.GetCollectionInfo(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, api.Modifier_Idf, info.GetConfig().GetParams().GetSparseVectorsConfig().GetMap()["words"].GetModifier())

	asked := &playback{}
	r, err := qdrant.New(asked, "a", nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "words", Inference: bm25, Scale: pipeline.BM25}}})
	require.NoError(t, err)
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "kaltes Wasser"})
	require.NoError(t, err)
	assert.True(t, proto.Equal(want, asked.sent.GetQuery().GetNearest().GetDocument()))
	r, err = qdrant.New(asked, "a", nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "words", Inference: bm25, Scale: pipeline.BM25}}})
	require.NoError(t, err)
	asked.sent = nil
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "  "})
	require.NoError(t, err)
	assert.Nil(t, asked.sent, "a blank text asks nothing")
}

// keeping is a server that takes documents, which the fake does not encode.
type keeping struct {
	*api.Client
	upserts []*api.UpsertPoints
}

func (k *keeping) Upsert(_ context.Context, r *api.UpsertPoints) (*api.UpdateResult, error) {
	k.upserts = append(k.upserts, r)
	return &api.UpdateResult{Status: api.UpdateStatus_Completed}, nil
}

func TestWritesCarryOrderingAndCondition(t *testing.T) {
	t.Parallel()
	writer := &keeping{Client: qdranttest.Start(t).Client(t)}
	_, err := load(t, writer, "a", qdrant.LoaderOptions{
		Ordering: &api.WriteOrdering{Type: api.WriteOrderingType_Strong}, OnlyIf: pipeline.Range("version", pipeline.Bounds{LT: 3}),
	}, "1")
	require.NoError(t, err)
	assert.Equal(t, api.WriteOrderingType_Strong, writer.upserts[0].GetOrdering().GetType())
	assert.Equal(t, 3.0, writer.upserts[0].GetUpdateFilter().GetMust()[0].GetField().GetRange().GetLt())
}

func TestVectorSettingsAreSentAndCompared(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		vector := qdrant.Vector{Name: "v", Dense: words(dims), Params: &api.VectorParams{OnDisk: ptr(true), HnswConfig: &api.HnswConfigDiff{M: ptr(uint64(0))}}}
		_, err := load(t, b.client, name, qdrant.LoaderOptions{Vectors: []qdrant.Vector{vector}}, "1")
		require.NoError(t, err)
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Vectors: []qdrant.Vector{vector}}, "2")
		require.NoError(t, err)
		info, err := b.client.GetCollectionInfo(t.Context(), name)
		require.NoError(t, err)
		assert.True(t, info.GetConfig().GetParams().GetVectorsConfig().GetParamsMap().GetMap()["v"].GetOnDisk())
		vector.Params.OnDisk = ptr(false)
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Vectors: []qdrant.Vector{vector}}, "3")
		require.ErrorContains(t, err, "on disk is true there")
		vector.Params = &api.VectorParams{HnswConfig: &api.HnswConfigDiff{M: ptr(uint64(8))}}
		_, err = load(t, b.client, name, qdrant.LoaderOptions{Vectors: []qdrant.Vector{vector}}, "3")
		require.ErrorContains(t, err, "its HNSW settings differ")
	})
}

func TestSwitchMovesAnAliasOrLeavesIt(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		blue, green, alias := b.fresh(t), b.fresh(t), b.fresh(t)
		_, err := load(t, b.client, blue, qdrant.LoaderOptions{}, "old")
		require.NoError(t, err)
		_, err = load(t, b.client, green, qdrant.LoaderOptions{}, "new")
		require.NoError(t, err)
		before, err := qdrant.Switch(t.Context(), b.client, alias, blue, nil)
		require.NoError(t, err)
		assert.Empty(t, before)
		assert.Equal(t, []string{"old"}, searchAll(t, b.client, alias, nil))

		wrong := errors.New("finds nothing")
		_, err = qdrant.Switch(t.Context(), b.client, alias, green, func(context.Context) error { return wrong })
		require.ErrorIs(t, err, wrong)
		assert.Equal(t, []string{"old"}, searchAll(t, b.client, alias, nil))

		before, err = qdrant.Switch(t.Context(), b.client, alias, green, func(context.Context) error { return nil })
		require.NoError(t, err)
		assert.Equal(t, blue, before)
		assert.Equal(t, []string{"new"}, searchAll(t, b.client, alias, nil))

		_, err = qdrant.Switch(t.Context(), b.client, alias, alias+"_missing", nil)
		require.ErrorContains(t, err, "does not exist")
		hollow := b.fresh(t)
		empty(t, b.client, hollow)
		_, err = qdrant.Switch(t.Context(), b.client, alias, hollow, nil)
		require.ErrorContains(t, err, "has no points")
		_, err = qdrant.Switch(t.Context(), b.client, "", green, nil)
		require.ErrorContains(t, err, "need names")
	})
}

func TestOffsetLeavesHitsOut(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	r := dense(t, client, qdrant.Options{Limit: 3})
	q := pipeline.Query{Text: "cold water"}
	all, err := dense(t, client, qdrant.Options{Limit: 5}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	page, err := r.Retrieve(t.Context(), qdrant.OffsetKey.With(q, 2))
	require.NoError(t, err)
	assert.Equal(t, all.IDs()[2:5], page.IDs())
	_, err = r.Retrieve(t.Context(), qdrant.OffsetKey.With(q, -1))
	require.ErrorContains(t, err, "the offset is -1")
	_, err = dense(t, client, qdrant.Options{Groups: &qdrant.Groups{By: "kind"}}).Retrieve(t.Context(), qdrant.OffsetKey.With(q, 1))
	require.ErrorContains(t, err, "nor to groups")
}

func TestLoaderRefusesSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := qdranttest.Start(t).Client(t)
	for want, opts := range map[string]qdrant.LoaderOptions{
		"an index names no Field":          {Indexes: []qdrant.Index{{}}},
		"Tenant belongs to keywords":       {Indexes: []qdrant.Index{{Field: "n", Type: api.FieldType_FieldTypeInteger, Tenant: true}}},
		"cannot be reached":                {Indexes: []qdrant.Index{{Field: `a"b`}}},
		"Sync needs a Source":              {Sync: &qdrant.Sync{Source: "x"}},
		"set one of the two":               {Sync: &qdrant.Sync{Source: "x", Version: "1"}, Resume: true},
		"not understood":                   {OnlyIf: 3},
		"Inference names no Model":         {Vectors: []qdrant.Vector{{Name: "v", Inference: &qdrant.Inference{}}}},
		"option \"x\" of model m":          {Vectors: []qdrant.Vector{{Name: "v", Inference: &qdrant.Inference{Model: "m", Options: map[string]any{"x": struct{}{}}}}}},
		"has neither Size nor":             {Vectors: []qdrant.Vector{{Name: "v", Sparse: terms, Params: &api.VectorParams{}}}},
		"IDF and SparseParams belong":      {Vectors: []qdrant.Vector{{Name: "v", Dense: words(3), SparseParams: &api.SparseVectorParams{}}}},
		"2 of Dense, Sparse, Multi and In": {Vectors: []qdrant.Vector{{Name: "v", Dense: words(3), Inference: &qdrant.Inference{Model: "m"}}}},
	} {
		if opts.Vectors == nil {
			opts.Vectors = []qdrant.Vector{{Dense: words(dims)}}
		}
		_, err := qdrant.NewLoader(client, "a", opts)
		require.ErrorContains(t, err, want)
	}
	_, err := qdrant.NewLoader(client, "a", qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{{Dense: words(dims)}}, Sync: &qdrant.Sync{Source: "x", Version: "1"},
	})
	require.NoError(t, err)
	l, err := qdrant.NewLoader(client, "a", qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Dense: words(dims)}}, Sync: &qdrant.Sync{Source: "x", Version: "1"}})
	require.NoError(t, err)
	_, err = l.Load(t.Context(), pipeline.Documents(pipeline.Document{ID: "1", Text: "x", Metadata: map[string]any{"_source": "mine"}}))
	require.ErrorContains(t, err, "metadata has its own field _source")
}
