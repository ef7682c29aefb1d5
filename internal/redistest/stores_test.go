package redistest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/internal/redisconn"
	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	scores "github.com/rankcascade/cascade/reranker/cache"
	scorestore "github.com/rankcascade/cascade/reranker/cache/redis"
	quota "github.com/rankcascade/cascade/reranker/shared/redis"
	rankings "github.com/rankcascade/cascade/retriever/cache"
	rankingstore "github.com/rankcascade/cascade/retriever/cache/redis"
)

// A client of a cluster that is closed keeps two timers of some seconds: one throws old
// connections away, one was about to ask for the cluster's shape again. Whether the
// tests are over before them depends on their order.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

// patient is for tests that are not about time, on a machine that is busy.
const patient = 5 * time.Second

// user is one of the three that keep something in Redis. It writes under the number
// and reads it again, and returns what kept it from doing so.
type user struct {
	use   func(ctx context.Context, n int) error
	close func() error
}

// users open each of them.
var users = map[string]func(ctx context.Context, url string, secure *tls.Config, patience time.Duration) (user, error){
	"scores":   openScores,
	"rankings": openRankings,
	"quotas":   openQuota,
}

var errGone = errors.New("what was written is not there")

func openScores(ctx context.Context, url string, secure *tls.Config, patience time.Duration) (user, error) {
	s, err := scorestore.Open(ctx, url, scorestore.Options{TLS: secure, Patience: patience, Pause: 50 * time.Millisecond})
	if err != nil {
		return user{}, err
	}
	return user{close: s.Close, use: func(ctx context.Context, n int) error {
		// Several keys, which a cluster keeps in several places.
		keys, entries := make([]scores.Key, 8), make([]scores.Entry, 8)
		for i := range keys {
			keys[i] = scores.Key{byte(n), byte(i)}
			entries[i] = scores.Entry{Key: keys[i], Value: []byte{byte(n), byte(i)}}
		}
		if err := errors.Join(s.SetMany(ctx, entries), s.Flush(ctx)); err != nil {
			return err
		}
		values, err := s.GetMany(ctx, keys)
		for i, v := range values {
			if err == nil && !bytes.Equal(v, entries[i].Value) {
				err = errors.Join(errGone, s.Stats().Cause)
			}
		}
		return err
	}}, nil
}

func openRankings(ctx context.Context, url string, secure *tls.Config, patience time.Duration) (user, error) {
	s, err := rankingstore.Open(ctx, url, rankingstore.Options{TLS: secure, Patience: patience, Pause: 50 * time.Millisecond})
	if err != nil {
		return user{}, err
	}
	return user{close: s.Close, use: func(ctx context.Context, n int) error {
		key, scope, id := fmt.Sprint("query ", n), fmt.Sprint("scope ", n), fmt.Sprint("document ", n)
		before, _, err := s.Load(ctx, key)
		if err != nil {
			return err
		}
		r, err := pipeline.NewRanking("shelf", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: id, Text: "t"}, Score: 1}})
		if err != nil {
			return err
		}
		e := rankings.Entry{Key: key, Scope: scope, Vector: []float32{1, 0}, Ranking: r, Stored: time.Now(), Since: before.Since}
		if err := errors.Join(s.Save(ctx, e), s.Flush(ctx)); err != nil {
			return err
		}
		if _, ok, err := s.Load(ctx, key); err != nil || !ok {
			return errors.Join(errGone, s.Stats().Cause, err)
		}
		if near, err := s.Near(ctx, scope, []float32{1, 0}, 1); err != nil || len(near) != 1 {
			return errors.Join(errGone, err, s.Stats().Cause)
		}
		return s.Forget(ctx, []string{id})
	}}, nil
}

func openQuota(ctx context.Context, url string, secure *tls.Config, patience time.Duration) (user, error) {
	s, err := quota.Open(ctx, url, "a server and its key", quota.Options{TLS: secure, Patience: patience})
	if err != nil {
		return user{}, err
	}
	return user{close: s.Close, use: func(ctx context.Context, _ int) error {
		r := reranker.ShareRequest{
			Need: reranker.Permits{Requests: 1}, Ahead: reranker.Permits{Requests: 2},
			Limits: reranker.Permits{Requests: 100_000}, Remaining: reranker.Permits{Requests: -1, Tokens: -1},
		}
		for range 2 {
			g, err := s.Share(ctx, r)
			if err != nil {
				return err
			}
			if r.Full = true; g.Granted.Requests == 3 {
				return nil
			}
		}
		return errGone
	}}, nil
}

