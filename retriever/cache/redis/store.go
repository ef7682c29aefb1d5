package redis

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/rankcascade/cascade/internal/redisconn"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/cache"
)

// Error is why Redis could not be used: its Kind says what is wrong. It names
// neither a password nor a text.
type Error = redisconn.Error

// Kind says what is wrong with a Redis.
type Kind = redisconn.Kind

// The kinds.
const (
	KindAddress     = redisconn.KindAddress     // the URL is none, or its host does not exist
	KindAuth        = redisconn.KindAuth        // the name or password is wrong, missing, or may not do this
	KindTLS         = redisconn.KindTLS         // no secure connection: a certificate is not trusted or missing
	KindDatabase    = redisconn.KindDatabase    // there is no database of that number
	KindUnavailable = redisconn.KindUnavailable // nothing answers, or it is starting
	KindLate        = redisconn.KindLate        // it did not answer within the patience
	KindResting     = redisconn.KindResting     // it is not asked for a while, after failures
	KindFull        = redisconn.KindFull        // it takes nothing more
	KindRefused     = redisconn.KindRefused     // it answered with another error
	KindClosed      = redisconn.KindClosed      // the store is closed
)

// Stats counts the calls of a store by what became of them.
type Stats = redisconn.Stats

const (
	// DefaultKeep is how long a ranking stays in Redis at most.
	DefaultKeep = 24 * time.Hour
	// DefaultSimilar is how many rankings of one scope are looked at for a similar
	// query.
	DefaultSimilar = 256

	// forgetPatience bounds Forget and Clear, which have to reach Redis.
	forgetPatience = 2 * time.Second
	// forgetAtOnce is how many documents are forgotten by one command.
	forgetAtOnce = 1000
)

// Options set a Store. The zero value is the default of every field.
type Options struct {
	// Prefix begins every key; "" means "cascade".
	Prefix string
	// Keep is how long a ranking stays in Redis at most, whatever its own time to live;
	// 0 means DefaultKeep.
	Keep time.Duration
	// Similar is how many rankings of one scope (the same filter, tenant and attributes)
	// are looked at for a similar query; 0 means DefaultSimilar. Beyond it some are
	// left out by chance.
	Similar int
	// Patience is the most that a look costs a query; 0 means 5 ms.
	Patience time.Duration
	// Pause is for how long a Redis that is away is not asked; 0 means 1 s.
	Pause time.Duration
	// TLS, if set, replaces what a rediss:// URL means, the system's roots: roots of your
	// own, or a certificate of the client.
	TLS *tls.Config
	// Client, if set, is used in place of one made from the URL. Set AlwaysPipelining
	// on it. It belongs to the caller.
	Client rueidis.Client
}

// Store is a cache.Store on Redis. Make one with Open. It is safe for concurrent use.
type Store struct {
	conn    *redisconn.Conn
	prefix  string
	keep    time.Duration
	similar int
}

var _ cache.Store = (*Store)(nil)

// Open returns the store on the server at the URL, redis://user:password@host:port/db
// or rediss:// for TLS. An *Error of KindAddress, KindAuth, KindTLS or KindDatabase says that
// the URL is wrong. A server that does not answer is no error: ask Ping. More servers
// of a cluster are named behind the first: redis://a:6379?addr=b:6379&addr=c:6379.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Keep < 0 || o.Similar < 0 {
		return nil, fmt.Errorf("retriever/cache/redis: open: Keep and Similar must not be negative, got %v and %d", o.Keep, o.Similar)
	}
	conn, err := redisconn.Open(ctx, url, "cascade-rankings", redisconn.Options{Client: o.Client, TLS: o.TLS, Patience: o.Patience, Pause: o.Pause})
	if err != nil {
		return nil, fmt.Errorf("retriever/cache/redis: %w", err)
	}
	return &Store{
		// The braces keep all keys on one server of a cluster, for the scripts.
		conn: conn, prefix: "{" + cmp.Or(o.Prefix, "cascade") + ":ranking:1}:",
		keep: cmp.Or(o.Keep, DefaultKeep), similar: cmp.Or(o.Similar, DefaultSimilar),
	}, nil
}

func (s *Store) clock() string            { return s.prefix + "clock" }
func (s *Store) entry(key string) string  { return s.prefix + "entry:" + short(key) }
func (s *Store) scope(name string) string { return s.prefix + "scope:" + short(name) }
func (s *Store) version(id string) string { return s.prefix + "document:" + short(id) }
func (s *Store) versions(r pipeline.Ranking) []string {
	keys := make([]string, len(r.Hits))
	for i, h := range r.Hits {
		keys[i] = s.version(h.Document.ID)
	}
	return keys
}

