// Package redisconn is a connection to Redis or Valkey for parts that do well
// without it: nobody waits for it longer than a given patience, and while it is
// away nobody asks.
//
//	conn, err := redisconn.Open(ctx, "redis://127.0.0.1:6379/0", redisconn.Options{})
//	if err != nil {
//		return err // a wrong address, password or database
//	}
//	defer conn.Close()
//	value, err := redisconn.Do(ctx, conn, "get", func(ctx context.Context, c rueidis.Client) (string, error) {
//		return c.Do(ctx, c.B().Get().Key("k").Build()).ToString()
//	})
//
// It knows no keys and no values: those belong to the packages that use it.
package redisconn
