package redis_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/cache/redis"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleOpen() {
	url := os.Getenv("CASCADE_REDIS")
	if url == "" { // the output is that of a run with a server
		fmt.Println("asked 2\nasked 0")
		return
	}
	ctx := context.Background()
	asked := 0
	model := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
		asked += len(documents)
		return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
	})
	prefix := fmt.Sprintf("example%d", time.Now().UnixNano())
	for range 2 { // two programs
		store, err := redis.Open(ctx, url, redis.Options{Prefix: prefix, TTL: time.Minute, Patience: time.Second})
		if err != nil {
			panic(err)
		}
		asked = 0
		scorer := cache.New(model, store, cache.Options{Tenant: "shop", Endpoint: "https://api.example.com", Model: "m", Patience: time.Second})
		if _, err := scorer.Score(ctx, "panda", []string{"a bear", "a tree"}); err != nil {
			panic(err)
		}
		fmt.Println("asked", asked)
		_ = store.Close()
	}
	// Output:
	// asked 2
	// asked 0
}

// patient is for tests that are not about time, on a machine that is busy.
const patient = 10 * time.Second

var prefixes atomic.Int64

func prefix(t testing.TB) string {
	return fmt.Sprintf("test:%d:%d:%s", os.Getpid(), prefixes.Add(1), t.Name())
}

func open(t testing.TB, url string, o redis.Options) *redis.Store {
	t.Helper()
	if o.Prefix == "" {
		o.Prefix = prefix(t)
	}
	if o.Patience == 0 {
		o.Patience = patient
	}
	s, err := redis.Open(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func raw(t testing.TB, url string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{strings.TrimSuffix(strings.TrimPrefix(url, "redis://"), "/0")}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func key(n byte) cache.Key { return cache.Key{n, 255, 0, n} }

func get(t testing.TB, s *redis.Store, keys ...cache.Key) []string {
	t.Helper()
	values, err := s.GetMany(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, values, len(keys))
	found := make([]string, len(values))
	for i, v := range values {
		if found[i] = string(v); v == nil {
			found[i] = "none"
		}
	}
	return found
}

func put(t testing.TB, s *redis.Store, entries ...cache.Entry) {
	t.Helper()
	require.NoError(t, s.SetMany(t.Context(), entries))
	require.NoError(t, s.Flush(t.Context()))
}

func TestValuesComeBackInTheOrderOfTheKeys(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{})
	assert.Equal(t, []string{}, get(t, s))
	assert.Equal(t, []string{"none", "none"}, get(t, s, key(1), key(2)))
	put(t, s)
	put(t, s, cache.Entry{Key: key(1), Value: []byte("a\x00\xff")}, cache.Entry{Key: key(3), Value: []byte{}})
	assert.Equal(t, []string{"", "none", "a\x00\xff", "a\x00\xff"}, get(t, s, key(3), key(2), key(1), key(1)))
	put(t, s, cache.Entry{Key: key(1), Value: []byte("b")})
	assert.Equal(t, []string{"b"}, get(t, s, key(1)))
	stats := s.Stats()
	assert.EqualValues(t, 0, stats.Late+stats.Failed+stats.Full+stats.Skipped)
	assert.EqualValues(t, 5, stats.Asked)
	assert.NoError(t, stats.Cause)
	assert.False(t, stats.Resting)
}

func TestWhatIsOnItsWayIsRead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redis.Options{Patience: time.Millisecond})
	server.Freeze()
	require.NoError(t, s.SetMany(t.Context(), []cache.Entry{{Key: key(1), Value: []byte("v")}}))
	assert.Equal(t, []string{"v", "none"}, get(t, s, key(1), key(2)))
	require.NoError(t, s.Flush(t.Context()))
	assert.Equal(t, []string{"none"}, get(t, s, key(1)), "it was given up")
}

