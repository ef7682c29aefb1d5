package cache

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// LRU is a Store in process that forgets what was not used for longest, and what
// is too old. It is safe for concurrent use and starts no goroutine.
//
// It stands on the plain LRU of golang-lru and not on its expirable one, whose
// goroutine cannot be ended; entries that are too old are dropped when they are
// asked for, or pushed out.
type LRU struct {
	cache *lru.Cache[Key, aged]
	ttl   time.Duration
}

type aged struct {
	value []byte
	until time.Time
}

var _ Store = (*LRU)(nil)

// NewLRU returns a store for at most size entries, about 250 bytes each, that
// are valid for ttl; 0 means for ever. A size below 1 or a negative ttl is an
// error.
func NewLRU(size int, ttl time.Duration) (*LRU, error) {
	if ttl < 0 {
		return nil, fmt.Errorf("cache: make LRU: the time to live is %v: set 0 for no limit", ttl)
	}
	cache, err := lru.New[Key, aged](size)
	if err != nil {
		return nil, fmt.Errorf("cache: make LRU of %d entries: %w", size, err)
	}
	return &LRU{cache: cache, ttl: ttl}, nil
}

// Len returns the number of entries, those included that are too old.
func (l *LRU) Len() int { return l.cache.Len() }

// GetMany implements Store. It never fails.
func (l *LRU) GetMany(_ context.Context, keys []Key) ([][]byte, error) {
	values := make([][]byte, len(keys))
	now := time.Now()
	for i, k := range keys {
		entry, ok := l.cache.Get(k)
		switch {
		case !ok:
		case l.ttl > 0 && now.After(entry.until):
			l.cache.Remove(k)
		default:
			values[i] = entry.value
		}
	}
	return values, nil
}

// SetMany implements Store. It never fails.
func (l *LRU) SetMany(_ context.Context, entries []Entry) error {
	until := time.Now().Add(l.ttl)
	for _, e := range entries {
		l.cache.Add(e.Key, aged{value: e.Value, until: until})
	}
	return nil
}
