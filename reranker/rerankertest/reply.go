package rerankertest

import (
	"net/http"
	"strings"
	"time"
)

// Fault is a way of not answering properly.
type Fault uint8

// The faults. Those that end a connection do so on HTTP/1; on HTTP/2 they end
// the stream.
const (
	// NoFault answers.
	NoFault Fault = iota
	// Reset resets the connection before anything is answered.
	Reset
	// Hangup closes the connection in an orderly way before anything is answered.
	Hangup
	// ResetBody resets the connection after CutAt bytes of the body.
	ResetBody
	// HangupBody closes the connection after CutAt bytes of the body.
	HangupBody
	// HangBody stops sending after CutAt bytes of the body, and keeps the
	// connection until the caller hangs up.
	HangBody
	// Hang never answers, until the caller hangs up or the server is closed.
	Hang
	// Garbage answers with bytes that are not HTTP: those of Body.
	Garbage
)

// Reply is what the server does with one call. The zero value is an empty 200.
type Reply struct {
	// Delay passes before anything is sent.
	Delay time.Duration
	// Until, if not nil, holds the reply back until it is closed.
	Until <-chan struct{}
	// Status is the HTTP status; 0 means 200.
	Status int
	// Header is added to the answer. Content-Type is application/json unless it
	// is set here; an empty value leaves it out.
	Header map[string]string
	// Body is sent as it is.
	Body []byte
	// Length is the Content-Length that is declared; 0 means the true one.
	// Anything else ends the connection after the body.
	Length int
	// Chunked leaves Content-Length out.
	Chunked bool
	// Chunk sends the body in pieces of so many bytes, ChunkDelay apart; 0 sends
	// it at once.
	Chunk      int
	ChunkDelay time.Duration
	// Gzip compresses Body and says so, whatever the caller accepts.
	Gzip bool
	// Close ends the connection after the answer: "Connection: close" on HTTP/1,
	// GOAWAY on HTTP/2.
	Close bool
	// Fault replaces or cuts the answer.
	Fault Fault
	// CutAt is where the body faults cut.
	CutAt int
	// Then, if not nil, runs after the answer was sent.
	Then func()
}

// With returns a copy of r with the header added.
func (r Reply) With(name, value string) Reply {
	header := make(map[string]string, len(r.Header)+1)
	for k, v := range r.Header {
		header[k] = v
	}
	header[http.CanonicalHeaderKey(name)] = value
	r.Header = header
	return r
}

// JSON is a reply with a status and a body, application/json.
func JSON(status int, body string) Reply { return Reply{Status: status, Body: []byte(body)} }

// Text is a reply with another content type.
func Text(status int, contentType, body string) Reply {
	return Reply{Status: status, Body: []byte(body)}.With("Content-Type", contentType)
}

// Page is the error page of a proxy, with enough around it to look real.
func Page(status int) Reply {
	title := http.StatusText(status)
	return Text(status, "text/html; charset=utf-8", "<!DOCTYPE html>\n<html><head><title>"+title+
		"</title><style>body{color:#333}</style></head>\n<body><h1>"+title+"</h1>"+strings.Repeat("<p>nginx</p>", 50)+"</body></html>\n")
}
