package bert

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
)

// maxHeader is the most bytes that the header of a safetensors file may have. A
// model of 24 layers has one of 45 KB.
const maxHeader = 4 << 20

// maxTensors bounds the entries of a header.
const maxTensors = 1 << 16

// tensors reads tensors from a safetensors file, one at a time, so that the file
// need not fit into memory beside the model. It is not safe for concurrent use.
type tensors struct {
	file    string
	data    io.ReaderAt // what follows the header
	entries map[string]tensor
	closer  io.Closer
}

// tensor is an entry of the header whose numbers have been checked against the
// file's size.
type tensor struct {
	dtype      string
	shape      []int
	begin, end int64
}

// elements is the product of the shape, which fits in the file.
func (t tensor) elements() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// widths are the bytes of an element.
var widths = map[string]int64{"F32": 4, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "I16": 2, "I32": 4, "I64": 8, "F64": 8, "BOOL": 1}

// openTensors reads and checks the header of the named file. limit is the most
// bytes that the file may have.
func openTensors(fsys fs.FS, name string, limit int64) (*tensors, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Kind: Missing, File: name, Message: "the directory has no weights in this form", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("bert: open weights: %w", err)
	}
	t, err := readHeader(f, name, limit)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.closer = f
	return t, nil
}

func readHeader(f fs.File, name string, limit int64) (*tensors, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("bert: read weights: %w", err)
	}
	if info.IsDir() {
		return nil, malformed(name, "it is a directory")
	}
	size := info.Size()
	if size > limit {
		return nil, tooLarge(name, "it has %d bytes, the limit is %d", size, limit)
	}
	source, ok := f.(io.ReaderAt)
	if !ok {
		all, err := io.ReadAll(io.LimitReader(f, size+1))
		if err != nil {
			return nil, fmt.Errorf("bert: read weights: %w", err)
		}
		source, size = bytes.NewReader(all), int64(len(all))
	}
	var prefix [8]byte
	if size < 8 {
		return nil, malformed(name, "it has %d bytes, a header's length alone takes 8", size)
	}
	if _, err := source.ReadAt(prefix[:], 0); err != nil {
		return nil, malformed(name, "its first 8 bytes cannot be read: %v", err)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > uint64(size-8) {
		return nil, malformed(name, "it declares a header of %d bytes and has %d", length, size)
	}
	if length > maxHeader {
		return nil, tooLarge(name, "its header has %d bytes, the limit is %d", length, maxHeader)
	}
	header := make([]byte, length)
	if _, err := source.ReadAt(header, 8); err != nil {
		return nil, malformed(name, "its header cannot be read: %v", err)
	}
	room := size - 8 - int64(length)
	entries, err := parseHeader(header, name, room)
	if err != nil {
		return nil, err
	}
	return &tensors{file: name, data: io.NewSectionReader(source, 8+int64(length), room), entries: entries}, nil
}

// parseHeader reads the entries one by one, because decoding into a map would
// take the last of two equal names.
func parseHeader(header []byte, file string, room int64) (map[string]tensor, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, malformed(file, "its header is no JSON object")
	}
	entries := map[string]tensor{}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, malformed(file, "its header is no JSON object")
		}
		if name == "__metadata__" {
			var ignored json.RawMessage
			if err := d.Decode(&ignored); err != nil {
				return nil, malformed(file, "its metadata is no JSON: %v", err)
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, malformed(file, "tensor %q is there twice", clip(name))
		}
		if len(entries) == maxTensors {
			return nil, tooLarge(file, "it has more than %d tensors", maxTensors)
		}
		if entries[name], err = parseEntry(d, file, name, room); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed(file, "its header ends early")
	}
	return entries, checkLayout(entries, file, room)
}

