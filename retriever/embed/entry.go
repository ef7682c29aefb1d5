package embed

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// entryReader reads the entries of a cache's file one after the other.
type entryReader struct {
	in  *bufio.Reader
	raw []byte
}

func newEntryReader(r io.Reader) *entryReader {
	return &entryReader{in: bufio.NewReaderSize(r, 4096)}
}

// next returns the next whole entry and its size in bytes. What is not whole, or
// does not have its checksum, ends the reading.
func (e *entryReader) next() (key Key, v []float32, size int, ok bool) {
	e.raw = append(e.raw[:0], make([]byte, headSize)...)
	if _, err := io.ReadFull(e.in, e.raw); err != nil {
		return key, nil, 0, false
	}
	n := binary.LittleEndian.Uint32(e.raw[len(key):])
	if n == 0 || n > mostDimensions {
		return key, nil, 0, false
	}
	size = headSize + 4*int(n) + tailSize
	e.raw = append(e.raw, make([]byte, size-headSize)...)
	if _, err := io.ReadFull(e.in, e.raw[headSize:]); err != nil {
		return key, nil, 0, false
	}
	body, sum := e.raw[:size-tailSize], binary.LittleEndian.Uint32(e.raw[size-tailSize:])
	if crc32.ChecksumIEEE(body) != sum {
		return key, nil, 0, false
	}
	copy(key[:], body)
	v = make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[headSize+4*i:]))
	}
	return key, v, size, true
}
