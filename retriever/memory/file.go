package memory

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/rankcascade/cascade/pipeline"
)

// ErrDamaged is in the chain of the error of Open for a file that is torn, has
// been changed, or is no index.
var ErrDamaged = errors.New("file is damaged")

// A file is magic, version, a head in JSON, then for each document its ID, text,
// metadata in JSON and vector, and at the end a checksum of everything before it.
// Lengths and numbers are 32 or 64 bits with the lowest byte first.
const (
	magic       = "cascade vectors\n"
	fileVersion = 1
	headMost    = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type head struct {
	Metric     string `json:"metric"`
	Dimensions int    `json:"dimensions"`
	Documents  int    `json:"documents"`
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// replaceFile writes a file beside the path under another name and renames it.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// writer writes lengths and bytes, and keeps the first error.
type writer struct {
	out *bufio.Writer
	sum hash.Hash32
	err error
}

func (w *writer) bytes(b []byte) {
	if w.err == nil {
		w.sum.Write(b)
		_, w.err = w.out.Write(b)
	}
}

func (w *writer) block(b []byte) {
	if uint64(len(b)) > math.MaxUint32 {
		w.err = errors.New("a document is longer than 4 GB")
		return
	}
	w.bytes(binary.LittleEndian.AppendUint32(nil, uint32(len(b))))
	w.bytes(b)
}

func encodeMetadata(d pipeline.Document) ([]byte, error) {
	if d.Metadata == nil {
		return nil, nil
	}
	b, err := json.Marshal(d.Metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata of document %q: %w", d.ID, err)
	}
	return b, nil
}

// Open reads an index that Save wrote. The embedder is for queries and for Add, as
// in FromVectors. The metric is that of the file, and another one than Cosine in
// the options is an error if the file has not the same; Quantized and the rest
// come from the options.
//
// A file that is torn, changed or none of ours is an error that wraps ErrDamaged
// and names the file. What comes back has been through JSON: numbers in metadata
// are float64, or int64 or json.Number where a float64 would be another number,
// times are text, lists are []any.
func Open(ctx context.Context, path string, embedder Embedder, o Options) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("memory: open index: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("memory: open index: %w", err)
	}
	x, err := read(ctx, f, info.Size(), embedder, o)
	if err != nil {
		return nil, fmt.Errorf("memory: open index: %s: %w", path, err)
	}
	return x, nil
}

// reader reads lengths and bytes, never more than there is.
type reader struct {
	in   *bufio.Reader
	sum  hash.Hash32
	left int64
}

func (r *reader) bytes(n int64) ([]byte, error) {
	if n > r.left {
		return nil, fmt.Errorf("%w: it ends early", ErrDamaged)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return nil, fmt.Errorf("%w: it ends early: %w", ErrDamaged, err)
	}
	r.left -= n
	r.sum.Write(b)
	return b, nil
}

func (r *reader) block() ([]byte, error) {
	n, err := r.bytes(4)
	if err != nil {
		return nil, err
	}
	return r.bytes(int64(binary.LittleEndian.Uint32(n)))
}

func read(ctx context.Context, in io.Reader, size int64, embedder Embedder, o Options) (*Index, error) {
	r := &reader{in: bufio.NewReaderSize(in, 1<<20), sum: crc32.New(castagnoli), left: size}
	h, err := r.head()
	if err != nil {
		return nil, err
	}
	metric, err := h.metric(o.Metric)
	if err != nil {
		return nil, err
	}
	o.Metric = metric
	x, err := empty(embedder, o)
	if err != nil {
		return nil, err
	}
	if err := x.load(ctx, func(yield func(Entry, error) bool) {
		for range h.Documents {
			if !yield(r.entry(h.Dimensions)) {
				return
			}
		}
	}); err != nil {
		return nil, err
	}
	return x, r.end()
}

// head reads everything before the documents.
func (r *reader) head() (head, error) {
	var h head
	start, err := r.bytes(int64(len(magic) + 1))
	if err != nil || string(start[:len(magic)]) != magic {
		return h, fmt.Errorf("%w: it is no index of this package", ErrDamaged)
	}
	if v := start[len(magic)]; v != fileVersion {
		return h, fmt.Errorf("the file has format %d, this program reads %d: save the index again", v, fileVersion)
	}
	b, err := r.block()
	if err != nil {
		return h, err
	}
	if len(b) > headMost || json.Unmarshal(b, &h) != nil || h.Dimensions < 0 || h.Dimensions > maxDimensions || h.Documents < 0 {
		return h, fmt.Errorf("%w: its head cannot be read", ErrDamaged)
	}
	return h, nil
}

func (h head) metric(wanted Metric) (Metric, error) {
	for m := Cosine; m <= Euclid; m++ {
		if m.String() != h.Metric {
			continue
		}
		if wanted != Cosine && wanted != m {
			return m, fmt.Errorf("the index was made for the metric %s, not %s", m, wanted)
		}
		return m, nil
	}
	return 0, fmt.Errorf("%w: its metric is unknown", ErrDamaged)
}

func (r *reader) entry(dimensions int) (Entry, error) {
	var parts [3][]byte
	for i := range parts {
		var err error
		if parts[i], err = r.block(); err != nil {
			return Entry{}, err
		}
	}
	row, err := r.bytes(4 * int64(dimensions))
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Document: pipeline.Document{ID: string(parts[0]), Text: string(parts[1])}, Vector: make([]float32, dimensions)}
	for i := range e.Vector {
		e.Vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
	}
	if len(parts[2]) > 0 {
		d := json.NewDecoder(bytes.NewReader(parts[2]))
		d.UseNumber()
		if err := d.Decode(&e.Document.Metadata); err != nil {
			return Entry{}, fmt.Errorf("%w: its metadata cannot be read", ErrDamaged)
		}
		pipeline.ExactNumbers(e.Document.Metadata)
	}
	return e, nil
}

// end reads the checksum, behind which there must be nothing.
func (r *reader) end() error {
	want := r.sum.Sum32()
	b, err := r.bytes(4)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b) != want || r.left != 0 {
		return fmt.Errorf("%w: its checksum is another one", ErrDamaged)
	}
	return nil
}
