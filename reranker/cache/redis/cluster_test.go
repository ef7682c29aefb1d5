package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/cache/redis"
)

func TestAClusterIsReadByPlaces(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--cluster-enabled", "yes")
	one := raw(t, server.URL())
	require.NoError(t, one.Do(t.Context(), one.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", "0", "16383").Build()).Error())
	require.Eventually(t, func() bool {
		info, err := one.Do(t.Context(), one.B().ClusterInfo().Build()).ToString()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	}, patient, 10*time.Millisecond)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true, AlwaysPipelining: true})
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, rueidis.ClientModeCluster, c.Mode())
	s := open(t, "", redis.Options{Client: c})
	put(t, s, cache.Entry{Key: key(1), Value: []byte("v")}, cache.Entry{Key: key(2), Value: []byte("w")})
	assert.Equal(t, []string{"w", "none", "v", "v"}, get(t, s, key(2), key(3), key(1), key(1)))
	assert.NoError(t, s.Stats().Cause)
}
