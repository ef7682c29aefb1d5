package redisconn_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/internal/redisconn"
	"github.com/rankcascade/cascade/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is for tests that are not about time, on a machine that is busy.
const patient = 10 * time.Second

func open(t *testing.T, url string, o redisconn.Options) *redisconn.Conn {
	t.Helper()
	c, err := redisconn.Open(t.Context(), url, "test", o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func kind(t *testing.T, err error) redisconn.Kind {
	t.Helper()
	var e *redisconn.Error
	require.ErrorAs(t, err, &e)
	return e.Kind
}

// call makes one call that does what it is told.
func call(ctx context.Context, c *redisconn.Conn, does func(context.Context) error) error {
	_, err := redisconn.Do(ctx, c, "try", func(ctx context.Context, _ rueidis.Client) (int, error) { return 1, does(ctx) })
	return err
}

func good(context.Context) error { return nil }

func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestACallIsWaitedForAsLongAsThePatience(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: 20 * time.Millisecond})
	release := make(chan struct{})
	defer close(release)
	stuck := func(context.Context) error { <-release; return nil } // does not even hear of it
	for range 2 {
		require.Error(t, call(t.Context(), c, stuck))
		require.Error(t, call(t.Context(), c, stuck))
		require.NoError(t, call(t.Context(), c, good), "two in a row are not three")
	}
	require.Error(t, call(t.Context(), c, stuck))
	require.Error(t, call(t.Context(), c, stuck))
	err := call(t.Context(), c, stuck)
	assert.Equal(t, redisconn.KindLate, kind(t, err))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "redis: try: late")
	assert.Equal(t, redisconn.KindResting, kind(t, call(t.Context(), c, good)))
	stats := c.Stats()
	assert.Equal(t, int64(7), stats.Late)
	assert.Equal(t, int64(1), stats.Skipped)
	assert.True(t, stats.Resting)
	assert.Equal(t, redisconn.KindLate, kind(t, stats.Cause))
}

func TestPausesGrowWithEachLateCallUpToTheWholeOne(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: time.Millisecond, Pause: 300 * time.Millisecond})
	late := func() bool { return kind(t, call(t.Context(), c, hang)) == redisconn.KindLate }
	for range 3 {
		require.True(t, late())
	}
	for _, least := range []time.Duration{100, 200, 300, 300} {
		began := time.Now()
		require.Eventually(t, late, patient, time.Millisecond)
		assert.Greater(t, time.Since(began), (least-20)*time.Millisecond)
	}
	require.Eventually(t, func() bool { return call(t.Context(), c, good) == nil }, patient, time.Millisecond)
	assert.False(t, c.Stats().Resting)
	assert.NoError(t, call(t.Context(), c, good))
}

func TestOneCallFindsOutAndTheOthersDoWithout(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: patient, Pause: 10 * time.Millisecond})
	require.Error(t, call(t.Context(), c, func(context.Context) error { return errors.New("connection refused") }))
	time.Sleep(20 * time.Millisecond)
	inside, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		assert.NoError(t, call(t.Context(), c, func(context.Context) error { close(inside); <-release; return nil }))
	})
	<-inside
	assert.Equal(t, redisconn.KindResting, kind(t, call(t.Context(), c, good)))
	close(release)
	all.Wait()
	assert.NoError(t, call(t.Context(), c, good))
}

func TestFaultsHaveNames(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		err  error
		kind redisconn.Kind
		rest bool
	}{
		"the connection breaks":      {&net.OpError{Op: "read", Err: errors.New("reset")}, redisconn.KindUnavailable, true},
		"a host that does not exist": {&net.DNSError{IsNotFound: true, Name: "secret"}, redisconn.KindAddress, true},
		"a name server that fails":   {&net.DNSError{Name: "secret"}, redisconn.KindUnavailable, true},
		"one of ours":                {&redisconn.Error{Kind: redisconn.KindRefused}, redisconn.KindRefused, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c := open(t, redistest.URL(t), redisconn.Options{Patience: patient})
			err := call(t.Context(), c, func(context.Context) error { return row.err })
			assert.Equal(t, row.kind, kind(t, err))
			assert.Equal(t, row.rest, c.Stats().Resting)
			assert.Equal(t, int64(1), c.Stats().Failed)
		})
	}
}

