package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/cache"
)

func TestLRUForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, err := cache.NewLRU(2, time.Minute)
		require.NoError(t, err)
		keys := []cache.Key{{1}, {2}, {3}}
		for _, k := range keys {
			require.NoError(t, l.SetMany(t.Context(), []cache.Entry{{Key: k, Value: k[:1]}}))
		}
		values, err := l.GetMany(t.Context(), keys)
		require.NoError(t, err)
		assert.Equal(t, [][]byte{nil, {2}, {3}}, values)
		time.Sleep(time.Minute + 1)
		values, err = l.GetMany(t.Context(), keys)
		require.NoError(t, err)
		assert.Equal(t, [][]byte{nil, nil, nil}, values)
		assert.Zero(t, l.Len())
	})
	_, err := cache.NewLRU(0, 0)
	require.Error(t, err)
	_, err = cache.NewLRU(1, -1)
	require.Error(t, err)
}
