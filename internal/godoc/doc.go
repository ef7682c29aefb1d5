// Package godoc reads the documentation of the Go standard library: a real corpus
// that every machine with Go has. Load returns its packages and symbols, and Read
// documents made of them.
//
//	documents, err := godoc.Read(ctx, "", nil)
//
// It reads files and runs "go env GOROOT" where the installation is not known. It
// knows no other documentation than that of the standard library.
package godoc