// short is a hash of a name, in letters.
func short(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// Load implements cache.Store. Its errors are *Error.
func (s *Store) Load(ctx context.Context, key string) (cache.Entry, bool, error) {
	type loaded struct {
		entry cache.Entry
		ok    bool
	}
	l, err := redisconn.Do(ctx, s.conn, "load a ranking", func(ctx context.Context, c rueidis.Client) (loaded, error) {
		found, since, err := s.fetch(ctx, c, []string{key})
		if err != nil {
			return loaded{}, err
		}
		if len(found) == 0 {
			return loaded{entry: cache.Entry{Since: since}}, nil
		}
		return loaded{found[0], true}, nil
	})
	return l.entry, l.ok, err
}

// fetch returns the entries of those keys that have one that nobody forgot, and the
// clock of forgetting from before they were read.
func (s *Store) fetch(ctx context.Context, c rueidis.Client, keys []string) ([]cache.Entry, string, error) {
	commands := rueidis.Commands{c.B().Hmget().Key(s.clock()).Field("seq", "cleared").Build()}
	for _, k := range keys {
		commands = append(commands, c.B().Get().Key(s.entry(k)).Build(), c.B().Pttl().Key(s.entry(k)).Build())
	}
	answers := c.DoMulti(ctx, commands...)
	since, cleared, err := s.clocks(ctx, c, answers[0])
	if err != nil {
		return nil, "", err
	}
	now := time.Now()
	var found []record
	for i, k := range keys {
		value, err := answers[1+2*i].AsBytes()
		if err != nil {
			if rueidis.IsRedisNil(err) || isForeign(err) {
				continue
			}
			return nil, "", err
		}
		left, err := answers[2+2*i].AsInt64()
		if err != nil {
			return nil, "", err
		}
		r, err := decode(k, value)
		if err != nil || r.since < cleared || left <= 0 {
			continue
		}
		r.entry.Since = since
		r.entry.Stored = now.Add(time.Duration(left)*time.Millisecond - r.life)
		if !r.ever {
			r.entry.Expires = now.Add(time.Duration(left) * time.Millisecond)
		}
		found = append(found, r)
	}
	entries, err := s.valid(ctx, c, found)
	return entries, since, err
}

// isForeign reports whether a key holds something else than a string.
func isForeign(err error) bool {
	reply, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(reply.Error(), "WRONGTYPE")
}

// clocks reads the clock of forgetting, and makes it if there is none.
func (s *Store) clocks(ctx context.Context, c rueidis.Client, answer rueidis.RedisResult) (since string, cleared int64, err error) {
	pair, err := answer.ToArray()
	if err != nil {
		return "", 0, err
	}
	since, missing := pair[0].ToString()
	if missing == nil {
		cleared, missing = pair[1].AsInt64()
	}
	if missing == nil {
		return since, cleared, nil
	}
	if since, err = startScript.Exec(ctx, c, []string{s.clock()}, nil).ToString(); err != nil {
		return "", 0, err
	}
	cleared, err = strconv.ParseInt(since, 10, 64) // what was before a lost clock is old
	return since, cleared, err
}

// valid keeps the records whose documents were not forgotten since their making began.
// It is asked after they were read, so what is forgotten in between is seen.
func (s *Store) valid(ctx context.Context, c rueidis.Client, found []record) ([]cache.Entry, error) {
	var names []string
	for _, r := range found {
		names = append(names, s.versions(r.entry.Ranking)...)
	}
	var versions []rueidis.RedisMessage
	if len(names) > 0 {
		var err error
		if versions, err = c.Do(ctx, c.B().Mget().Key(names...).Build()).ToArray(); err != nil {
			return nil, err
		}
		if len(versions) != len(names) {
			return nil, errValue
		}
	}
	var entries []cache.Entry
	for _, r := range found {
		n := len(r.entry.Ranking.Hits)
		if !slices.ContainsFunc(versions[:n], func(m rueidis.RedisMessage) bool {
			version, err := m.AsInt64()
			return err != nil || version > r.since
		}) {
			entries = append(entries, r.entry)
		}
		versions = versions[n:]
	}
	return entries, nil
}

// Near implements cache.Store. It looks at Options.Similar rankings of the scope.
func (s *Store) Near(ctx context.Context, scope string, vector []float32, n int) ([]cache.Entry, error) {
	return redisconn.Do(ctx, s.conn, "look for similar queries", func(ctx context.Context, c rueidis.Client) ([]cache.Entry, error) {
		all, err := c.Do(ctx, c.B().Hgetall().Key(s.scope(scope)).Build()).AsStrMap()
		if err != nil {
			if isForeign(err) {
				err = nil
			}
			return nil, err
		}
		keys := nearest(all, coarse(vector), n)
		if len(keys) == 0 {
			return nil, nil
		}
		entries, _, err := s.fetch(ctx, c, keys)
		if err == nil && len(entries) < len(keys) {
			s.prune(scope, keys, entries)
		}
		slices.SortFunc(entries, func(a, b cache.Entry) int {
			return pipeline.Compare(product(a.Vector, vector), product(b.Vector, vector), 0, 0, a.Key, b.Key)
		})
		return entries, err
	})
}

// product is the cosine of vectors of length 1, 0 for those of different lengths.
func product(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// nearest returns the names of the n vectors that are most like the wanted one.
func nearest(all map[string]string, wanted []byte, n int) []string {
	type near struct {
		key   string
		alike int
	}
	var found []near
	for key, vector := range all {
		if len(vector) == len(wanted) {
			found = append(found, near{key, likeness(wanted, vector)})
		}
	}
	slices.SortFunc(found, func(a, b near) int { return cmp.Or(cmp.Compare(b.alike, a.alike), cmp.Compare(a.key, b.key)) })
	var keys []string
	for _, f := range found[:max(0, min(n, len(found)))] {
		keys = append(keys, f.key)
	}
	return keys
}

// prune takes names out of a scope whose rankings are gone.
func (s *Store) prune(scope string, keys []string, entries []cache.Entry) {
	gone := slices.DeleteFunc(slices.Clone(keys), func(k string) bool {
		return slices.ContainsFunc(entries, func(e cache.Entry) bool { return e.Key == k })
	})
	redisconn.Later(s.conn, "prune a scope", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Hdel().Key(s.scope(scope)).Field(gone...).Build()).Error()
	})
}

