package trec

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Open opens a file and decompresses it if its first bytes say gzip or zstd,
// whatever its name. A byte order mark is skipped.
func Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("trec: %w", err)
	}
	r, err := Decompress(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("trec: open %s: %w", name, err)
	}
	return &opened{Reader: r, file: f}, nil
}

type opened struct {
	io.Reader
	file *os.File
}

func (o *opened) Close() error {
	if z, ok := o.Reader.(interface{ Close() }); ok {
		z.Close()
	}
	return o.file.Close()
}

// Decompress returns a reader of the plain content of r, which may be gzip,
// zstd or plain. A byte order mark at the beginning of plain content is skipped.
func Decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	head, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return skipMark(bufio.NewReaderSize(z, 1<<16))
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return z, nil
	}
	return skipMark(buffered)
}

func skipMark(buffered *bufio.Reader) (io.Reader, error) {
	head, err := buffered.Peek(3)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, err = buffered.Discard(3)
		return buffered, err
	}
	return buffered, nil
}

// readAll returns the whole plain content of a file as one string, of which the
// ids in runs and judgements are parts: one allocation instead of millions.
func readAll(name string) (string, error) {
	f, err := Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := slurp(f, sizeOf(name))
	if err != nil {
		return "", fmt.Errorf("trec: read %s: %w", name, err)
	}
	return text, nil
}

func sizeOf(name string) int {
	info, err := os.Stat(name)
	if err != nil || info.Size() > 1<<34 {
		return 0
	}
	return int(info.Size())
}
