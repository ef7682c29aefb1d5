package bleve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/blevesearch/bleve/v2"
	"github.com/rankcascade/cascade/pipeline"
)

// errTorn is in the chain where a folder does not hold all that was written.
var errTorn = errors.New("the index is torn, a write was cut off: build it again")

// openWhole opens a folder that bleve can read without harm. bleve maps its files
// and believes what they say of their own length: a file that was cut off takes the
// process along, by a panic or by a signal that no program can catch.
func openWhole(folder string, readOnly bool) (b bleve.Index, err error) {
	if err := whole(filepath.Join(folder, "store", "root.bolt")); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("%w: %w", errTorn, &pipeline.PanicError{Part: "bleve", Value: p, Stack: debug.Stack()})
		}
	}()
	// Without a timeout, bleve waits for ever for another process.
	return bleve.OpenUsing(folder, map[string]any{"bolt_timeout": "1s", "read_only": readOnly})
}

// The head of a bbolt file: two pages, each with a description of the whole file, of
// which the newer valid one counts.
const (
	boltMagic      = 0xED0CDAED
	boltPageHeader = 16
	boltMetaSize   = 64
	boltSmallest   = 1 << 9
	boltLargest    = 1 << 16
)

// whole reports a bbolt file that is shorter than it says. A file that is not there
// is bleve's to report.
func whole(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	needs, ok := boltLength(f)
	if !ok || needs > info.Size() {
		return fmt.Errorf("%w: %s has %d bytes and needs %d", errTorn, filepath.Base(path), info.Size(), needs)
	}
	return nil
}

// boltLength returns the length that a file must have, by its newest valid
// description; false if it has none.
func boltLength(f io.ReaderAt) (length int64, ok bool) {
	newest := uint64(0)
	for size := int64(0); size <= boltLargest; size = max(boltSmallest, 2*size) {
		page := make([]byte, boltPageHeader+boltMetaSize)
		if _, err := f.ReadAt(page, size); err != nil {
			break
		}
		meta := page[boltPageHeader:]
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56])
		if binary.NativeEndian.Uint32(meta) != boltMagic || binary.NativeEndian.Uint64(meta[56:]) != sum.Sum64() {
			continue
		}
		pages, written := binary.NativeEndian.Uint64(meta[40:]), binary.NativeEndian.Uint64(meta[48:])
		if !ok || written > newest {
			newest, length, ok = written, int64(pages)*int64(binary.NativeEndian.Uint32(meta[8:])), true
		}
	}
	return length, ok
}