// Save implements cache.Store. It does not wait: what Redis does not take is counted
// in Stats. An entry whose Since did not come from Load is not kept, since nobody can
// say what was forgotten while it was made.
func (s *Store) Save(_ context.Context, e cache.Entry) error {
	since, err := strconv.ParseInt(e.Since, 10, 64)
	if err != nil {
		return nil
	}
	r := record{entry: e, since: since, life: s.keep, ever: e.Expires.IsZero()}
	if !r.ever {
		r.life = min(s.keep, e.Expires.Sub(e.Stored))
	}
	if r.life = r.life.Truncate(time.Millisecond); r.life <= 0 {
		return nil
	}
	value, err := encode(r)
	if err != nil {
		return fmt.Errorf("retriever/cache/redis: save: %w", err)
	}
	keys := append([]string{s.clock(), s.entry(e.Key), s.scope(e.Scope)}, s.versions(e.Ranking)...)
	args := []string{
		rueidis.BinaryString(value), milliseconds(r.life), milliseconds(s.stay()),
		e.Key, string(coarse(e.Vector)), strconv.Itoa(s.similar),
	}
	redisconn.Later(s.conn, "save a ranking", func(ctx context.Context, c rueidis.Client) error {
		return saveScript.Exec(ctx, c, keys, args).Error()
	})
	return nil
}

// stay is how long versions are kept: longer than any ranking.
func (s *Store) stay() time.Duration { return s.keep + time.Minute }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Forget implements cache.Store. When it returns without an error, no process shows a
// ranking any more that has one of the documents and was begun before. It waits for Redis
// for two seconds for each thousand documents; after an *Error call it again.
func (s *Store) Forget(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(ids, forgetAtOnce) {
		keys := []string{s.clock()}
		for _, id := range some {
			keys = append(keys, s.version(id))
		}
		if err := s.must(ctx, "forget documents", forgetScript, keys, milliseconds(s.stay())); err != nil {
			return err
		}
	}
	return nil
}

// Clear implements cache.Store, as Forget does. Redis frees the memory when the time to
// live of the rankings is over.
func (s *Store) Clear(ctx context.Context) error {
	return s.must(ctx, "clear", clearScript, []string{s.clock()})
}

func (s *Store) must(ctx context.Context, op string, script *rueidis.Lua, keys []string, args ...string) error {
	_, err := redisconn.Must(ctx, s.conn, op, forgetPatience, func(ctx context.Context, c rueidis.Client) (int64, error) {
		return script.Exec(ctx, c, keys, args).AsInt64()
	})
	return err
}

// Flush waits until what was saved before has reached Redis or was given up, for a
// second at most.
func (s *Store) Flush(ctx context.Context) error { return s.conn.Flush(ctx) }

// Ping reports whether Redis answers, within a second. Its errors are *Error.
func (s *Store) Ping(ctx context.Context) error { return s.conn.Ping(ctx) }

// Stats returns the counts since Open.
func (s *Store) Stats() Stats { return s.conn.Stats() }

// Close waits for what is being saved and ends the connection, unless that is the
// caller's.
func (s *Store) Close() error { return s.conn.Close() }