func TestKeysHoldNoText(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	p := prefix(t)
	s := open(t, url, redis.Options{Prefix: p})
	scorer := cache.New(fixed{}, s, cache.Options{Tenant: "secret-tenant", Endpoint: "https://secret", Model: "m", Patience: patient})
	_, err := scorer.Score(t.Context(), "secret question", []string{"secret document"})
	require.NoError(t, err)
	require.NoError(t, s.Flush(t.Context()))
	c := raw(t, url)
	keys, err := c.Do(t.Context(), c.B().Keys().Pattern(p+"*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	assert.Regexp(t, `:score:1:[A-Za-z0-9_-]{43}$`, keys[0])
	value, err := c.Do(t.Context(), c.B().Get().Key(keys[0]).Build()).ToString()
	require.NoError(t, err)
	assert.NotContains(t, keys[0]+value, "secret")
	assert.Less(t, len(value), 64)
}

// fixed scores every document .5.
type fixed struct{}

func (fixed) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability, Usage: reranker.Usage{Documents: len(documents)}}
	for i := range s.Values {
		s.Values[i] = .5
	}
	return s, nil
}

func TestEntriesExpire(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	c := raw(t, url)
	for sentence, row := range map[string]struct {
		ttl  time.Duration
		want int64 // milliseconds, -1 for never
	}{
		"a day by default":        {0, redis.DefaultTTL.Milliseconds()},
		"as long as is said":      {3 * time.Hour, (3 * time.Hour).Milliseconds()},
		"never, if it is below 0": {-1, -1},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := prefix(t)
			s := open(t, url, redis.Options{Prefix: p, TTL: row.ttl})
			put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
			keys, err := c.Do(t.Context(), c.B().Keys().Pattern(strings.ReplaceAll(p, "/", "?")+"*").Build()).AsStrSlice()
			require.NoError(t, err)
			require.Len(t, keys, 1)
			left, err := c.Do(t.Context(), c.B().Pttl().Key(keys[0]).Build()).AsInt64()
			require.NoError(t, err)
			assert.InDelta(t, row.want, left, 60_000)
			assert.Equal(t, row.want < 0, left < 0)
			_ = c.Do(t.Context(), c.B().Pexpire().Key(keys[0]).Milliseconds(1).Build())
			require.Eventually(t, func() bool { return get(t, s, key(1))[0] == "none" }, patient, 5*time.Millisecond)
		})
	}
}

func TestWhatIsNotOursIsAMiss(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	c := raw(t, url)
	for sentence, spoil := range map[string]func(key, value string) rueidis.Completed{
		"a cut value": func(k, v string) rueidis.Completed { return c.B().Set().Key(k).Value(v[:len(v)-1]).Build() },
		"a flipped bit": func(k, v string) rueidis.Completed {
			return c.B().Set().Key(k).Value(v[:4] + string(v[4]^1) + v[5:]).Build()
		},
		"a longer value":                  func(k, v string) rueidis.Completed { return c.B().Append().Key(k).Value("x").Build() },
		"an empty value":                  func(k, _ string) rueidis.Completed { return c.B().Set().Key(k).Value("").Build() },
		"a text of another program":       func(k, _ string) rueidis.Completed { return c.B().Set().Key(k).Value("{\"score\":0.9}").Build() },
		"a number of another program":     func(k, _ string) rueidis.Completed { return c.B().Set().Key(k).Value("1").Build() },
		"another version":                 func(k, v string) rueidis.Completed { return c.B().Set().Key(k).Value("\x7f" + v[1:]).Build() },
		"the key is gone":                 func(k, _ string) rueidis.Completed { return c.B().Del().Key(k).Build() },
		"an old value of a longer record": func(k, v string) rueidis.Completed { return c.B().Set().Key(k).Value(v + v).Build() },
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := fmt.Sprintf("spoil%d:%d", os.Getpid(), prefixes.Add(1))
			s := open(t, url, redis.Options{Prefix: p})
			scorer := cache.New(fixed{}, s, cache.Options{Tenant: "t", Endpoint: "e", Model: "m", Patience: patient})
			ask := func() int {
				scores, err := scorer.Score(t.Context(), "q", []string{"d"})
				require.NoError(t, err)
				assert.InDelta(t, .5, scores.Values[0], 0)
				require.NoError(t, s.Flush(t.Context()))
				return scores.Usage.Documents
			}
			assert.Equal(t, 1, ask())
			assert.Equal(t, 0, ask())
			keys, err := c.Do(t.Context(), c.B().Keys().Pattern(p+"*").Build()).AsStrSlice()
			require.NoError(t, err)
			require.Len(t, keys, 1)
			value, err := c.Do(t.Context(), c.B().Get().Key(keys[0]).Build()).ToString()
			require.NoError(t, err)
			require.NoError(t, c.Do(t.Context(), spoil(keys[0], value)).Error())
			assert.Equal(t, 1, ask(), "asked again")
			assert.Equal(t, 0, ask(), "and kept again")
		})
	}
	t.Run("a list of another program", func(t *testing.T) {
		t.Parallel()
		p := fmt.Sprintf("list%d", os.Getpid())
		s := open(t, url, redis.Options{Prefix: p})
		put(t, s, cache.Entry{Key: key(1), Value: []byte("v")}, cache.Entry{Key: key(2), Value: []byte("w")})
		keys, err := c.Do(t.Context(), c.B().Keys().Pattern(p+"*").Build()).AsStrSlice()
		require.NoError(t, err)
		for _, k := range keys {
			require.NoError(t, c.Do(t.Context(), c.B().Del().Key(k).Build()).Error())
			require.NoError(t, c.Do(t.Context(), c.B().Rpush().Key(k).Element("x").Build()).Error())
		}
		assert.Equal(t, []string{"none", "none", "none"}, get(t, s, key(1), key(2), key(3)))
	})
}

