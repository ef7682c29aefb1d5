package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// entry is a tensor of a safetensors header.
type entry struct {
	Dtype   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// quantise rewrites a safetensors file of F32 tensors.
func quantise(file []byte) ([]byte, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("the file has %d bytes", len(file))
	}
	length := binary.LittleEndian.Uint64(file)
	if length > uint64(len(file)-8) {
		return nil, fmt.Errorf("the header has %d bytes and the file %d", length, len(file))
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+length], &header); err != nil {
		return nil, err
	}
	delete(header, "__metadata__")
	data := file[8+length:]
	w := writer{header: map[string]entry{}}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		var e entry
		if err := json.Unmarshal(header[name], &e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		raw := data[e.Offsets[0]:e.Offsets[1]]
		switch {
		case strings.HasPrefix(name, "pooler.") || name == "embeddings.position_ids":
		case e.Dtype != "F32":
			return nil, fmt.Errorf("%s has the type %s", name, e.Dtype)
		case len(e.Shape) == 2 && e.Shape[0] > 2 && e.Shape[1]%group == 0:
			w.rows(name, e.Shape[0], e.Shape[1], raw)
		default:
			w.add(name, e.Dtype, e.Shape, raw)
		}
	}
	return w.file()
}

// writer collects tensors.
type writer struct {
	header map[string]entry
	data   bytes.Buffer
}

func (w *writer) add(name, dtype string, shape []int, raw []byte) {
	at := int64(w.data.Len())
	w.data.Write(raw)
	w.header[name] = entry{dtype, shape, [2]int64{at, int64(w.data.Len())}}
}

// group is how many neighbours in a row share a scale.
const group = 64

// steps returns the largest integer that is used for a matrix, and how many
// neighbours in a row share a scale. The table of words is half of the file and
// forgives coarse steps, the layers do not.
func steps(name string, columns int) (most float64, share int) {
	if strings.HasSuffix(name, "word_embeddings.weight") {
		return 31, columns
	}
	return 127, group
}

// rows adds a matrix as 8-bit integers, and its scales under the name with
// ".scale".
func (w *writer) rows(name string, rows, columns int, raw []byte) {
	most, share := steps(name, columns)
	quantised, scales := make([]byte, 0, rows*columns), []byte(nil)
	values := make([]float64, share)
	for at := 0; at < rows*columns; at += share {
		high := 0.0
		for j := range values {
			values[j] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[(at+j)*4:])))
			high = max(high, math.Abs(values[j]))
		}
		scale := float32(high / most)
		for _, v := range values {
			quantised = append(quantised, byte(level(v, scale, most)))
		}
		scales = binary.LittleEndian.AppendUint32(scales, math.Float32bits(scale))
	}
	w.add(name, "I8", []int{rows, columns}, quantised)
	w.add(name+".scale", "F32", []int{rows, columns / share}, scales)
}

// level is the integer that stands for v.
func level(v float64, scale float32, most float64) int8 {
	if scale == 0 {
		return 0
	}
	return int8(max(-most, min(most, math.RoundToEven(v/float64(scale)))))
}

// file lays out the header, padded to 8 bytes, and the data.
func (w *writer) file() ([]byte, error) {
	header, err := json.Marshal(w.header) // sorts the names
	if err != nil {
		return nil, err
	}
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), w.data.Bytes()...), nil
}
