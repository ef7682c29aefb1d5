package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
)

// vectorFile keeps vectors by key: 32 bytes of key, the length, and the numbers
// in 32 bits. It only grows; what a crash cut off at its end is dropped.
type vectorFile struct {
	mu    sync.Mutex
	known map[[32]byte][]float32
	file  *os.File
}

// mostDimensions bounds what is believed of a file.
const mostDimensions = 1 << 16

func openVectors(name string) (*vectorFile, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	v := &vectorFile{known: map[[32]byte][]float32{}, file: f}
	whole, err := v.load()
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", name, err), f.Close())
	}
	return v, nil
}

// load returns where the last whole entry ends.
func (v *vectorFile) load() (int64, error) {
	in := bufio.NewReader(v.file)
	at := int64(0)
	for {
		var head [36]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return at, endIsNoError(err)
		}
		n := binary.LittleEndian.Uint32(head[32:])
		if n > mostDimensions {
			return at, nil
		}
		raw := make([]byte, 4*n)
		if _, err := io.ReadFull(in, raw); err != nil {
			return at, endIsNoError(err)
		}
		vector := make([]float32, n)
		for i := range vector {
			vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		v.known[[32]byte(head[:32])] = vector
		at += int64(len(head) + len(raw))
	}
}

func endIsNoError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func (v *vectorFile) find(key [32]byte) ([]float32, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	vector, ok := v.known[key]
	return vector, ok
}

func (v *vectorFile) add(key [32]byte, vector []float32) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, again := v.known[key]; again {
		return nil
	}
	if len(vector) > mostDimensions {
		return fmt.Errorf("a vector of %d dimensions", len(vector))
	}
	v.known[key] = vector
	raw := binary.LittleEndian.AppendUint32(key[:len(key):len(key)], uint32(len(vector)))
	for _, x := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	_, err := v.file.Write(raw)
	return err
}

func (v *vectorFile) close() error { return v.file.Close() }
