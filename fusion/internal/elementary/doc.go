// Package elementary computes exp, log, pow, atan and the logistic function
// correctly rounded, so that fused scores have the same bits on every machine.
//
// The functions of package math are assembly on some architectures and differ
// from C and from each other in the last bit. These work on pairs of float64
// (about 100 bits) and round once:
//
//	elementary.Log(3) // 1.0986122886681098 everywhere
//
// Exp and Logistic cost some ten nanoseconds, the others some hundred. They are
// not meant for hard cases of pure mathematics: a result within 2^-98 of a
// rounding boundary may be one unit off.
package elementary
