package rerankertest

import (
	"bytes"
	"compress/gzip"
	"net"
	"net/http"
)

func setHeader(h http.Header, r Reply) {
	h.Set("Content-Type", "application/json")
	for name, value := range r.Header {
		if value == "" {
			h[http.CanonicalHeaderKey(name)] = nil
			continue
		}
		h.Set(name, value)
	}
	if r.Close {
		h.Set("Connection", "close")
	}
}

// end takes the connection away. Where it cannot be had, as on HTTP/2, the
// stream is reset.
func end(w http.ResponseWriter, f Fault, last []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if f == Reset || f == ResetBody {
		switch c := conn.(type) {
		case *net.TCPConn:
			_ = c.SetLinger(0)
		case *memoryConn:
			c.Reset()
			return
		}
	}
	if len(last) > 0 {
		_, _ = conn.Write(last)
	}
	_ = conn.Close()
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}
