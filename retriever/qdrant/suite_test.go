package qdrant_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// testdata/suite.jsonl.gz holds what a real Qdrant 1.19.0 answered to the common
// tests of this package, call by call. A player stands in the server's place: it
// compares each request with the recorded ones and gives the recorded answer, and
// what was not recorded it refuses as Unimplemented. So both halves of the client
// are held to the real server, what is sent and how answers are read.

// outcome is one recorded answer.
type outcome struct {
	Response json.RawMessage
	Error    *struct{ Code, Message string }
}

func (o outcome) err() error {
	var code codes.Code
	if err := code.UnmarshalJSON([]byte(`"` + upper(o.Error.Code) + `"`)); err != nil {
		return err
	}
	return status.Error(code, o.Error.Message)
}

// tape is what was recorded for one test: the answers by collection and call, in
// their order.
type tape map[string]map[string][]outcome

// suite reads the tapes by test.
var suite = sync.OnceValues(readSuite)

func readSuite() (map[string]tape, error) {
	file, err := os.Open("testdata/suite.jsonl.gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<22)
	tapes := map[string]tape{}
	for lines.Scan() {
		var l struct {
			Case, Method string
			Request      json.RawMessage
			Answers      []outcome
			outcome
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, err
		}
		request, err := messageOf(l.Method)
		if err != nil {
			return nil, err
		}
		if err := protojson.Unmarshal(l.Request, request); err != nil {
			return nil, err
		}
		if l.Answers != nil {
			l.outcome = l.Answers[0]
		}
		name := strings.TrimPrefix(l.Case, "suite/")
		if tapes[name] == nil {
			tapes[name] = tape{}
		}
		collection, call := callOf(l.Method, request)
		if tapes[name][collection] == nil {
			tapes[name][collection] = map[string][]outcome{}
		}
		tapes[name][collection][call] = append(tapes[name][collection][call], l.outcome)
	}
	return tapes, lines.Err()
}

func messageOf(method string) (proto.Message, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.ReplaceAll(method, "/", ".")))
	if err != nil {
		return nil, err
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(found.(protoreflect.MethodDescriptor).Input().FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

// callOf splits a call into the collection that it names and everything else.
func callOf(method string, request proto.Message) (collection, call string) {
	m := proto.Clone(request)
	collection = blank(m.ProtoReflect())
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return collection, path.Base(method) + " " + string(raw)
}

// blank takes the collection's name and the time limit out of a request.
func blank(m protoreflect.Message) (collection string) {
	fields := m.Descriptor().Fields()
	if f := fields.ByName("collection_name"); f != nil {
		collection = m.Get(f).String()
		m.Clear(f)
	}
	if f := fields.ByName("timeout"); f != nil {
		m.Clear(f)
	}
	if f := fields.ByName("query_points"); f != nil && f.IsList() {
		for i := range m.Get(f).List().Len() {
			blank(m.Get(f).List().Get(i).Message())
		}
	}
	return collection
}

// player answers from the tape of one test. Which recorded collection a new one
// stands for shows in what is asked of it.
type player struct {
	tape tape

	mu      sync.Mutex
	stands  map[string][]string // the recorded collections that it may stand for
	asked   map[string]int      // how often, by collection and call
	matched int
	missed  []string
}

// newPlayer returns nil for a test that was not recorded.
func newPlayer(t testing.TB, test string) *player {
	t.Helper()
	tapes, err := suite()
	require.NoError(t, err)
	if tapes[test] == nil {
		return nil
	}
	return &player{tape: tapes[test], stands: map[string][]string{}, asked: map[string]int{}}
}

// client is connected to nothing but the player.
func (p *player) client(t testing.TB) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{
		Host: "passthrough:///recorded", PoolSize: 1, KeepAliveTime: -1, SkipCompatibilityCheck: true,
		GrpcOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(p.answer)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (p *player) answer(ctx context.Context, method string, request, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	found, err := p.find(strings.TrimPrefix(method, "/"), request.(proto.Message))
	if err != nil {
		return err
	}
	if found.Error != nil {
		return found.err()
	}
	return protojson.Unmarshal(found.Response, reply.(proto.Message))
}

func (p *player) find(method string, request proto.Message) (outcome, error) {
	name, call := callOf(method, request)
	p.mu.Lock()
	defer p.mu.Unlock()
	may, known := p.stands[name]
	if !known {
		for collection := range p.tape {
			may = append(may, collection)
		}
		slices.Sort(may)
	}
	var fit []string
	for _, collection := range may {
		if p.tape[collection][call] != nil {
			fit = append(fit, collection)
		}
	}
	if fit == nil {
		if path.Base(method) == "Delete" { // the test cleans up
			return outcome{Response: json.RawMessage(`{"result": true}`)}, nil
		}
		p.missed = append(p.missed, fmt.Sprintf("%s of %s", path.Base(method), name))
		return outcome{}, status.Errorf(codes.Unimplemented, "not recorded: %s %v", path.Base(method), request)
	}
	p.matched++
	p.stands[name] = fit
	answers := p.tape[fit[0]][call]
	n := p.asked[name+call]
	p.asked[name+call]++
	return answers[min(n, len(answers)-1)], nil
}

// TestThePlayerRefusesWhatWasNotRecorded is the test of the player itself.
func TestThePlayerRefusesWhatWasNotRecorded(t *testing.T) {
	t.Parallel()
	tapes, err := suite()
	require.NoError(t, err)
	require.Len(t, tapes, 15)
	p := newPlayer(t, "TestGroups")
	client := p.client(t)
	_, err = client.Query(t.Context(), &api.QueryPoints{CollectionName: "x", Query: api.NewQuery(1, 2, 3)})
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.Len(t, p.missed, 1)
	exists, err := client.CollectionExists(t.Context(), "x")
	require.NoError(t, err)
	require.False(t, exists)
	require.Equal(t, 1, p.matched)
}
