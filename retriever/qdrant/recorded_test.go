package qdrant_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// answer is what a real server answered to one query.
type answer struct {
	name    string
	request *api.QueryPoints
	hits    []*api.ScoredPoint
	err     error
}

// recorded returns the queries of the recording, with one of the answers that
// were seen.
func recorded(t *testing.T) []answer {
	t.Helper()
	file, err := os.Open("qdranttest/testdata/transcripts.jsonl.gz")
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	type outcome struct {
		Response json.RawMessage
		Error    *struct{ Code, Message string }
	}
	var all []answer
	for lines.Scan() {
		var l struct {
			Case, Method string
			Request      json.RawMessage
			Answers      []outcome
			outcome
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		if l.Method != "qdrant.Points/Query" {
			continue
		}
		if l.Answers != nil {
			l.outcome = l.Answers[0]
		}
		a := answer{name: l.Case, request: &api.QueryPoints{}}
		require.NoError(t, protojson.Unmarshal(l.Request, a.request))
		if l.Error != nil {
			var code codes.Code
			require.NoError(t, code.UnmarshalJSON([]byte(`"`+upper(l.Error.Code)+`"`)), l.Error.Code)
			a.err = status.Error(code, l.Error.Message)
		} else {
			reply := &api.QueryResponse{}
			require.NoError(t, protojson.Unmarshal(l.Response, reply))
			a.hits = reply.GetResult()
		}
		all = append(all, a)
	}
	require.NoError(t, lines.Err())
	return all
}

// upper writes NotFound as NOT_FOUND.
func upper(code string) string {
	var b strings.Builder
	for i, r := range code {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// playback is a client that answers every query as recorded.
type playback struct {
	answer
	sent    *api.QueryPoints
	groups  []*api.PointGroup
	grouped *api.QueryPointGroups
}

func (p *playback) Query(_ context.Context, r *api.QueryPoints) ([]*api.ScoredPoint, error) {
	p.sent = r
	return p.hits, p.err
}

func (p *playback) QueryBatch(context.Context, *api.QueryBatchPoints) ([]*api.BatchResult, error) {
	return nil, errors.New("not recorded")
}

func (p *playback) QueryGroups(_ context.Context, r *api.QueryPointGroups) ([]*api.PointGroup, error) {
	p.grouped = r
	return p.groups, p.err
}

// native asks the recorded query again, through a Native leg.
func native(t *testing.T, p *playback, scale pipeline.Scale) (pipeline.Ranking, error) {
	t.Helper()
	r, err := qdrant.New(p, "recorded", nil, qdrant.Options{
		Limit: 1000, Mapping: qdrant.Mapping{TextOptional: true},
		Legs: []qdrant.Leg{{
			Using: p.request.GetUsing(), Scale: scale, Filter: askable(p.request.GetFilter()),
			Native: func(context.Context, pipeline.Query) (*api.Query, error) { return p.request.GetQuery(), nil },
		}},
	})
	require.NoError(t, err)
	return r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
}

// askable is the filter if this package sends such a one, else nil: a filter that
// every document passes is refused before.
func askable(f *api.Filter) *api.Filter {
	if _, err := qdrant.Filter(f); err != nil {
		return nil
	}
	return f
}

// TestRecordedGroupsAreRead reads every recorded answer with groups: their ids, the
// documents of each in their order, and what was looked up.
func TestRecordedGroupsAreRead(t *testing.T) {
	t.Parallel()
	seen, refused := 0, 0
	for _, l := range tapeOf(t, "qdranttest/testdata/transcripts.jsonl.gz", "qdrant.Points/QueryGroups") {
		request := l.request.(*api.QueryPointGroups)
		if request.GetQuery() == nil || request.GetGroupBy() == "" {
			continue
		}
		p := &playback{answer: answer{request: &api.QueryPoints{Query: request.GetQuery(), Using: request.Using}}}
		if l.Error != nil {
			p.err = l.err()
		} else {
			reply := &api.QueryGroupsResponse{}
			require.NoError(t, protojson.Unmarshal(l.Response, reply))
			p.groups = reply.GetResult().GetGroups()
		}
		r, err := qdrant.New(p, "recorded", nil, qdrant.Options{
			Limit: 1000, Mapping: qdrant.Mapping{TextOptional: true}, Groups: &qdrant.Groups{By: request.GetGroupBy(), Size: 100},
			Legs: []qdrant.Leg{{Using: request.GetUsing(), Scale: pipeline.RankOnly, Native: func(context.Context, pipeline.Query) (*api.Query, error) { return request.GetQuery(), nil }}},
		})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
		if p.err != nil {
			kindOf(t, err)
			refused++
			continue
		}
		require.NoError(t, err, l.name)
		assert.True(t, proto.Equal(request.GetQuery(), p.grouped.GetQuery()))
		assert.Equal(t, request.GetGroupBy(), p.grouped.GetGroupBy())
		notes, ok := qdrant.GroupsKey.Noted(ranking)
		require.True(t, ok)
		require.Len(t, notes, len(p.groups), l.name)
		for i, g := range p.groups {
			assert.Equal(t, pointIDs(g.GetHits()), notes[i].Documents, l.name)
			switch id := g.GetId().GetKind().(type) {
			case *api.GroupId_StringValue:
				assert.Equal(t, id.StringValue, notes[i].ID)
			case *api.GroupId_IntegerValue:
				assert.Equal(t, id.IntegerValue, notes[i].ID)
			case *api.GroupId_UnsignedValue:
				assert.EqualValues(t, id.UnsignedValue, notes[i].ID)
			}
			assert.Len(t, notes[i].Lookup, len(g.GetLookup().GetPayload()), l.name)
		}
		seen++
	}
	assert.Greater(t, seen, 70)
	assert.Positive(t, refused)
}

// line is one recorded call with the first of its answers.
type line struct {
	name    string
	request proto.Message
	outcome
}

// tapeOf reads the calls of a method.
func tapeOf(t *testing.T, file, method string) []line {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	text, err := gzip.NewReader(f)
	require.NoError(t, err)
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<22)
	var all []line
	for lines.Scan() {
		var l struct {
			Case, Method string
			Request      json.RawMessage
			Answers      []outcome
			outcome
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		if l.Method != method {
			continue
		}
		if l.Answers != nil {
			l.outcome = l.Answers[0]
		}
		request, err := messageOf(l.Method)
		require.NoError(t, err)
		require.NoError(t, protojson.Unmarshal(l.Request, request))
		all = append(all, line{l.Case, request, l.outcome})
	}
	require.NoError(t, lines.Err())
	return all
}

func pointIDs(hits []*api.ScoredPoint) []string {
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.GetId().GetUuid()
		if ids[i] == "" {
			ids[i] = json.Number(strings.TrimSpace(strings.TrimPrefix(h.GetId().String(), "num:"))).String()
		}
	}
	return ids
}

// TestRecordedAnswersAreReadInTheServersOrder is D1 for every recorded query:
// under RankOnly the order is the server's, also where its scores are not in
// order, and refusals keep the server's words.
func TestRecordedAnswersAreReadInTheServersOrder(t *testing.T) {
	t.Parallel()
	disordered, refused, filtered := 0, 0, 0
	for _, a := range recorded(t) {
		if a.request.GetQuery() == nil {
			continue
		}
		p := &playback{answer: a}
		ranking, err := native(t, p, pipeline.RankOnly)
		if a.err != nil {
			var e *qdrant.Error
			require.ErrorAs(t, err, &e, a.name)
			assert.Contains(t, strings.Join(strings.Fields(status.Convert(a.err).Message()), " "), strings.TrimSuffix(e.Message, "..."), a.name)
			refused++
			continue
		}
		require.NoError(t, err, a.name)
		require.NoError(t, ranking.Validate(), a.name)
		require.True(t, proto.Equal(a.request.GetQuery(), p.sent.GetQuery()))
		if f := askable(a.request.GetFilter()); f != nil {
			filtered++
			if !strings.Contains(f.String(), "must_not") { // those may be set apart
				assert.True(t, proto.Equal(f, p.sent.GetFilter()), a.name)
			}
		}
		assert.Equal(t, pointIDs(a.hits), ranking.IDs(), a.name)
		for i := 1; i < len(a.hits); i++ {
			if a.hits[i].GetScore() > a.hits[i-1].GetScore() {
				disordered++
				break
			}
		}
	}
	assert.Greater(t, disordered, 20, "MMR and order_by must be among them")
	assert.Greater(t, refused, 50)
	assert.Greater(t, filtered, 500)
}

// TestRecordedScoresAreRead reads every recorded answer of a vector query on the
// scale that the collection has.
func TestRecordedScoresAreRead(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, a := range recorded(t) {
		scale, ok := map[string]pipeline.Scale{"cos": pipeline.Cosine, "dot": pipeline.Dot, "euc": pipeline.Distance, "man": pipeline.Distance, "mc": pipeline.Unbounded}[a.request.GetUsing()]
		if !ok || a.err != nil || a.request.GetQuery().GetNearest() == nil || anyNaN(a.hits) {
			continue
		}
		ranking, err := native(t, &playback{answer: a}, scale)
		require.NoError(t, err, a.name)
		want := map[string]float64{}
		for i, id := range pointIDs(a.hits) {
			want[id] = float64(a.hits[i].GetScore())
			if scale == pipeline.Distance {
				want[id] = -want[id]
			}
		}
		require.Len(t, ranking.Hits, len(want), a.name)
		for _, h := range ranking.Hits {
			assert.InDelta(t, want[h.Document.ID], h.Score, 1e-6, a.name)
		}
		seen++
	}
	assert.Greater(t, seen, 100)
}

func anyNaN(hits []*api.ScoredPoint) bool {
	for _, h := range hits {
		if math.IsNaN(float64(h.GetScore())) || math.IsInf(float64(h.GetScore()), 0) {
			return true
		}
	}
	return false
}

// D1: another scale than RankOnly would sort what MMR chose away.
func TestOrdersOfTheServersOwnNeedRankOnly(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, a := range recorded(t) {
		q := a.request.GetQuery()
		if q.GetNearestWithMmr() == nil && q.GetOrderBy() == nil {
			continue
		}
		_, err := native(t, &playback{answer: a}, pipeline.Cosine)
		var e *qdrant.Error
		require.ErrorAs(t, err, &e, a.name)
		assert.Equal(t, qdrant.KindInvalid, e.Kind)
		assert.Contains(t, e.Error(), "set Scale to pipeline.RankOnly")
		refused++
	}
	assert.Greater(t, refused, 20)
}

// refusal is one error that was recorded for any call.
type refusal struct {
	code           codes.Code
	message, retry string
}

// want is the kind that such an error has to have.
func (r refusal) want() qdrant.ErrorKind {
	switch r.code {
	case codes.Unauthenticated, codes.PermissionDenied:
		return qdrant.KindAuth
	case codes.NotFound:
		return qdrant.KindNotFound
	case codes.Internal:
		return qdrant.KindServer
	case codes.ResourceExhausted:
		if r.retry == "" {
			return qdrant.KindTooLarge // no waiting helps
		}
		return qdrant.KindRateLimited
	}
	if strings.Contains(r.message, `"upsert limit"`) {
		return qdrant.KindTooLarge
	}
	return qdrant.KindInvalid
}

// recordedErrors returns the distinct refusals of all recorded calls.
func recordedErrors(t *testing.T) []refusal {
	t.Helper()
	file, err := os.Open("qdranttest/testdata/transcripts.jsonl.gz")
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	seen := map[refusal]bool{}
	var all []refusal
	for lines.Scan() {
		var l struct {
			Error *struct {
				Code, Message string
				Trailer       map[string]string
			}
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		if l.Error == nil {
			continue
		}
		r := refusal{message: l.Error.Message, retry: l.Error.Trailer["retry-after"]}
		require.NoError(t, r.code.UnmarshalJSON([]byte(`"`+upper(l.Error.Code)+`"`)))
		if !seen[r] {
			seen[r] = true
			all = append(all, r)
		}
	}
	require.NoError(t, lines.Err())
	return all
}
