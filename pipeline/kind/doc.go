// Package kind describes kinds of parts, so that a configuration file can name
// them: what a kind is called, which settings it has, and how it is built. Package
// config reads the file; this one is what a part's own package needs for it, and
// imports nothing.
//
// A kind is a value that a program passes to config.Load, so nobody links what he
// does not use. One of your own takes ten lines:
//
//	var Reverse = kind.New("reverse", "Turns a ranking round.",
//		func(_ context.Context, o struct {
//			Depth int `config:"depth" doc:"hits that are turned; 0 means all"`
//		}, _ *kind.Scope) (pipeline.Stage, error) {
//			return reverse{o.Depth}, nil
//		})
//
// What it builds, here a pipeline.Stage, says where a file may name it. A setting
// may itself be such a part, or a list of them: a field of type pipeline.Retriever
// is filled with a retriever of whatever kind the file names.
package kind
