package pipeline

// String draws what v is made of as a tree, one part on each line in the order
// in which parts run, with the settings that are in force and the mistakes in
// them. v may be anything that Describe takes.
func String(v any) string { return Describe(v).String() }
