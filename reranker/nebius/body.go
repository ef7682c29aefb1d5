package nebius

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// sizeError says that an answer is larger than what is read of it.
type sizeError struct{ limit int64 }

// Error says how much was allowed.
func (e *sizeError) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes, which is too much for an answer to such a request", e.limit)
}

// codingError says that an answer is encoded in a way that was not asked for,
// or badly.
type codingError struct{ what string }

// Error says what is wrong.
func (e *codingError) Error() string { return e.what }

// readBody reads a body whole into dst, decoded, up to a limit that holds for
// what comes out of the decoder.
func readBody(res *http.Response, dst []byte, limit int64) ([]byte, error) {
	var from io.Reader = res.Body
	if coding := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))); coding != "" && coding != "identity" && !res.Uncompressed {
		if coding != "gzip" && coding != "x-gzip" {
			return dst, &codingError{fmt.Sprintf("the answer has the content encoding %q, which was not asked for", printable(coding, 40))}
		}
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			return dst, gzipError(err)
		}
		from = z
	}
	if n := res.ContentLength; n > 0 && n <= limit {
		dst = slices.Grow(dst, int(n)+1)
	}
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, max(4096, cap(dst)))
		}
		room := int64(cap(dst) - len(dst))
		n, err := from.Read(dst[len(dst) : len(dst)+int(min(room, limit+1-int64(len(dst))))])
		dst = dst[:len(dst)+n]
		if int64(len(dst)) > limit {
			return dst, &sizeError{limit}
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, gzipError(err)
		}
	}
}

func gzipError(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || strings.HasPrefix(err.Error(), "flate: corrupt") {
		return &codingError{"the answer says that it is gzip and is not: " + err.Error()}
	}
	return err
}
