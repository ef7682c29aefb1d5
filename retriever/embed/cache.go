package embed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Key names a text under an embedder: a hash of both.
type Key [32]byte

// CacheOptions sets a cache. The zero value holds 50,000 vectors in memory.
type CacheOptions struct {
	// Vectors is the number of vectors that memory holds; 0 means 50,000. At 384
	// dimensions, each takes about 1.7 KB.
	Vectors int
}

const defaultVectors = 50_000

// Cache remembers vectors by the content of texts, in memory and, if it was
// opened with a file, on disk. It is safe for concurrent use. A nil *Cache
// remembers nothing.
//
// The file holds hashes and vectors, no text. It only grows; an entry that was
// cut off or damaged, and what stands behind it, is dropped when the file is
// opened. Only one process should write to it.
type Cache struct {
	recent *lru.Cache[Key, []float32]

	mu   sync.Mutex
	file *os.File
	at   map[Key]int64 // where the file has an entry
	end  int64
}

// NewCache makes a cache in memory.
func NewCache(o CacheOptions) (*Cache, error) {
	if o.Vectors < 0 {
		return nil, fmt.Errorf("embed: Vectors is %d: set at least 1, or 0 for %d", o.Vectors, defaultVectors)
	}
	if o.Vectors == 0 {
		o.Vectors = defaultVectors
	}
	recent, err := lru.New[Key, []float32](o.Vectors)
	if err != nil {
		return nil, fmt.Errorf("embed: make cache: %w", err)
	}
	return &Cache{recent: recent}, nil
}

// OpenCache makes a cache in memory and in the named file, which it makes, with
// its folder, if it is not there. Close it.
func OpenCache(name string, o CacheOptions) (*Cache, error) {
	c, err := NewCache(o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("embed: open cache: %w", err)
	}
	if c.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("embed: open cache: %w", err)
	}
	if err := c.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("embed: open cache: %w", err), c.file.Close())
	}
	return c, nil
}

// Len is the number of vectors in the file, or in memory if there is no file.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return c.recent.Len()
	}
	return len(c.at)
}

// Close closes the file. What the cache is asked afterwards, it answers from
// memory.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// magic begins the file.
const magic = "cascade vectors 1\n"

// mostDimensions bounds what is believed of a file.
const mostDimensions = 1 << 16

// An entry is the key, the number of dimensions, the numbers in 32 bits, and a
// checksum of all of it.
const (
	headSize = len(Key{}) + 4
	tailSize = 4
)

// load reads where the entries are. A file of another kind is an error.
func (c *Cache) load() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	c.at = map[Key]int64{}
	first := make([]byte, len(magic))
	if n, err := c.file.ReadAt(first, 0); n < len(first) {
		if !bytes.HasPrefix([]byte(magic), first[:n]) || err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s is no file of vectors: %w", filepath.Base(c.file.Name()), errors.Join(err, os.ErrInvalid))
		}
		_, err := c.file.WriteAt([]byte(magic), 0)
		c.end = int64(len(magic))
		return err
	}
	if string(first) != magic {
		return fmt.Errorf("%s is no file of vectors: %w", filepath.Base(c.file.Name()), os.ErrInvalid)
	}
	c.end = int64(len(magic))
	in := io.NewSectionReader(c.file, c.end, info.Size()-c.end)
	buffered := newEntryReader(in)
	for {
		key, _, size, ok := buffered.next()
		if !ok {
			return c.file.Truncate(c.end)
		}
		c.at[key] = c.end
		c.end += int64(size)
	}
}

// find looks in memory, then in the file. A nil cache has nothing.
func (c *Cache) find(key Key) ([]float32, bool) {
	if c == nil {
		return nil, false
	}
	if v, ok := c.recent.Get(key); ok {
		return v, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.at[key]
	if !ok || c.file == nil {
		return nil, false
	}
	found, v, _, ok := newEntryReader(io.NewSectionReader(c.file, at, c.end-at)).next()
	if !ok || found != key { // somebody else has written to the file
		delete(c.at, key)
		return nil, false
	}
	c.recent.Add(key, v)
	return v, true
}

// remember keeps a vector in memory.
func (c *Cache) remember(key Key, v []float32) {
	if c != nil {
		c.recent.Add(key, v)
	}
}

// keep keeps a vector in memory and in the file.
func (c *Cache) keep(key Key, v []float32) error {
	if c == nil {
		return nil
	}
	c.recent.Add(key, v)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	entry := appendEntry(nil, key, v)
	if _, err := c.file.WriteAt(entry, c.end); err != nil {
		return fmt.Errorf("embed: write cache: %w", err)
	}
	c.at[key] = c.end
	c.end += int64(len(entry))
	return nil
}

func appendEntry(b []byte, key Key, v []float32) []byte {
	b = append(b, key[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}
