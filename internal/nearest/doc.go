// Package nearest finds the known name that a mistyped one was meant to be.
package nearest
