package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzConfig gives configurations that are damaged: they are refused, and never
// by a panic.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(smallConfig))
	f.Add([]byte(`{"systems": [{"name": "{depth}", "grid": {"depth": [null, {}, "x"]}}], "measures": ["P@1"], "collections": ["c"]}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var c runConfig
		if strictly(raw, &c) == nil {
			_ = c.check()
		}
	})
}

// FuzzVectors gives files of vectors that a crash or a disk damaged: what is read
// back is whole, and more can be added.
func FuzzVectors(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 80))
	f.Fuzz(func(t *testing.T, raw []byte) {
		name := filepath.Join(t.TempDir(), "vectors.bin")
		require.NoError(t, os.WriteFile(name, raw, 0o600))
		v, err := openVectors(name)
		require.NoError(t, err)
		n := len(v.known)
		key := [32]byte{1, 2, 3}
		_, had := v.find(key)
		require.NoError(t, v.add(key, []float32{1, -2.5}))
		require.NoError(t, v.close())
		v, err = openVectors(name)
		require.NoError(t, err)
		defer v.close()
		if !had {
			assert.Len(t, v.known, n+1)
			got, _ := v.find(key)
			assert.Equal(t, []float32{1, -2.5}, got)
		}
	})
}
