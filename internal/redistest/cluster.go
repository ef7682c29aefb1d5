package redistest

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// Cluster starts three servers that share the keys, or skips the test, and returns
// the URL that names all of them.
func Cluster(t testing.TB) string {
	t.Helper()
	var all []*Server
	var clients []rueidis.Client
	for range 3 {
		s := Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)), "--cluster-node-timeout", "2000")
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, ForceSingleClient: true, DisableCache: true})
		require.NoError(t, err)
		defer c.Close()
		all, clients = append(all, s), append(clients, c)
	}
	do := func(c rueidis.Client, words ...string) string {
		text, err := c.Do(context.Background(), c.B().Arbitrary("CLUSTER").Args(words...).Build()).ToString()
		require.NoError(t, err)
		return text
	}
	const slots = 16384
	for i, s := range all {
		do(clients[i], "ADDSLOTSRANGE", strconv.Itoa(i*slots/3), strconv.Itoa((i+1)*slots/3-1))
		bus := s.args[3]
		do(clients[0], "MEET", "127.0.0.1", strconv.Itoa(s.port), bus)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ready := true
		for _, c := range clients {
			info := do(c, "INFO")
			ready = ready && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		}
		if ready {
			break
		}
		require.True(t, time.Now().Before(end), "the servers do not find each other")
	}
	return "redis://" + all[0].Addr() + "?addr=" + all[1].Addr() + "&addr=" + all[2].Addr()
}