func TestTheContractHoldsOverRedis(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	rerankertest.Run(t, func(t *testing.T) reranker.Scorer {
		return cache.New(lengths{}, open(t, url, redis.Options{}), cache.Options{Patience: patient})
	})
}

// lengths scores a document by its length.
type lengths struct{}

func (lengths) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	s, err := fixed{}.Score(ctx, "", documents)
	for i, d := range documents {
		if err == nil {
			s.Values[i] = float64(len(d)%97) / 97
		}
	}
	return s, err
}

func TestManyProcessesShareScores(t *testing.T) {
	t.Parallel()
	url, p := redistest.URL(t), prefix(t)
	var asked atomic.Int64
	counting := reranker.ScorerFunc(func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
		asked.Add(int64(len(documents)))
		return lengths{}.Score(ctx, q, documents)
	})
	documents := make([]string, 100)
	for i := range documents {
		documents[i] = strings.Repeat("x", i+1)
	}
	for process := range 4 {
		s := open(t, url, redis.Options{Prefix: p})
		scorer := cache.New(counting, s, cache.Options{Tenant: "t", Endpoint: "e", Model: "m", Patience: patient})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				scores, err := scorer.Score(t.Context(), "q", documents)
				assert.NoError(t, err)
				assert.InDelta(t, 42./97, scores.Values[41], 0)
			})
		}
		all.Wait()
		require.NoError(t, s.Flush(t.Context()))
		assert.EqualValues(t, 100, asked.Load(), "process %d", process)
		other := cache.New(counting, s, cache.Options{Tenant: "u", Endpoint: "e", Model: "m", Patience: patient})
		if process == 3 {
			_, err := other.Score(t.Context(), "q", documents[:1])
			require.NoError(t, err)
			assert.EqualValues(t, 101, asked.Load(), "never across tenants")
		}
	}
}

