package memory

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// segmentRows is how many rows a segment has when it is full. Segments keep an
// index that grows from being copied, and are what the cores share out.
const segmentRows = 8192

// snapshot is an index at one moment. What a query holds never changes: a change
// makes another snapshot, which shares the rows.
type snapshot struct {
	segments   []segment
	dimensions int
	live, dead int
}

// segment holds documents with their vectors, one after the other. Rows are only
// ever added behind those that a snapshot has, so that both may share arrays.
type segment struct {
	documents []pipeline.Document
	rows      []float32
	norms     []float64 // the lengths of the vectors
	codes     []int8    // the vectors in 8 bits, if the index is quantized
	grain     []grain
	gone      []uint64 // a bit for each row that is deleted; replaced, never written to
	owned     bool     // gone belongs to the snapshot that is being made
}

// edit returns a snapshot that may be changed, while others see s.
func (s *snapshot) edit() *snapshot {
	next := *s
	next.segments = slices.Clone(s.segments)
	for i := range next.segments {
		next.segments[i].owned = false
	}
	return &next
}

// add appends an entry and returns where it stands.
func (s *snapshot) add(e Entry, metric Metric, quantized bool) place {
	s.dimensions = len(e.Vector)
	last := len(s.segments) - 1
	if last < 0 || len(s.segments[last].documents) == segmentRows {
		s.segments = append(s.segments, segment{})
		last++
	}
	g := &s.segments[last]
	g.documents = append(g.documents, e.Document)
	g.rows = append(g.rows, e.Vector...)
	if metric == Cosine || quantized {
		g.norms = append(g.norms, norm(e.Vector))
	}
	if quantized {
		var size grain
		g.codes, size = quantize(g.codes, e.Vector)
		g.grain = append(g.grain, size)
	}
	s.live++
	return place{last, len(g.documents) - 1}
}

// kill marks a row as deleted.
func (s *snapshot) kill(at place) {
	g := &s.segments[at.segment]
	if !g.owned {
		g.gone = slices.Clone(g.gone)
		g.owned = true
	}
	for len(g.gone) <= at.row/64 {
		g.gone = append(g.gone, 0)
	}
	g.gone[at.row/64] |= 1 << (at.row % 64)
	s.live--
	s.dead++
}

func (g *segment) alive(row int) bool {
	return row/64 >= len(g.gone) || g.gone[row/64]&(1<<(row%64)) == 0
}

func (s *snapshot) entry(segment, row int) Entry {
	g := &s.segments[segment]
	return Entry{g.documents[row], g.rows[row*s.dimensions : (row+1)*s.dimensions]}
}

// all yields the living documents.
func (s *snapshot) all() iter.Seq[pipeline.Document] {
	return func(yield func(pipeline.Document) bool) {
		for i := range s.segments {
			for row, d := range s.segments[i].documents {
				if s.segments[i].alive(row) && !yield(d) {
					return
				}
			}
		}
	}
}

// write writes the living documents as Open reads them.
func (s *snapshot) write(out io.Writer, metric Metric) error {
	w := &writer{out: bufio.NewWriterSize(out, 1<<20), sum: crc32.New(castagnoli)}
	h, err := json.Marshal(head{metric.String(), s.dimensions, s.live})
	if err != nil {
		return err
	}
	w.bytes([]byte(magic))
	w.bytes([]byte{fileVersion})
	w.block(h)
	var row []byte
	for i := range s.segments {
		g := &s.segments[i]
		for at, d := range g.documents {
			if w.err != nil {
				return w.err
			}
			if !g.alive(at) {
				continue
			}
			metadata, err := encodeMetadata(d)
			if err != nil {
				return err
			}
			w.block([]byte(d.ID))
			w.block([]byte(d.Text))
			w.block(metadata)
			row = row[:0]
			for _, c := range g.rows[at*s.dimensions : (at+1)*s.dimensions] {
				row = binary.LittleEndian.AppendUint32(row, math.Float32bits(c))
			}
			w.bytes(row)
		}
	}
	sum := w.sum.Sum32()
	w.bytes(binary.LittleEndian.AppendUint32(nil, sum))
	if w.err != nil {
		return w.err
	}
	return w.out.Flush()
}

// norm returns the length of the vector, summed in float64 from the first
// component to the last.
func norm(v []float32) float64 {
	sum := 0.0
	for _, c := range v {
		sum += float64(float64(c) * float64(c))
	}
	return math.Sqrt(sum)
}
