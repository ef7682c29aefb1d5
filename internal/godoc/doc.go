// Package godoc reads the documentation of the Go standard library as documents:
// a real corpus that every machine with Go has.
package godoc
