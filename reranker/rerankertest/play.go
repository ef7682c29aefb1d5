package rerankertest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// play carries a reply out.
func (s *Server) play(w http.ResponseWriter, c Call, r Reply) {
	if r.Then != nil {
		defer r.Then()
	}
	if !s.hold(c, r) {
		return
	}
	if r.Gzip {
		r.Body = compress(r.Body)
		r = r.With("Content-Encoding", "gzip")
	}
	switch r.Fault {
	case Hang:
		s.wait(c)
		panic(http.ErrAbortHandler)
	case Reset, Hangup, Garbage:
		end(w, r.Fault, r.Body)
		return
	}
	if r.Length != 0 {
		s.lie(w, c, r)
		return
	}
	s.answer(w, c, r)
}

// hold waits as the reply asks, and reports whether the caller is still there.
func (s *Server) hold(c Call, r Reply) bool {
	if r.Until != nil {
		select {
		case <-r.Until:
		case <-c.ctx.Done():
			return false
		case <-s.stopped:
			return false
		}
	}
	return s.sleep(c, r.Delay)
}

func (s *Server) sleep(c Call, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	case <-s.stopped:
		return false
	}
}

func (s *Server) wait(c Call) {
	select {
	case <-c.ctx.Done():
	case <-s.stopped:
	}
}

// answer sends a well-formed answer, or the beginning of one.
func (s *Server) answer(w http.ResponseWriter, c Call, r Reply) {
	setHeader(w.Header(), r)
	if !r.Chunked {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	w.WriteHeader(max(r.Status, http.StatusOK))
	body := r.Body
	if r.Fault != NoFault {
		body = body[:min(r.CutAt, len(body))]
	}
	if !s.send(w, c, r, body) {
		return
	}
	switch r.Fault {
	case HangBody:
		_ = http.NewResponseController(w).Flush()
		s.wait(c)
		panic(http.ErrAbortHandler)
	case ResetBody, HangupBody:
		_ = http.NewResponseController(w).Flush()
		end(w, r.Fault, nil)
	}
}

func (s *Server) send(w io.Writer, c Call, r Reply, body []byte) bool {
	size := r.Chunk
	if size <= 0 {
		size = len(body)
	}
	for first := true; len(body) > 0; first = false {
		if !first && !s.sleep(c, r.ChunkDelay) {
			return false
		}
		n := min(size, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return false
		}
		if rw, ok := w.(http.ResponseWriter); ok && (r.Chunk > 0 || r.Chunked) {
			_ = http.NewResponseController(rw).Flush()
		}
		body = body[n:]
	}
	return true
}

// lie sends an answer whose Content-Length is not true. It needs HTTP/1.
func (s *Server) lie(w http.ResponseWriter, c Call, r Reply) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	header := http.Header{}
	setHeader(header, r)
	header.Set("Content-Length", strconv.Itoa(r.Length))
	var head bytes.Buffer
	status := max(r.Status, http.StatusOK)
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = header.Write(&head)
	head.WriteString("\r\n")
	if _, err := conn.Write(head.Bytes()); err == nil {
		s.send(conn, c, r, r.Body)
	}
}

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
