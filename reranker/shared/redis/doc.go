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
// one script of Redis. A process takes permits for a quarter of a second ahead, at most
// 1/240 of the quota; they lapse after two seconds and go to the others, so a process
// that is killed takes none with it for longer. Below 480 requests a minute permits are
// taken one by one, right before the call.
//
// While Redis is away each process goes on with its own part of the quota, one in as
// many as there were processes last, and tells later what it used. If only some of the
// processes cannot reach Redis, they use their parts beside the whole that the others
// have, until they are back: a server may refuse calls then. A Redis that comes back
// empty learns from each process what it used in the last minute.
package redis
