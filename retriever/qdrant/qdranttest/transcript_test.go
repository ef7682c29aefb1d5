package qdranttest_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

var update = flag.Bool("update", false, "write testdata/unimplemented.txt anew")

// line is one recorded call, see testdata/README.md.
type line struct {
	Case     string
	Step     int
	Server   string
	Key      string
	Method   string
	Request  json.RawMessage
	Response json.RawMessage
	Error    *failure
	Unstable string
	Answers  []answer
}

type answer struct {
	Response json.RawMessage
	Error    *failure
}

type failure struct {
	Code, Message   string
	Header, Trailer map[string]string
}

// answers are all that the real server was seen to answer.
func (l line) answers() []answer {
	if l.Answers != nil {
		return l.Answers
	}
	return []answer{{l.Response, l.Error}}
}

func transcripts(t *testing.T) []line {
	t.Helper()
	file, err := os.Open("testdata/transcripts.jsonl.gz")
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	var all []line
	for lines.Scan() {
		var l line
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		all = append(all, l)
	}
	require.NoError(t, lines.Err())
	return all
}

// TestAnswersAsTheRealServer replays what a real Qdrant 1.19.0 was asked and
// compares the fake's answers with its own. Whatever the fake does not compute it
// refuses as Unimplemented; testdata/unimplemented.txt lists those cases, each with
// what the fake says, and a case that is answered differently is a failure.
func TestAnswersAsTheRealServer(t *testing.T) {
	t.Parallel()
	replay := newReplay(t)
	refused := map[string]string{}
	differs := map[string][]string{}
	cases := 0
	last := ""
	for _, l := range transcripts(t) {
		if l.Case != last {
			cases, last = cases+1, l.Case
		}
		if refused[l.Case] != "" {
			continue // what follows builds on the refused call
		}
		if why := onRefused(refused, l.Case); why != "" {
			refused[l.Case] = why
			continue
		}
		got := replay.call(t, l)
		if got.unimplemented() {
			refused[l.Case] = fmt.Sprintf("step %d: %s", l.Step, status.Convert(got.err).Message())
			continue
		}
		if why := got.differs(l); why != "" {
			differs[l.Case] = append(differs[l.Case], fmt.Sprintf("step %d: %s", l.Step, why))
		}
	}
	for name, why := range differs {
		t.Errorf("%s: %s", name, why[0])
	}
	t.Logf("%d cases: %d answered as recorded, %d refused as unimplemented, %d differ", cases, cases-len(refused)-len(differs), len(refused), len(differs))
	compareList(t, refused)
}

// onRefused says why the collections that the case searches could not be made; empty
// if they were.
func onRefused(refused map[string]string, name string) string {
	for at, r := range name {
		if r == '/' && refused[name[:at]+"/00-setup"] != "" {
			return refused[name[:at]+"/00-setup"]
		}
	}
	return ""
}

// compareList keeps the list of refused cases a reviewed file.
func compareList(t *testing.T, refused map[string]string) {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		fmt.Fprintf(&text, "%s: %s\n", name, strings.TrimPrefix(refused[name], "qdranttest: "))
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/unimplemented.txt", []byte(text.String()), 0o644))
	}
	want, err := os.ReadFile("testdata/unimplemented.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), text.String())
}

// replay holds the two servers of the recording: one without keys, one with.
type replay struct {
	conns map[string]*grpc.ClientConn
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	r := &replay{conns: map[string]*grpc.ClientConn{}}
	open, locked := qdranttest.Start(t), qdranttest.Start(t)
	locked.SetKeys("example-key-rw", "example-key-ro")
	for name, s := range map[string]*qdranttest.Server{"": open, "auth": locked} {
		conn, err := grpc.NewClient("passthrough:///x", append(s.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		r.conns[name] = conn
	}
	return r
}

// reply is what the fake answered.
type reply struct {
	message proto.Message
	err     error
	trailer metadata.MD
}

func (r reply) unimplemented() bool { return status.Code(r.err) == codes.Unimplemented }

func (r *replay) call(t *testing.T, l line) reply {
	t.Helper()
	method, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.ReplaceAll(l.Method, "/", ".")))
	require.NoError(t, err, l.Method)
	descriptor := method.(protoreflect.MethodDescriptor)
	request, response := newMessage(t, descriptor.Input()), newMessage(t, descriptor.Output())
	require.NoError(t, protojson.Unmarshal(l.Request, request), "%s %d", l.Case, l.Step)
	ctx := context.Background()
	if l.Key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "api-key", l.Key)
	}
	var got reply
	got.err = r.conns[l.Server].Invoke(ctx, "/"+l.Method, request, response, grpc.Trailer(&got.trailer))
	got.message = response
	return got
}

func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	require.NoError(t, err)
	return kind.New().Interface()
}

// differs says how the reply differs from all recorded answers; empty if it
// equals one.
func (r reply) differs(l line) string {
	if l.Unstable == "hits" && r.err == nil {
		return "" // ties within a leg or at the cut: any answer may come
	}
	why := ""
	for _, a := range l.answers() {
		if why = r.differsFrom(l, a); why == "" {
			return ""
		}
	}
	return why
}

