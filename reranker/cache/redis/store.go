package redis

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/rankcascade/cascade/internal/redisconn"
	"github.com/rankcascade/cascade/reranker/cache"
)

// Error is why Redis could not be used: its Kind says what is wrong. It names
// neither a password nor a text.
type Error = redisconn.Error

// Kind says what is wrong with a Redis.
type Kind = redisconn.Kind

// The kinds that Open returns, and that Ping and Stats tell of.
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

// DefaultTTL is how long a score is kept.
const DefaultTTL = 24 * time.Hour

// Options set a Store. The zero value is the default of every field.
type Options struct {
	// TTL is how long a score is kept; 0 means DefaultTTL, and below 0 until the
	// server's own policy removes it.
	TTL time.Duration
	// Prefix begins every key; "" means "cascade".
	Prefix string
	// Patience is the most that a read costs a query; 0 means 5 ms.
	Patience time.Duration
	// Pause is for how long a Redis that is away is not asked; 0 means 1 s. One that was
	// late three times in a row is left alone for a tenth of a second, for longer each
	// time after that.
	Pause time.Duration
	// TLS, if set, replaces what a rediss:// URL means, the system's roots: roots of your
	// own, or a certificate of the client.
	TLS *tls.Config
	// Client, if set, is used in place of one made from the URL: for a cluster,
	// sentinels or settings of your own. Set AlwaysPipelining on it, so that a call
	// that is late does not end the connection. It belongs to the caller.
	Client rueidis.Client
}

// Store is a cache.Store on Redis. Make one with Open. It is safe for concurrent
// use.
type Store struct {
	conn   *redisconn.Conn
	prefix string
	ttl    time.Duration

	mu      sync.Mutex
	pending map[cache.Key][]byte // on their way to Redis, so that what was written is read
}

var _ cache.Store = (*Store)(nil)

// Open returns the store on the server at the URL, redis://user:password@host:port/db
// or rediss:// for TLS; valkey:// and unix:// are known too. An *Error of KindAddress,
// KindAuth, KindTLS or KindDatabase says that the URL is wrong. A server that does not answer
// is no error, since a cache should keep no program from starting: ask Ping. More
// servers of a cluster are named behind the first: redis://a:6379?addr=b:6379&addr=c:6379.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	conn, err := redisconn.Open(ctx, url, "cascade-scores", redisconn.Options{Client: o.Client, TLS: o.TLS, Patience: o.Patience, Pause: o.Pause})
	if err != nil {
		return nil, fmt.Errorf("reranker/cache/redis: %w", err)
	}
	s := &Store{conn: conn, prefix: o.Prefix, ttl: o.TTL, pending: map[cache.Key][]byte{}}
	if s.prefix == "" {
		s.prefix = "cascade"
	}
	// The number is raised with the form of the values.
	s.prefix += ":score:1:"
	if s.ttl == 0 {
		s.ttl = DefaultTTL
	}
	return s, nil
}

func (s *Store) key(k cache.Key) string {
	b := make([]byte, len(s.prefix), len(s.prefix)+base64.RawURLEncoding.EncodedLen(len(k)))
	copy(b, s.prefix)
	return string(base64.RawURLEncoding.AppendEncode(b, k[:]))
}

// GetMany implements cache.Store. It never fails: what Redis does not answer in
// time is not there.
func (s *Store) GetMany(ctx context.Context, keys []cache.Key) ([][]byte, error) {
	if len(keys) == 0 {
		return [][]byte{}, nil
	}
	values, err := redisconn.Do(ctx, s.conn, "read scores", func(ctx context.Context, c rueidis.Client) ([][]byte, error) {
		names := make([]string, len(keys))
		for i, k := range keys {
			names[i] = s.key(k)
		}
		return read(ctx, c, names)
	})
	if err != nil {
		values = make([][]byte, len(keys))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range keys {
		if v, ok := s.pending[k]; ok {
			values[i] = v
		}
	}
	return values, nil
}

var errCount = errors.New("the server answered for another number of keys")

// read asks one server with one command, and those of a cluster with one each.
func read(ctx context.Context, c rueidis.Client, names []string) ([][]byte, error) {
	values := make([][]byte, len(names))
	if c.Mode() == rueidis.ClientModeCluster {
		found, err := rueidis.MGet(c, ctx, names)
		for i, name := range names {
			if m, ok := found[name]; ok {
				values[i] = value(m)
			}
		}
		return values, err
	}
	answer, err := c.Do(ctx, c.B().Mget().Key(names...).Build()).ToArray()
	if err != nil {
		return nil, err
	}
	if len(answer) != len(names) {
		return nil, errCount
	}
	for i, m := range answer {
		values[i] = value(m)
	}
	return values, nil
}

// value is nil for a key that is missing, and for one that holds no string.
func value(m rueidis.RedisMessage) []byte {
	b, err := m.AsBytes()
	if err != nil {
		return nil
	}
	return b
}

// SetMany implements cache.Store. It never fails and does not wait: what Redis does
// not take is lost and counted. See Flush.
func (s *Store) SetMany(_ context.Context, entries []cache.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	s.await(entries)
	if !redisconn.Later(s.conn, "write scores", func(ctx context.Context, c rueidis.Client) error {
		defer s.settle(entries)
		return s.write(ctx, c, entries)
	}) {
		s.settle(entries)
	}
	return nil
}

func (s *Store) await(entries []cache.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.pending[e.Key] = e.Value
	}
}

func (s *Store) settle(entries []cache.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		delete(s.pending, e.Key)
	}
}

// write sends all entries in one go and returns the first error.
func (s *Store) write(ctx context.Context, c rueidis.Client, entries []cache.Entry) error {
	commands := make(rueidis.Commands, len(entries))
	for i, e := range entries {
		set := c.B().Set().Key(s.key(e.Key)).Value(rueidis.BinaryString(e.Value))
		if s.ttl > 0 {
			commands[i] = set.Px(s.ttl).Build()
		} else {
			commands[i] = set.Build()
		}
	}
	var first error
	for _, answer := range c.DoMulti(ctx, commands...) {
		if err := answer.Error(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Flush waits until what was written before has reached Redis or was given up, for
// a second at most.
func (s *Store) Flush(ctx context.Context) error { return s.conn.Flush(ctx) }

// Ping reports whether Redis answers, within a second. Its errors are *Error.
func (s *Store) Ping(ctx context.Context) error { return s.conn.Ping(ctx) }

// Stats returns the counts since Open.
func (s *Store) Stats() Stats { return s.conn.Stats() }

// Close waits for what is being written and ends the connection, unless that is the
// caller's. Later reads find nothing.
func (s *Store) Close() error { return s.conn.Close() }