// open opens one for a test.
func open(t *testing.T, name, url string, secure *tls.Config) user {
	t.Helper()
	u, err := users[name](t.Context(), url, secure, patient)
	require.NoError(t, err, name)
	t.Cleanup(func() { require.NoError(t, u.close()) })
	return u
}

// eventually waits until the user can do its work.
func eventually(t *testing.T, name string, u user) {
	t.Helper()
	n := 100
	require.Eventually(t, func() bool { n++; return u.use(t.Context(), n%250) == nil }, 2*patient, 10*time.Millisecond, name)
}

func kindOf(t *testing.T, err error) redisconn.Kind {
	t.Helper()
	var e *redisconn.Error
	require.ErrorAs(t, err, &e)
	return e.Kind
}

func TestEverybodySpeaksTLS(t *testing.T) {
	t.Parallel()
	certificates := redistest.NewCertificates(t)
	_, open1 := redistest.StartTLS(t, certificates, false)
	_, strict := redistest.StartTLS(t, certificates, true, "--requirepass", "hunter2")
	plain := fmt.Sprintf("rediss://127.0.0.1:%d", open1)
	mutual := fmt.Sprintf("rediss://:hunter2@127.0.0.1:%d", strict)
	roots := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: certificates.Roots}
	both := roots.Clone()
	both.Certificates = []tls.Certificate{certificates.Client}
	for name, opens := range users {
		assert.NoError(t, open(t, name, plain, roots).use(t.Context(), 1), name)
		assert.NoError(t, open(t, name, mutual, both).use(t.Context(), 1), name)
		for sentence, row := range map[string]struct {
			url    string
			secure *tls.Config
			kind   redisconn.Kind
		}{
			"an authority that nobody knows":      {plain, nil, redisconn.KindTLS},
			"another name than the certificate's": {plain, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: certificates.Roots, ServerName: "elsewhere"}, redisconn.KindTLS},
			"TLS for a URL without it":            {fmt.Sprintf("redis://127.0.0.1:%d", open1), roots, redisconn.KindAddress},
		} {
			_, err := opens(t.Context(), row.url, row.secure, patient)
			require.Error(t, err, "%s: %s", name, sentence)
			assert.Equal(t, row.kind, kindOf(t, err), "%s: %s: %v", name, sentence, err)
			assert.NotContains(t, err.Error(), "hunter2")
		}
		// The server says it behind the handshake, and may hang up before it is heard.
		require.Eventually(t, func() bool {
			u, err := opens(t.Context(), mutual, roots, patient)
			var e *redisconn.Error
			if err == nil {
				assert.Error(t, u.use(t.Context(), 1), "%s: no certificate for a server that wants one", name)
				assert.NoError(t, u.close())
			}
			return errors.As(err, &e) && e.Kind == redisconn.KindTLS
		}, patient, time.Millisecond, "%s: no certificate for a server that wants one", name)
	}
}

// least is what the users need of Redis, as their docs say.
var least = []string{"ACL", "SETUSER", "cascade", "on", ">hunter2", "~cascade:*", "~{cascade:*", "-@all", "+@connection", "+@read", "+@write", "+@scripting", "+time"}

