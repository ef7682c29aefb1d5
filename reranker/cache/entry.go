package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// kept is a score as the cache keeps it.
type kept struct {
	value float64
	scale pipeline.Scale
	model string
}

func (k kept) valid() bool { return k.scale.Contains(k.value) && !math.IsNaN(k.value) }

// An entry is one byte of format, one of scale, eight of score, the model, and
// eight of a checksum over the key and all that. The checksum ties an entry to
// its key, so that a store that mixes up its entries loses them.
const (
	entryFormat = 1
	entryHead   = 10
	entrySum    = 8
)

func encodeEntry(key Key, k kept) []byte {
	b := make([]byte, entryHead, entryHead+len(k.model)+entrySum)
	b[0], b[1] = entryFormat, byte(k.scale)
	binary.LittleEndian.PutUint64(b[2:], math.Float64bits(k.value))
	b = append(b, k.model...)
	sum := entryChecksum(key, b)
	return append(b, sum[:entrySum]...)
}

// decodeEntry reports false for anything that encodeEntry did not make for this
// key, and for a score that could not have been kept.
func decodeEntry(key Key, b []byte) (kept, bool) {
	end := len(b) - entrySum
	if end < entryHead || b[0] != entryFormat {
		return kept{}, false
	}
	if sum := entryChecksum(key, b[:end]); !bytes.Equal(b[end:], sum[:entrySum]) {
		return kept{}, false
	}
	k := kept{value: math.Float64frombits(binary.LittleEndian.Uint64(b[2:])), scale: pipeline.Scale(b[1]), model: string(b[entryHead:end])}
	return k, k.valid()
}

func entryChecksum(key Key, b []byte) [sha256.Size]byte {
	var room [2 * sha256.Size]byte // enough unless the model's name is long
	return sha256.Sum256(append(append(room[:0], key[:]...), b...))
}

// cacheStore visits a store that may be slow, broken or wrong: then it has no
// entries, and is left alone for a while.
type cacheStore struct {
	store           Store
	patience, pause time.Duration

	mu    sync.Mutex
	until time.Time // no visit before
}

func (s *cacheStore) get(ctx context.Context, keys []Key) map[Key]kept {
	var values [][]byte
	ok := s.visit(ctx, func(ctx context.Context) (err error) {
		values, err = s.store.GetMany(ctx, keys)
		return err
	})
	found := map[Key]kept{}
	if !ok || len(values) != len(keys) {
		return found
	}
	for i, b := range values {
		if k, valid := decodeEntry(keys[i], b); valid {
			found[keys[i]] = k
		}
	}
	return found
}

func (s *cacheStore) set(ctx context.Context, entries []Entry) {
	if len(entries) > 0 {
		s.visit(ctx, func(ctx context.Context) error { return s.store.SetMany(ctx, entries) })
	}
}

// visit reports whether the call was made and succeeded.
func (s *cacheStore) visit(ctx context.Context, call func(context.Context) error) (ok bool) {
	if ctx.Err() != nil || s.paused() {
		return false
	}
	bounded, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	defer func() {
		if recover() != nil {
			ok = false
		}
		// A caller who went away says nothing about the store.
		if !ok && ctx.Err() == nil {
			s.rest()
		}
	}()
	return call(bounded) == nil
}

func (s *cacheStore) paused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until)
}

func (s *cacheStore) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Now().Add(s.pause)
}