func parseEntry(d *json.Decoder, file, name string, room int64) (tensor, error) {
	var e struct {
		Dtype   string  `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	name = clip(name)
	if err := d.Decode(&e); err != nil {
		return tensor{}, malformed(file, "the entry of tensor %q: %v", name, err)
	}
	width, known := widths[e.Dtype]
	if !known {
		return tensor{}, unsupported(file, "tensor %q has the type %q", name, clip(e.Dtype))
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > room {
		return tensor{}, malformed(file, "tensor %q has the offsets %v in %d bytes", name, head(e.Offsets), room)
	}
	count, shape := int64(1), make([]int, 0, min(len(e.Shape), 8))
	if len(e.Shape) > 8 {
		return tensor{}, malformed(file, "tensor %q has %d dimensions", name, len(e.Shape))
	}
	for _, n := range e.Shape {
		if n < 0 || n > 0 && count > room/n {
			return tensor{}, malformed(file, "tensor %q has the shape %v in %d bytes", name, e.Shape, room)
		}
		count *= n
		shape = append(shape, int(n))
	}
	if count*width != e.Offsets[1]-e.Offsets[0] {
		return tensor{}, malformed(file, "tensor %q of %s has the shape %v and %d bytes", name, e.Dtype, e.Shape, e.Offsets[1]-e.Offsets[0])
	}
	return tensor{e.Dtype, shape, e.Offsets[0], e.Offsets[1]}, nil
}

// head is what an error shows of a list.
func head(list []int64) []int64 { return list[:min(len(list), 4)] }

// checkLayout refuses tensors that share bytes, and bytes that no tensor has.
func checkLayout(entries map[string]tensor, file string, room int64) error {
	sorted := make([]tensor, 0, len(entries))
	for _, t := range entries {
		sorted = append(sorted, t)
	}
	slices.SortFunc(sorted, func(a, b tensor) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end)) })
	at := int64(0)
	for _, t := range sorted {
		if t.begin != at {
			return malformed(file, "its tensors overlap or leave a gap at byte %d of the data", min(at, t.begin))
		}
		at = t.end
	}
	if at != room {
		return malformed(file, "its tensors end at byte %d of %d: it is cut or has a tail", at, room)
	}
	return nil
}

// close ends the reading.
func (t *tensors) close() error { return t.closer.Close() }

// has reports whether the file has the tensor.
func (t *tensors) has(name string) bool {
	_, ok := t.entries[name]
	return ok
}

// find returns the entry of a tensor that must have the shape.
func (t *tensors) find(name string, shape ...int) (tensor, error) {
	e, ok := t.entries[name]
	if !ok {
		return tensor{}, missing(t.file, "there is no tensor %q", name)
	}
	if !slices.Equal(e.shape, shape) {
		return tensor{}, malformed(t.file, "tensor %q has the shape %v, config.json asks for %v", name, head64(e.shape), shape)
	}
	return e, nil
}

func head64(shape []int) []int { return shape[:min(len(shape), 4)] }

// raw reads the bytes of a tensor.
func (t *tensors) raw(name string, e tensor) ([]byte, error) {
	b := make([]byte, e.end-e.begin)
	if n, err := t.data.ReadAt(b, e.begin); n < len(b) {
		return nil, malformed(t.file, "tensor %q cannot be read: %v", name, err)
	}
	return b, nil
}

// vector reads a tensor of one dimension.
func (t *tensors) vector(name string, n int) ([]float32, error) {
	e, err := t.find(name, n)
	if err != nil {
		return nil, err
	}
	m, err := t.decode(name, e, 1, n)
	if err != nil {
		return nil, err
	}
	v := make([]float32, n)
	return v, m.checked(t.file, name, v)
}

// matrix reads a tensor of two dimensions in the form that it has in the file.
func (t *tensors) matrix(name string, rows, columns int) (matrix, error) {
	e, err := t.find(name, rows, columns)
	if err != nil {
		return matrix{}, err
	}
	return t.decode(name, e, rows, columns)
}

func (t *tensors) decode(name string, e tensor, rows, columns int) (matrix, error) {
	m := matrix{rows: rows, columns: columns, dtype: e.dtype}
	switch scales := name + scaleSuffix; e.dtype {
	case "F32", "F16", "BF16":
	case "I8":
		if len(e.shape) != 2 || !t.has(scales) {
			return m, unsupported(t.file, "tensor %q is I8 without a scale for each row in %q", name, scales)
		}
		if err := t.scales(scales, &m); err != nil {
			return m, err
		}
	default:
		return m, unsupported(t.file, "tensor %q has the type %s", name, e.dtype)
	}
	var err error
	m.raw, err = t.raw(name, e)
	return m, err
}

// scales reads the scales of an I8 matrix: one for each row, or one for each of
// several groups of equal size in each row.
func (t *tensors) scales(name string, m *matrix) error {
	e := t.entries[name]
	m.groups = 1
	if len(e.shape) == 2 {
		m.groups = e.shape[1]
	}
	if e.dtype != "F32" || len(e.shape) < 1 || len(e.shape) > 2 || e.shape[0] != m.rows || m.groups < 1 || m.columns%m.groups != 0 {
		return unsupported(t.file, "the scales %q are %s of the shape %v, want F32 for %d rows of %d columns", clip(name), e.dtype, head64(e.shape), m.rows, m.columns)
	}
	raw, err := t.raw(name, e)
	if err != nil {
		return err
	}
	m.scales = make([]float32, e.elements())
	for i := range m.scales {
		m.scales[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return finite(t.file, name, m.scales)
}

// scaleSuffix is appended to the name of an I8 tensor to name its scales.
const scaleSuffix = ".scale"

// matrix holds the rows of a tensor as the file has them.
type matrix struct {
	rows, columns int
	dtype         string
	raw           []byte
	scales        []float32 // I8 only, groups for each row
	groups        int
}

// row writes row i to dst, which has the matrix's columns.
func (m matrix) row(i int, dst []float32) {
	switch m.dtype {
	case "F32":
		raw := m.raw[i*m.columns*4:][:len(dst)*4]
		for j := range dst {
			dst[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
		}
	case "F16":
		raw := m.raw[i*m.columns*2:][:len(dst)*2]
		for j := range dst {
			dst[j] = half(binary.LittleEndian.Uint16(raw[2*j:]))
		}
	case "BF16":
		raw := m.raw[i*m.columns*2:][:len(dst)*2]
		for j := range dst {
			dst[j] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*j:])) << 16)
		}
	case "I8":
		raw, width := m.raw[i*m.columns:][:len(dst)], m.columns/m.groups
		for g, scale := range m.scales[i*m.groups:][:m.groups] {
			part := dst[g*width:][:width]
			for j, q := range raw[g*width:][:width] {
				part[j] = float32(int8(q)) * scale
			}
		}
	}
}

// checked writes all rows to dst and refuses numbers that are not finite.
func (m matrix) checked(file, name string, dst []float32) error {
	for i := range m.rows {
		row := dst[i*m.columns:][:m.columns]
		m.row(i, row)
		if err := finite(file, name, row); err != nil {
			return err
		}
	}
	return nil
}

func finite(file, name string, row []float32) error {
	for _, v := range row {
		if v-v != 0 { // NaN or infinite
			return malformed(file, "tensor %q holds a number that is not finite", name)
		}
	}
	return nil
}

// half is the IEEE 754 binary16 number with the bits h.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h&1023)
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
