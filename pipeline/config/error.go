package config

import (
	"fmt"
	"strings"
)

// Error is a mistake in a file. Several are joined; errors.As finds the first.
type Error struct {
	// File is the file's name, as it was given; empty for text.
	File string
	// Line and Column say where, from 1; 0 where only the whole can be meant.
	Line, Column int
	// Path leads to the setting: chain[1].within.budget.
	Path string
	// Message says what is wrong and what would be right.
	Message string
	// Err is the cause where a part could not be built.
	Err error
}

// Error begins with file:line:column, as editors and compilers write it.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