func TestAUserOfRedisNeedsLittle(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true})
	require.NoError(t, err)
	defer c.Close()
	do := func(words ...string) {
		require.NoError(t, c.Do(t.Context(), c.B().Arbitrary(words...).Build()).Error())
	}
	do(least...)
	do("ACL", "SETUSER", "reader", "on", ">hunter2", "~*", "-@all", "+@connection", "+@read")
	do("ACL", "SETUSER", "stranger", "on", ">hunter2", "~other:*", "+@all")
	do("ACL", "SETUSER", "gone", "off", ">hunter2", "~*", "+@all")
	for name, opens := range users {
		u := open(t, name, "redis://cascade:hunter2@"+server.Addr(), nil)
		assert.NoError(t, u.use(t.Context(), 1), name)
		for _, who := range []string{"reader", "stranger"} {
			err := open(t, name, "redis://"+who+":hunter2@"+server.Addr(), nil).use(t.Context(), 2)
			require.Error(t, err, "%s as %s", name, who)
			assert.Equal(t, redisconn.KindAuth, kindOf(t, err), "%s as %s: %v", name, who, err)
			assert.NotContains(t, err.Error(), "hunter2")
		}
		for sentence, url := range map[string]string{
			"a user that is off": "redis://gone:hunter2@", "one that there is not": "redis://nobody:hunter2@", "another password": "redis://cascade:hunter3@",
		} {
			_, err := opens(t.Context(), url+server.Addr(), nil, patient)
			require.Error(t, err, "%s: %s", name, sentence)
			assert.Equal(t, redisconn.KindAuth, kindOf(t, err), "%s: %s: %v", name, sentence, err)
			assert.NotContains(t, err.Error(), "hunter")
		}
	}

	// The password changes while they run: who is connected goes on, and who has to
	// connect again says why it cannot.
	one := open(t, "quotas", "redis://cascade:hunter2@"+server.Addr(), nil)
	require.NoError(t, one.use(t.Context(), 3))
	do("ACL", "SETUSER", "cascade", "resetpass", ">hunter4")
	require.NoError(t, one.use(t.Context(), 4))
	do("CLIENT", "KILL", "USER", "cascade")
	require.Eventually(t, func() bool {
		var e *redisconn.Error
		return errors.As(one.use(t.Context(), 5), &e) && e.Kind == redisconn.KindAuth
	}, patient, 10*time.Millisecond)
	do("ACL", "SETUSER", "cascade", "resetpass", ">hunter2")
	eventually(t, "quotas", one)
}

func TestEverybodyUsesACluster(t *testing.T) {
	t.Parallel()
	url := redistest.Cluster(t)
	for name := range users {
		u := open(t, name, url, nil)
		for n := range 20 {
			require.NoError(t, u.use(t.Context(), n), name)
		}
	}
}

func TestEverybodyOutlivesTroubleOfTheServer(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		trouble func(t *testing.T, s *redistest.Server, do func(...string))
		mend    func(s *redistest.Server, do func(...string))
		kinds   []redisconn.Kind
	}{
		"its scripts are forgotten": {trouble: func(_ *testing.T, _ *redistest.Server, do func(...string)) { do("SCRIPT", "FLUSH") }},
		"everything is forgotten":   {trouble: func(_ *testing.T, _ *redistest.Server, do func(...string)) { do("FLUSHALL"); do("SCRIPT", "FLUSH") }},
		"its memory is full": {
			trouble: func(_ *testing.T, _ *redistest.Server, do func(...string)) {
				do("CONFIG", "SET", "maxmemory-policy", "noeviction")
				do("CONFIG", "SET", "maxmemory", "1")
			},
			mend:  func(_ *redistest.Server, do func(...string)) { do("CONFIG", "SET", "maxmemory", "0") },
			kinds: []redisconn.Kind{redisconn.KindFull},
		},
		"it hangs": {
			trouble: func(_ *testing.T, s *redistest.Server, _ func(...string)) { s.Freeze() },
			mend:    func(s *redistest.Server, _ func(...string)) { s.Thaw() },
			kinds:   []redisconn.Kind{redisconn.KindLate, redisconn.KindUnavailable, redisconn.KindResting},
		},
		"it is killed": {
			trouble: func(_ *testing.T, s *redistest.Server, _ func(...string)) { s.Kill() },
			mend:    func(s *redistest.Server, _ func(...string)) { s.Restart() },
			kinds:   []redisconn.Kind{redisconn.KindUnavailable, redisconn.KindLate, redisconn.KindResting},
		},
	} {
		server := redistest.Start(t)
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true})
		require.NoError(t, err)
		do := func(words ...string) {
			require.NoError(t, c.Do(t.Context(), c.B().Arbitrary(words...).Build()).Error())
		}
		all := map[string]user{}
		for name, opens := range users {
			u, err := opens(t.Context(), server.URL(), nil, 100*time.Millisecond)
			require.NoError(t, err)
			eventually(t, name, u)
			all[name] = u
		}
		row.trouble(t, server, do)
		for name, u := range all {
			if row.kinds == nil {
				eventually(t, name, u)
				continue
			}
			began := time.Now()
			err := u.use(t.Context(), 251)
			t.Logf("%s: %s: %v after %v", sentence, name, err, time.Since(began))
			require.Error(t, err, "%s: %s", sentence, name)
			assert.Contains(t, row.kinds, kindOf(t, err), "%s: %s: %v", sentence, name, err)
		}
		if row.mend != nil {
			row.mend(server, do)
		}
		for name, u := range all {
			eventually(t, name, u)
			require.NoError(t, u.close())
		}
		c.Close()
	}
}