func TestWrongAddressesAreErrorsByNameWithoutSecrets(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "hunter2")
	at := server.Addr()
	for sentence, row := range map[string]struct {
		url  string
		kind redis.Kind
	}{
		"no URL":                       {"", redis.KindAddress},
		"no scheme":                    {at, redis.KindAddress},
		"another scheme":               {"http://:s3cret@" + at, redis.KindAddress},
		"no host":                      {"redis://:s3cret@/0", redis.KindAddress},
		"a password with a slash":      {"redis://:s3cret/x@" + at, redis.KindAddress},
		"a control character":          {"redis://:s3cret\n@" + at, redis.KindAddress},
		"a percent sign that is none":  {"redis://:s3cret%zz@" + at, redis.KindAddress},
		"a parameter that is none":     {"redis://:s3cret@" + at + "?dial_timeout=s3cret", redis.KindAddress},
		"a socket without a path":      {"unix://", redis.KindAddress},
		"a host that does not exist":   {"redis://:s3cret@no-such-host.invalid:6379", redis.KindAddress},
		"no password":                  {"redis://" + at, redis.KindAuth},
		"another password":             {"redis://:s3cret@" + at, redis.KindAuth},
		"another user":                 {"redis://s3cret:hunter2@" + at, redis.KindAuth},
		"a database that is a word":    {"redis://:hunter2@" + at + "/s3cret", redis.KindDatabase},
		"a database below 0":           {"redis://:hunter2@" + at + "/-1", redis.KindDatabase},
		"a database that there is not": {"redis://:hunter2@" + at + "/4711", redis.KindDatabase},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := redis.Open(t.Context(), row.url, redis.Options{})
			var e *redis.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, row.kind, e.Kind, "%v", err)
			assert.NotContains(t, err.Error(), "s3cret")
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Contains(t, err.Error(), "reranker/cache/redis: redis: open")
		})
	}
	s := open(t, "redis://:hunter2@"+at+"/15", redis.Options{})
	require.NoError(t, s.Ping(t.Context()))
	put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
	assert.Equal(t, []string{"v"}, get(t, s, key(1)))
}

func TestOptionsBelowZeroAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []redis.Options{{Patience: -1}, {Pause: -1}} {
		_, err := redis.Open(t.Context(), "redis://127.0.0.1:1", o)
		assert.ErrorContains(t, err, "must not be negative")
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = redis.Open(ctx, "redis://"+l.Addr().String(), redis.Options{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var e *redis.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, redis.KindUnavailable, e.Kind)
}

// costs returns how long the longest of some queries through the cache took, all of
// which are answered.
func costs(t *testing.T, s *redis.Store, queries int) time.Duration {
	t.Helper()
	scorer := cache.New(fixed{}, s, cache.Options{Tenant: "t", Endpoint: "e", Model: "m", Patience: patient})
	longest := time.Duration(0)
	for i := range queries {
		began := time.Now()
		scores, err := scorer.Score(t.Context(), fmt.Sprint("question ", i), []string{"a", "b"})
		longest = max(longest, time.Since(began))
		require.NoError(t, err)
		assert.Equal(t, []float64{.5, .5}, scores.Values)
	}
	return longest
}

func TestARedisThatIsAwayCostsNoAnswer(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		trouble func(s *redistest.Server)
		mend    func(s *redistest.Server)
		kind    redis.Kind
	}{
		"it hangs":                    {(*redistest.Server).Freeze, (*redistest.Server).Thaw, redis.KindLate},
		"it is killed":                {(*redistest.Server).Kill, (*redistest.Server).Restart, redis.KindUnavailable},
		"it is killed while it hangs": {func(s *redistest.Server) { s.Freeze(); s.Kill() }, (*redistest.Server).Restart, redis.KindUnavailable},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			s := open(t, server.URL(), redis.Options{Patience: 5 * time.Millisecond, Pause: 200 * time.Millisecond})
			require.Eventually(t, func() bool {
				put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
				return get(t, s, key(1))[0] == "v"
			}, patient, time.Millisecond)
			row.trouble(server)
			asked := s.Stats().Asked
			longest := costs(t, s, 300)
			t.Logf("the longest of 300 queries took %v", longest)
			stats := s.Stats()
			assert.True(t, stats.Resting)
			assert.Positive(t, stats.Late+stats.Failed)
			assert.Greater(t, stats.Skipped, int64(400), "nobody asks a server that is away")
			assert.Less(t, stats.Asked-asked, int64(100))
			var e *redis.Error
			require.ErrorAs(t, stats.Cause, &e)
			assert.Contains(t, []redis.Kind{row.kind, redis.KindLate}, e.Kind)
			require.Error(t, s.Ping(t.Context()))
			row.mend(server)
			require.Eventually(t, func() bool {
				put(t, s, cache.Entry{Key: key(2), Value: []byte("w")})
				return get(t, s, key(2))[0] == "w"
			}, patient, 10*time.Millisecond, "it is asked again")
			assert.NoError(t, s.Ping(t.Context()))
		})
	}
}

