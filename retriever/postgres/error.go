package postgres

import (
	"context"
	"errors"
	"fmt"

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
	// ErrFull says that the server has no room: disk, memory or connections.
	ErrFull = errors.New("the server has no room")
	// ErrUnavailable says that no connection answered.
	ErrUnavailable = errors.New("the server is not available")
	// ErrDocument says that a document cannot be kept: text with a zero byte or that
	// is not UTF-8, or metadata that is no JSON.
	ErrDocument = errors.New("the document cannot be kept")
)

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

// explain names what went wrong while op was done.
func explain(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	} else if cause == nil {
		err = classify(err)
	}
	return fmt.Errorf("postgres: %s: %w", op, err)
}

func classify(err error) error {
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &server):
		if reason, kind := kindOf(server.Code); kind != nil {
			return &failure{kind, err, reason}
		}
	case errors.As(err, &connect), pgconn.Timeout(err), pgconn.SafeToRetry(err):
		return &failure{ErrUnavailable, err, pipeline.ReasonTransport}
	}
	return err
}

// kindOf reads an SQLSTATE.
func kindOf(code string) (pipeline.Reason, error) {
	switch code {
	case "42P01", "42703", "42704", "42883", "3F000", "0A000", "58P01":
		return pipeline.ReasonClientError, ErrSchema
	case "22000": // of pgvector: expected 384 dimensions, not 3
		return pipeline.ReasonClientError, ErrDimensions
	case "22021", "22P05":
		return pipeline.ReasonClientError, ErrDocument
	case "42501":
		return pipeline.ReasonClientError, ErrAccess
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
