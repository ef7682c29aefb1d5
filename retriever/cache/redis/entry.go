package redis

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/rankcascade/cascade/retriever/cache"
)

// A value is one byte of format, eight of a checksum over the key and the rest, and
// the fields, each with its length: since, lifetime, scope, text, vector, ranking.
const (
	format   = 1
	sumBytes = 8
	head     = 1 + sumBytes
)

var errValue = errors.New("the value is none of this store")

// record is an entry with what Redis needs to know of it.
type record struct {
	entry cache.Entry
	since int64         // when its making began, by the clock of forgetting
	life  time.Duration // in Redis, from the beginning
	ever  bool          // it does not become too old by itself
}

func encode(r record) ([]byte, error) {
	ranking, err := json.Marshal(r.entry.Ranking)
	if err != nil {
		return nil, err
	}
	b := make([]byte, head, head+64+len(r.entry.Scope)+len(r.entry.Text)+4*len(r.entry.Vector)+len(ranking))
	b[0] = format
	b = binary.AppendVarint(b, r.since)
	life := r.life.Milliseconds()
	if r.ever {
		life = -life
	}
	b = binary.AppendVarint(b, life)
	b = field(b, []byte(r.entry.Scope))
	b = field(b, []byte(r.entry.Text))
	vector := make([]byte, 0, 4*len(r.entry.Vector))
	for _, v := range r.entry.Vector {
		vector = binary.LittleEndian.AppendUint32(vector, math.Float32bits(v))
	}
	b = field(b, vector)
	b = field(b, ranking)
	copy(b[1:], checksum(r.entry.Key, b[head:]))
	return b, nil
}

func field(b, content []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

func checksum(key string, rest []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(rest)
	return h.Sum(nil)[:sumBytes]
}

// reader takes fields off a value. After a fault everything is empty.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) field() []byte {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)-size) {
		r.bad, r.rest = true, nil
		return nil
	}
	content := r.rest[size : size+int(n)]
	r.rest = r.rest[size+int(n):]
	return content
}

// decode reads what encode wrote for the key, and nothing else.
func decode(key string, b []byte) (record, error) {
	if len(b) < head || b[0] != format || !bytes.Equal(b[1:head], checksum(key, b[head:])) {
		return record{}, errValue
	}
	f := reader{rest: b[head:]}
	r := record{entry: cache.Entry{Key: key}, since: f.number()}
	life := f.number()
	if r.ever = life < 0; r.ever {
		life = -life
	}
	r.life = time.Duration(life) * time.Millisecond
	r.entry.Scope, r.entry.Text = string(f.field()), string(f.field())
	vector := f.field()
	ranking := f.field()
	if f.bad || len(f.rest) > 0 || len(vector)%4 != 0 || life == 0 {
		return record{}, errValue
	}
	for i := 0; i < len(vector); i += 4 {
		r.entry.Vector = append(r.entry.Vector, math.Float32frombits(binary.LittleEndian.Uint32(vector[i:])))
	}
	if err := json.Unmarshal(ranking, &r.entry.Ranking); err != nil {
		return record{}, errValue
	}
	if r.entry.Ranking.Degraded() || r.entry.Ranking.Validate() != nil {
		return record{}, errValue
	}
	return r, nil
}

// coarse is a vector of length 1 with a byte for each component, to find neighbours.
func coarse(v []float32) []byte {
	b := make([]byte, len(v))
	for i, x := range v {
		b[i] = byte(int8(math.Round(float64(min(1, max(-1, x))) * 127)))
	}
	return b
}

// likeness is the product of two coarse vectors, of any common scale.
func likeness(a []byte, b string) int {
	sum := 0
	for i := range a {
		sum += int(int8(a[i])) * int(int8(b[i]))
	}
	return sum
}
