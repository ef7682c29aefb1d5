// Package redis lets many processes share the quotas of one key, the hold after a
// refusal and the state of the breaker, in Redis or Valkey.
//
//	shared, err := redis.Open(ctx, "redis://127.0.0.1:6379/0", "https://api.example.com key-7f3a", redis.Options{})
//	if err != nil {
//		return err // the URL, the password or the database is wrong
//	}
//	defer shared.Close()
//	endpoint, err := reranker.NewEndpoint(upstreams, reranker.EndpointOptions{Requests: 600, Tokens: 1_000_000, Shared: shared})
//
// A file that imports the store of scores too gives this package another name:
//
//	import quota "github.com/rankcascade/cascade/reranker/shared/redis"
//
// All endpoints of one name share. In any minute they start no more than the quota
// together, whatever form the server's own limit has, and in a burst no more than a
// quarter of it. Chat has a part that Batch leaves alone.
//
// Time is the server's, so the clocks of the processes do not matter. Each question is
// one script of Redis. A process takes permits ahead for the calls that are likely to
// follow, by its own rate: for a quarter of a second, or four of them for up to three
// seconds, and never more than the quota yields in half a lease. From a call or so a
// second on, most calls of a process ask nobody; one that calls less often asks each
// time. What the others learn of a refusal reaches it with the next question.
//
// Until a process says when it used its permits, they count as used at the end of their
// lease, six seconds by default, so no minute holds more than the quota. A process that
// has no more calls, or ends, gives back the rest; one that is killed takes none with it
// for longer than the lease, and of what it used meanwhile nobody knows.
//
// While Redis is away each process goes on with its own part of the quota, one in as
// many as there were processes last, and tells later what it used. If only some of the
// processes cannot reach Redis, they use their parts beside the whole that the others
// have, until they are back: a server may refuse calls then. A Redis that comes back
// empty learns from each process what it used in the last minute.
package redis
