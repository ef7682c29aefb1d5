// Package collections finds the real collections that some tests measure on.
// They are not part of the repository.
package collections