func (r reply) differsFrom(l line, a answer) string {
	if a.Error != nil {
		st := status.Convert(r.err)
		switch {
		case r.err == nil:
			return "accepted, the server refuses: " + a.Error.Message
		case st.Code().String() != a.Error.Code:
			return fmt.Sprintf("code %v (%s), the server %s (%s)", st.Code(), st.Message(), a.Error.Code, a.Error.Message)
		case st.Message() != a.Error.Message && l.Unstable != "message":
			return fmt.Sprintf("message %q, the server %q", st.Message(), a.Error.Message)
		case strings.Join(r.trailer.Get("retry-after"), ",") != a.Error.Trailer["retry-after"]:
			return fmt.Sprintf("trailer %v, the server %v", r.trailer, a.Error.Trailer)
		}
		return ""
	}
	if r.err != nil {
		return fmt.Sprintf("refused (%v), the server accepts", r.err)
	}
	want := proto.Clone(r.message)
	proto.Reset(want)
	if err := protojson.Unmarshal(a.Response, want); err != nil {
		return err.Error()
	}
	got := proto.Clone(r.message)
	for _, m := range []proto.Message{want, got} {
		normalise(m.ProtoReflect())
		if answer, ok := m.(*api.QueryResponse); ok && rounded(l.Case) {
			answer.Result = awayFromThreshold(l, answer.Result)
		}
	}
	if equalMessages(want.ProtoReflect(), got.ProtoReflect()) {
		return ""
	}
	return fmt.Sprintf("%s\n   the server %s", short(got), short(want))
}

// rounded names the cases whose scores are rounded in the order of the server's
// vector instructions, so that a threshold at a score may fall on either side.
// That a threshold is strict, or not, shows in the others.
func rounded(name string) bool {
	return strings.HasPrefix(name, "a/multi/") || strings.HasPrefix(name, "a/dense/cos/threshold") || strings.HasPrefix(name, "a/hybrid/threshold/dbsf")
}

// awayFromThreshold drops the hits that stand at the threshold but for rounding.
func awayFromThreshold(l line, hits []*api.ScoredPoint) []*api.ScoredPoint {
	var request api.QueryPoints
	if err := protojson.Unmarshal(l.Request, &request); err != nil || request.ScoreThreshold == nil {
		return hits
	}
	return slices.DeleteFunc(hits, func(p *api.ScoredPoint) bool { return near(p.Score, request.GetScoreThreshold()) })
}

func short(m proto.Message) string {
	text := fmt.Sprint(m)
	return text[:min(len(text), 400)]
}

// normalise drops the server's counters and the time, and brings hits of equal
// score into one order.
func normalise(m protoreflect.Message) {
	for _, name := range []protoreflect.Name{"time", "usage", "version", "operation_id", "segments_count", "commit"} {
		if f := m.Descriptor().Fields().ByName(name); f != nil && !(name == "version" && f.Kind() == protoreflect.StringKind) {
			m.Clear(f)
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool { normalise(e.Message()); return true })
			}
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				normalise(v.List().Get(i).Message())
			}
		case f.Message() != nil:
			normalise(v.Message())
		}
		return true
	})
	switch v := m.Interface().(type) {
	case *api.QueryResponse:
		sortTies(v.Result)
	case *api.BatchResult:
		sortTies(v.Result)
	case *api.PointGroup:
		sortTies(v.Hits)
	case *api.GroupsResult:
		sortTiedGroups(v.Groups)
	}
}

func sortTies(hits []*api.ScoredPoint) {
	for from := 0; from < len(hits); {
		to := from + 1
		for to < len(hits) && near(hits[from].Score, hits[to].Score) {
			to++
		}
		slices.SortFunc(hits[from:to], func(a, b *api.ScoredPoint) int { return cmp.Compare(fmt.Sprint(a.Id), fmt.Sprint(b.Id)) })
		from = to
	}
}

func sortTiedGroups(groups []*api.PointGroup) {
	best := func(g *api.PointGroup) float32 {
		if len(g.Hits) == 0 {
			return 0
		}
		return g.Hits[0].Score
	}
	for from := 0; from < len(groups); {
		to := from + 1
		for to < len(groups) && near(best(groups[from]), best(groups[to])) {
			to++
		}
		slices.SortFunc(groups[from:to], func(a, b *api.PointGroup) int { return cmp.Compare(fmt.Sprint(a.Id), fmt.Sprint(b.Id)) })
		from = to
	}
}

func near(a, b float32) bool {
	if math.IsNaN(float64(a)) || math.IsNaN(float64(b)) || math.IsInf(float64(a), 0) {
		return a == b || math.IsNaN(float64(a)) == math.IsNaN(float64(b))
	}
	return math.Abs(float64(a-b)) <= 2e-5*max(1, math.Abs(float64(a)))
}

// equalMessages compares with a tolerance for floats.
func equalMessages(a, b protoreflect.Message) bool {
	equal := true
	check := func(x, y protoreflect.Message) {
		x.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			equal = equal && y.Has(f) && equalValues(f, v, y.Get(f))
			return equal
		})
	}
	check(a, b)
	if equal {
		check(b, a)
	}
	return equal
}

func equalValues(f protoreflect.FieldDescriptor, v, w protoreflect.Value) bool {
	switch {
	case f.IsMap():
		if v.Map().Len() != w.Map().Len() {
			return false
		}
		equal := true
		v.Map().Range(func(k protoreflect.MapKey, e protoreflect.Value) bool {
			equal = w.Map().Has(k) && equalSingle(f.MapValue(), e, w.Map().Get(k))
			return equal
		})
		return equal
	case f.IsList():
		if v.List().Len() != w.List().Len() {
			return false
		}
		for i := range v.List().Len() {
			if !equalSingle(f, v.List().Get(i), w.List().Get(i)) {
				return false
			}
		}
		return true
	}
	return equalSingle(f, v, w)
}

func equalSingle(f protoreflect.FieldDescriptor, v, w protoreflect.Value) bool {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return equalMessages(v.Message(), w.Message())
	case protoreflect.FloatKind:
		return near(float32(v.Float()), float32(w.Float()))
	case protoreflect.DoubleKind: // the server reads and writes them as text, which may cost the last bit
		return v.Float() == w.Float() || math.Nextafter(v.Float(), w.Float()) == w.Float()
	}
	return v.Equal(w)
}
