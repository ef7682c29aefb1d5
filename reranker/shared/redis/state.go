package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	_ "embed" // the script
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/rankcascade/cascade/internal/redisconn"
	"github.com/rankcascade/cascade/reranker"
)

// Error is why Redis could not be used: its Kind says what is wrong. It names
// neither a password nor a key.
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
	KindFull        = redisconn.KindFull        // it takes nothing more
	KindRefused     = redisconn.KindRefused     // it answered with another error
	KindClosed      = redisconn.KindClosed      // the state is closed
)

const (
	// DefaultPatience bounds one question.
	DefaultPatience = 50 * time.Millisecond
	// DefaultLease is how long permits may be used.
	DefaultLease = 6 * time.Second

	probeFor = 2 * time.Second
)

// Options set a State. The zero value is the default of every field.
type Options struct {
	// Prefix begins every key; "" means "cascade".
	Prefix string
	// Patience is how long a question may take; 0 means DefaultPatience. An endpoint
	// whose questions have no answer three times in a row goes on alone for a second.
	Patience time.Duration
	// Lease is how long permits may be used that were taken ahead; 0 means
	// DefaultLease. Those of a process that was killed come back after it.
	Lease time.Duration
	// TLS, if set, replaces what a rediss:// URL means, the system's roots: roots of your
	// own, or a certificate of the client.
	TLS *tls.Config
	// Client, if set, is used in place of one made from the URL. It belongs to the
	// caller.
	Client rueidis.Client
}

// State is a reranker.Shared on Redis. Make one with Open, for one endpoint. It is
// safe for concurrent use.
type State struct {
	conn     *redisconn.Conn
	keys     []string
	id       string
	patience time.Duration
	lease    time.Duration
	minute   time.Duration // of the quotas
	epoch    atomic.Pointer[string]
}

var _ reranker.Shared = (*State)(nil)

//go:embed share.lua
var text string

// Open returns the state that all of the name share, on the server at the URL:
// redis://user:password@host:port/db, or rediss:// for TLS. The name stands for one
// server and key; Redis sees its hash only. An *Error of KindAddress, KindAuth, KindTLS or
// KindDatabase says that the URL is wrong. A server that does not answer is no error:
// the endpoint goes on alone until it does. More servers of a cluster are named behind
// the first: redis://a:6379?addr=b:6379&addr=c:6379.
func Open(ctx context.Context, url, name string, o Options) (*State, error) {
	switch {
	case name == "":
		return nil, errors.New("reranker/shared/redis: open: the name is empty: give one that stands for the server and the key")
	case o.Lease < 0:
		return nil, fmt.Errorf("reranker/shared/redis: open: the lease is %v: set 0 for %v", o.Lease, DefaultLease)
	}
	conn, err := redisconn.Open(ctx, url, "cascade-quota", redisconn.Options{Client: o.Client, TLS: o.TLS, Patience: o.Patience})
	if err != nil {
		return nil, fmt.Errorf("reranker/shared/redis: %w", err)
	}
	s := &State{conn: conn, id: rand.Text(), patience: o.Patience, lease: o.Lease, minute: time.Minute}
	if s.patience == 0 {
		s.patience = DefaultPatience
	}
	if s.lease == 0 {
		s.lease = DefaultLease
	}
	prefix := o.Prefix
	if prefix == "" {
		prefix = "cascade"
	}
	// The braces keep the keys of one name on one server of a cluster.
	sum := sha256.Sum256([]byte(name))
	prefix += ":quota:2:{" + base64.RawURLEncoding.EncodeToString(sum[:]) + "}:"
	s.keys = []string{prefix + "state", prefix + "use", prefix + "processes"}
	none := ""
	s.epoch.Store(&none)
	return s, nil
}

// Share implements reranker.Shared. Its errors are *Error.
func (s *State) Share(ctx context.Context, r reranker.ShareRequest) (reranker.ShareGrant, error) {
	args := s.arguments(r)
	answer, err := redisconn.Must(ctx, s.conn, "share", s.patience, func(ctx context.Context, c rueidis.Client) ([]rueidis.RedisMessage, error) {
		return script.Exec(ctx, c, s.keys, args).ToArray()
	})
	if err != nil {
		return reranker.ShareGrant{}, err
	}
	grant, epoch, err := read(answer, s.lease)
	if err != nil {
		return reranker.ShareGrant{}, &Error{Kind: KindRefused, Op: "share", Err: err}
	}
	if !grant.Fresh {
		s.epoch.Store(&epoch)
	}
	return grant, nil
}

// script has no state beside its text.
var script = rueidis.NewLuaScript(text)

func (s *State) arguments(r reranker.ShareRequest) []string {
	args := make([]string, 0, 22+2*len(r.Recent))
	args = append(args, s.id, *s.epoch.Load(), flag(r.Full), flag(r.Lane == reranker.LaneBatch))
	for _, n := range [...]int64{
		int64(r.Need.Requests), int64(r.Need.Tokens), int64(r.Ahead.Requests), int64(r.Ahead.Tokens),
		int64(r.Held.Requests), int64(r.Held.Tokens), int64(r.Back.Requests), int64(r.Back.Tokens),
		int64(r.Limits.Requests), int64(r.Limits.Tokens), int64(r.Remaining.Requests), int64(r.Remaining.Tokens),
		up(r.Gate), up(r.Open),
	} {
		args = append(args, strconv.FormatInt(n, 10))
	}
	args = append(args, flag(r.Closed))
	for _, d := range [...]time.Duration{s.lease, s.minute, probeFor} {
		args = append(args, strconv.FormatInt(d.Milliseconds(), 10))
	}
	for _, p := range r.Recent {
		args = append(args, strconv.Itoa(p.Requests), strconv.Itoa(p.Tokens))
	}
	return args
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// up returns whole milliseconds, a part of one as one.
func up(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

var errAnswer = errors.New("the script's answer has another form")

func read(answer []rueidis.RedisMessage, lease time.Duration) (g reranker.ShareGrant, epoch string, err error) {
	if len(answer) < 2 {
		return g, "", errAnswer
	}
	if epoch, err = answer[1].ToString(); err != nil {
		return g, "", errAnswer
	}
	var n [15]int64
	for i, m := range answer {
		if i == 1 || i >= len(n) {
			continue
		}
		if n[i], err = m.ToInt64(); err != nil {
			return g, "", errAnswer
		}
	}
	if n[0] == 1 {
		return reranker.ShareGrant{Fresh: true}, epoch, nil
	}
	if len(answer) != len(n) {
		return g, "", errAnswer
	}
	pair := func(i int) reranker.Permits { return reranker.Permits{Requests: int(n[i]), Tokens: int(n[i+1])} }
	span := func(i int) time.Duration { return time.Duration(n[i]) * time.Millisecond }
	return reranker.ShareGrant{
		Granted: pair(2), Wait: span(4), Lease: lease, Gate: span(5), Open: span(6), Probe: n[7] == 1,
		Limits: pair(8), Capacity: pair(10), Left: pair(12), Processes: int(n[14]),
	}, epoch, nil
}

// Fingerprint is a name for a key that says nothing about it: use it in the name that
// Open takes, for processes that share a key.
func Fingerprint(key string) string {
	sum := sha256.Sum256([]byte("cascade quota " + key))
	return hex.EncodeToString(sum[:8])
}

// Ping reports whether Redis answers, within a second. Its errors are *Error.
func (s *State) Ping(ctx context.Context) error { return s.conn.Ping(ctx) }

// Close ends the connection, unless that is the caller's. The endpoint that uses the
// state should be closed before.
func (s *State) Close() error { return s.conn.Close() }
