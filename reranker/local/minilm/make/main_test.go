package main

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small is a safetensors file with one matrix, one vector and a pooler.
func small(t *testing.T) []byte {
	values := make([]float32, 3*64+2+2)
	for i := range 3 * 64 {
		values[i] = float32(i%64) / 63 * float32(i/64) // the first row is 0, the third ends at 2
	}
	head := map[string]any{
		"layer.weight": map[string]any{"dtype": "F32", "shape": []int{3, 64}, "data_offsets": []int{0, 768}},
		"layer.bias":   map[string]any{"dtype": "F32", "shape": []int{2}, "data_offsets": []int{768, 776}},
		"pooler.bias":  map[string]any{"dtype": "F32", "shape": []int{2}, "data_offsets": []int{776, 784}},
		"__metadata__": map[string]any{"format": "pt"},
	}
	raw, err := json.Marshal(head)
	require.NoError(t, err)
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func TestQuantise(t *testing.T) {
	t.Parallel()
	out, err := quantise(small(t))
	require.NoError(t, err)
	n := binary.LittleEndian.Uint64(out)
	assert.Zero(t, n%8)
	var header map[string]entry
	require.NoError(t, json.Unmarshal(out[8:8+n], &header))
	assert.Len(t, header, 3, "the pooler is gone, a tensor of scales is new")
	assert.Equal(t, entry{"I8", []int{3, 64}, [2]int64{8, 200}}, header["layer.weight"])
	assert.Equal(t, entry{"F32", []int{3, 1}, [2]int64{200, 212}}, header["layer.weight.scale"])
	data := out[8+n:]
	assert.Equal(t, make([]byte, 64), data[8:72], "a row of zeros")
	assert.Equal(t, byte(127), data[8+127])
	assert.Equal(t, byte(127), data[8+191])
	assert.Equal(t, float32(2)/127, math.Float32frombits(binary.LittleEndian.Uint32(data[208:])))
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	for says, file := range map[string][]byte{"0 bytes": nil, "header has": []byte("\xff\x00\x00\x00\x00\x00\x00\x00{}"), "invalid": []byte("\x02\x00\x00\x00\x00\x00\x00\x00no")} {
		_, err := quantise(file)
		assert.ErrorContains(t, err, says)
	}
	_, err := quantise([]byte(strings.Replace(string(small(t)), `"F32"`, `"F16"`, 1)))
	assert.ErrorContains(t, err, "type F16")
	assert.Error(t, run("nowhere.whl", t.TempDir()))
	wheel := filepath.Join(t.TempDir(), "a.whl")
	f, err := os.Create(wheel)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	w, err := z.Create(folder + "/model.safetensors")
	require.NoError(t, err)
	_, err = w.Write(small(t))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	assert.ErrorContains(t, run(wheel, t.TempDir()), "SHA-256")
}
