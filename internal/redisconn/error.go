package redisconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/rueidis"
)

// Kind says what is wrong with a Redis.
type Kind string

// The kinds.
const (
	KindAddress     Kind = "address"     // the URL is none, or its host does not exist
	KindAuth        Kind = "auth"        // the name or password is wrong, missing, or may not do this
	KindTLS         Kind = "tls"         // no secure connection: a certificate is not trusted or missing, or the server speaks no TLS
	KindDatabase    Kind = "database"    // there is no database of that number
	KindUnavailable Kind = "unavailable" // nothing answers, or it is starting
	KindLate        Kind = "late"        // it did not answer within the patience
	KindResting     Kind = "resting"     // it is not asked for a while, after failures
	KindFull        Kind = "full"        // it takes nothing more: no memory, no disk, or read only
	KindRefused     Kind = "refused"     // it answered with another error
	KindClosed      Kind = "closed"      // the connection was closed here
)

// Error is why a call of Redis did not succeed. It names neither the password nor
// the content of a key or value.
type Error struct {
	Kind Kind
	// Op is what was being done.
	Op string
	// Err is the cause; it may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	text := "redis: " + e.Op + ": " + string(e.Kind)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// classify makes an *Error of what the client returned.
func classify(op string, err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	if reply, ok := rueidis.IsRedisErr(err); ok {
		word, _, _ := strings.Cut(strings.TrimPrefix(reply.Error(), "ERR "), " ")
		return &Error{Kind: kindOfReply(reply.Error()), Op: op, Err: fmt.Errorf("the server says %s", word)}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Kind: KindLate, Op: op, Err: err}
	case insecure(err):
		return &Error{Kind: KindTLS, Op: op, Err: bare(err)}
	case unknownHost(err):
		return &Error{Kind: KindAddress, Op: op, Err: errors.New("the host does not exist")}
	}
	return &Error{Kind: KindUnavailable, Op: op, Err: bare(err)}
}

// insecure reports whether the two sides could not agree on a secure connection.
func insecure(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		name         x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		operation    *net.OpError
	)
	// What the other side says against it comes as a remote error.
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) ||
		errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &operation) && operation.Op == "remote error"
}

// unknownHost reports whether a name server said that there is no such host.
func unknownHost(err error) bool {
	var name *net.DNSError
	return errors.As(err, &name) && name.IsNotFound
}

// bare is the innermost error, whose text says what happened and not where.
func bare(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// replies are the errors of the server by how they begin.
var replies = []struct {
	begin string
	kind  Kind
}{
	{"WRONGPASS", KindAuth},
	{"NOAUTH", KindAuth},
	{"NOPERM", KindAuth},
	{"AUTH", KindAuth},
	{"Client sent AUTH", KindAuth},
	{"invalid password", KindAuth},
	{"DB index", KindDatabase},
	{"invalid DB index", KindDatabase},
	{"SELECT", KindDatabase},
	{"OOM", KindFull},
	{"MISCONF", KindFull},
	{"READONLY", KindFull},
	{"NOREPLICAS", KindFull},
	{"LOADING", KindUnavailable},
	{"BUSY ", KindUnavailable},
	{"MASTERDOWN", KindUnavailable},
	{"CLUSTERDOWN", KindUnavailable},
	{"TRYAGAIN", KindUnavailable},
	{"max number of clients", KindUnavailable},
}

func kindOfReply(text string) Kind {
	text = strings.TrimPrefix(text, "ERR ") // the client takes it off, most of the time
	for _, r := range replies {
		if strings.HasPrefix(text, r.begin) {
			return r.kind
		}
	}
	return KindRefused
}
