//go:build !unix

package main

import "time"

// cpuTime is not known here: only wall-clock times are shown.
func cpuTime() time.Duration { return 0 }
