// Package prose reads plain text: its sentences, its words, and a rough number of
// tokens.
package prose
