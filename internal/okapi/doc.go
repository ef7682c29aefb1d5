// Package okapi holds what the two BM25 indexes of this module share, so that they
// score to the same bits: the formula with its constants, sums of scores by
// document, and the characters of a text in one form.
package okapi
