package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rankcascade/cascade/pipeline"
)

// The errors that callers can test for with errors.Is. The server's error stays in
// the chain beside them, a *pgconn.PgError.
var (
	// ErrSchema says that the table, a column or pgvector is missing, or has another
	// shape: run Migrate.
	ErrSchema = errors.New("the database lacks the schema")
	// ErrDimensions says that a vector has another length than the table's.
	ErrDimensions = errors.New("the vector has another length")
	// ErrAccess says that the server refused the password or the right.
	ErrAccess = errors.New("access refused")
	// ErrReadOnly says that the server takes no writes: a standby, or a session that
	// only reads.
	ErrReadOnly = errors.New("the database is read-only")
	// ErrTime says that a time limit of the server ended the statement:
	// statement_timeout, lock_timeout, or somebody who canceled it there.
	ErrTime = errors.New("the server ended the statement")
	// ErrFull says that the server has no room: disk, memory or connections.
	ErrFull = errors.New("the server has no room")
	// ErrUnavailable says that no connection answered, or that it broke.
	ErrUnavailable = errors.New("the server is not available")
	// ErrDocument says that a document cannot be kept: text with a zero byte or that
	// is not UTF-8, or metadata that is no JSON.
	ErrDocument = errors.New("the document cannot be kept")
)

// LoadError is the error of a Load that stopped early. Err, which names the reason, is
// in its chain.
type LoadError struct {
	// Loaded is how many documents of the input, from the first one on, the server
	// has confirmed: they are stored. To go on, load the input from there. Some that
	// come behind them may be stored too where a connection broke before the answer;
	// they are written again and stand once.
	Loaded int
	// Err is what went wrong.
	Err error
}

// Error says what went wrong, and how many documents are stored.
func (e *LoadError) Error() string {
	return fmt.Sprintf("%v (the first %d documents are stored)", e.Err, e.Loaded)
}

// Unwrap returns Err.
func (e *LoadError) Unwrap() error { return e.Err }

// failure is an error of a call, with the reason for the gap that it leaves.
type failure struct {
	kind, err error
	reason    pipeline.Reason
}

// Error implements error.
func (f *failure) Error() string { return f.kind.Error() + ": " + f.err.Error() }

// Unwrap returns the cause.
func (f *failure) Unwrap() []error { return []error{f.kind, f.err} }

// Reason says why, as in a gap.
func (f *failure) Reason() pipeline.Reason { return f.reason }

// explain names what went wrong in the server while op was done.
func explain(ctx context.Context, op string, err error) error {
	if err != nil && context.Cause(ctx) == nil {
		err = classify(err)
	}
	return tell(ctx, op, err)
}

// tell is explain for errors that are not the server's, such as the embedder's.
func tell(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("postgres: %s: %w", op, err)
}

// classify reads an error of the driver. The connection of a server that dies ends in
// any error of the network.
func classify(err error) error {
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	var network interface{ Timeout() bool } // as net.Error has it
	switch {
	case errors.As(err, &server):
		if reason, kind := kindOf(server.Code); kind != nil {
			return &failure{kind, err, reason}
		}
	case errors.As(err, &connect), errors.As(err, &network), pgconn.SafeToRetry(err),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{ErrUnavailable, err, pipeline.ReasonTransport}
	}
	return err
}

// kindOf reads an SQLSTATE.
func kindOf(code string) (pipeline.Reason, error) {
	switch code {
	case "42P01", "42703", "42704", "42883", "42804", "42809", "42P10", "23502", "3D000", "3F000", "0A000", "58P01":
		return pipeline.ReasonClientError, ErrSchema
	case "22000": // of pgvector: expected 384 dimensions, not 3
		return pipeline.ReasonClientError, ErrDimensions
	case "22021", "22P05":
		return pipeline.ReasonClientError, ErrDocument
	case "42501":
		return pipeline.ReasonClientError, ErrAccess
	case "25006":
		return pipeline.ReasonClientError, ErrReadOnly
	case "57014", "55P03", "25P04":
		return pipeline.ReasonDeadline, ErrTime
	}
	if len(code) < 2 {
		return "", nil
	}
	switch code[:2] {
	case "28":
		return pipeline.ReasonClientError, ErrAccess
	case "53":
		return pipeline.ReasonServerError, ErrFull
	case "08", "57":
		return pipeline.ReasonTransport, ErrUnavailable
	}
	return "", nil
}