func TestARedisThatIsNotThereYetIsUsedLater(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	s := open(t, server.URL(), redis.Options{Pause: 20 * time.Millisecond})
	require.Error(t, s.Stats().Cause)
	costs(t, s, 10)
	server.Restart()
	require.Eventually(t, func() bool {
		put(t, s, cache.Entry{Key: key(2), Value: []byte("w")})
		return get(t, s, key(2))[0] == "w"
	}, patient, 10*time.Millisecond)
}

func TestAServerThatAnswersNonsenseCostsNoAnswer(t *testing.T) {
	t.Parallel()
	redistest.URL(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	defer all.Wait()
	defer l.Close()
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	})
	s, err := redis.Open(t.Context(), "redis://"+l.Addr().String(), redis.Options{Patience: 5 * time.Millisecond})
	if err != nil { // it is no Redis, and that is known
		var e *redis.Error
		require.ErrorAs(t, err, &e)
		return
	}
	defer s.Close()
	costs(t, s, 50)
	assert.True(t, s.Stats().Resting)
}

func TestAFullRedisStillReads(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	s := open(t, server.URL(), redis.Options{Pause: 100 * time.Millisecond})
	put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
	c := raw(t, server.URL())
	limit := func(bytes string) {
		require.NoError(t, c.Do(t.Context(), c.B().ConfigSet().ParameterValue().ParameterValue("maxmemory", bytes).Build()).Error())
	}
	limit("1")
	put(t, s, cache.Entry{Key: key(2), Value: []byte("w")})
	stats := s.Stats()
	assert.EqualValues(t, 1, stats.Full)
	var e *redis.Error
	require.ErrorAs(t, stats.Cause, &e)
	assert.Equal(t, redis.KindFull, e.Kind)
	assert.Equal(t, []string{"v", "none"}, get(t, s, key(1), key(2)), "what it has it still gives")
	put(t, s, cache.Entry{Key: key(2), Value: []byte("w")})
	assert.EqualValues(t, 1, s.Stats().Full, "no further write for a while")
	assert.False(t, s.Stats().Resting)
	limit("0")
	require.Eventually(t, func() bool {
		put(t, s, cache.Entry{Key: key(2), Value: []byte("w")})
		return get(t, s, key(2))[0] == "w"
	}, patient, 10*time.Millisecond)
}

func TestACallerWhoGivesUpSaysNothingAboutTheServer(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		_, err := s.GetMany(gone, []cache.Key{key(1)})
		require.NoError(t, err)
	}
	assert.False(t, s.Stats().Resting)
	assert.Zero(t, s.Stats().Late)
}

func TestAfterCloseThereIsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{})
	put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.Equal(t, []string{"none"}, get(t, s, key(1)))
	put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
	err := s.Ping(t.Context())
	var e *redis.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, redis.KindClosed, e.Kind)
}

func TestAClientOfTheCallerIsNotClosed(t *testing.T) {
	t.Parallel()
	c := raw(t, redistest.URL(t))
	s, err := redis.Open(t.Context(), "", redis.Options{Client: c, Patience: patient, Prefix: prefix(t)})
	require.NoError(t, err)
	put(t, s, cache.Entry{Key: key(1), Value: []byte("v")})
	assert.Equal(t, []string{"v"}, get(t, s, key(1)))
	require.NoError(t, s.Close())
	assert.NoError(t, c.Do(t.Context(), c.B().Ping().Build()).Error())
}
