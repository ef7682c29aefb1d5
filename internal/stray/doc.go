// Package stray returns in time from calls of code that ignores the end of its
// context.
//
// Such a call cannot be ended. It is left behind: nobody waits for it any more, it is
// counted until it returns, and a Group that has left too many of them behind starts
// no other one.
//
//	g := stray.New(0)
//	scores, err := stray.Call(ctx, stray.Bound{Group: g, Patience: 8 * time.Millisecond}, ask)
//
// A call that is left behind must not write to anything that its caller reads: all
// that it has to say is what it returns.
package stray
