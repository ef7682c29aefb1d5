//go:build (!amd64 && !arm64) || purego

package bert

// available returns the loops that the processor can run.
func available() []loops { return []loops{portable()} }