func TestRepliesOfTheServerHaveNames(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: patient})
	for reply, want := range map[string]redisconn.Kind{
		"WRONGPASS no": redisconn.KindAuth, "NOAUTH no": redisconn.KindAuth, "NOPERM no": redisconn.KindAuth,
		"ERR DB index is out of range": redisconn.KindDatabase, "ERR invalid DB index": redisconn.KindDatabase,
		"OOM command not allowed": redisconn.KindFull, "MISCONF disk": redisconn.KindFull, "READONLY replica": redisconn.KindFull,
		"LOADING data": redisconn.KindUnavailable, "CLUSTERDOWN x": redisconn.KindUnavailable, "ERR max number of clients reached": redisconn.KindUnavailable,
		"ERR something secret": redisconn.KindRefused, "WRONGTYPE x": redisconn.KindRefused,
	} {
		_, err := redisconn.Must(t.Context(), c, "try", patient, func(ctx context.Context, client rueidis.Client) (int64, error) {
			return client.Do(ctx, client.B().Eval().Script("return redis.error_reply(ARGV[1])").Numkeys(0).Arg(reply).Build()).AsInt64()
		})
		assert.Equal(t, want, kind(t, err), reply)
		assert.NotContains(t, err.Error(), "secret", "what a server says may repeat what it was sent")
	}
	assert.False(t, c.Stats().Resting, "Must rests for nothing")
}

func TestWritesRestAfterAFullServerAndReadsDoNot(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: patient, Pause: 100 * time.Millisecond})
	full := func(context.Context, rueidis.Client) error { return &redisconn.Error{Kind: redisconn.KindFull} }
	fine := func(context.Context, rueidis.Client) error { return nil }
	require.True(t, redisconn.Later(c, "write", full))
	require.NoError(t, c.Flush(t.Context()))
	assert.False(t, redisconn.Later(c, "write", fine))
	assert.NoError(t, call(t.Context(), c, good))
	assert.Equal(t, int64(1), c.Stats().Full)
	require.Eventually(t, func() bool { return redisconn.Later(c, "write", fine) }, patient, time.Millisecond)
}

func TestCallsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: patient, Pause: time.Millisecond})
	release := make(chan struct{})
	for range 1024 {
		require.True(t, redisconn.Later(c, "write", func(context.Context, rueidis.Client) error { <-release; return nil }))
	}
	assert.False(t, redisconn.Later(c, "write", func(context.Context, rueidis.Client) error { return nil }))
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	assert.Equal(t, redisconn.KindLate, kind(t, c.Flush(short)))
	assert.Equal(t, int64(1), c.Stats().Skipped)
	close(release)
	require.NoError(t, c.Flush(t.Context()))
	again := make(chan struct{})
	require.Eventually(t, func() bool { return call(t.Context(), c, good) == nil }, patient, time.Millisecond)
	for range 1024 {
		require.True(t, redisconn.Later(c, "write", func(context.Context, rueidis.Client) error { <-again; return nil }))
	}
	assert.False(t, redisconn.Later(c, "write", func(context.Context, rueidis.Client) error { return nil }), "the bound stays")
	close(again)
}

func TestTheServerSeesWhoIsThere(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := open(t, server.URL(), redisconn.Options{Patience: patient})
	name, err := redisconn.Do(t.Context(), c, "ask", func(ctx context.Context, client rueidis.Client) (string, error) {
		return client.Do(ctx, client.B().ClientGetname().Build()).ToString()
	})
	require.NoError(t, err)
	assert.Equal(t, "test", name)
	c = open(t, server.URL()+"?client_name=mine", redisconn.Options{Patience: patient})
	name, err = redisconn.Do(t.Context(), c, "ask", func(ctx context.Context, client rueidis.Client) (string, error) {
		return client.Do(ctx, client.B().ClientGetname().Build()).ToString()
	})
	require.NoError(t, err)
	assert.Equal(t, "mine", name)
	server.Kill()
	c = open(t, server.URL(), redisconn.Options{})
	assert.ErrorContains(t, c.Stats().Cause, "redis: open "+server.Addr()+": unavailable", "who reads this knows where to look")
}

func TestCloseWaitsForWrites(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redisconn.Options{Patience: patient})
	done := false
	require.True(t, redisconn.Later(c, "write", func(ctx context.Context, client rueidis.Client) error {
		time.Sleep(20 * time.Millisecond)
		done = client.Do(ctx, client.B().Ping().Build()).Error() == nil
		return nil
	}))
	require.NoError(t, c.Close())
	assert.True(t, done)
	assert.Equal(t, redisconn.KindClosed, kind(t, call(t.Context(), c, good)))
	assert.False(t, redisconn.Later(c, "write", func(context.Context, rueidis.Client) error { return nil }))
}
