package rerankertest

import (
	"bytes"
	"runtime/pprof"
	"strings"
)

func labelled(label string) []string {
	var dump bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
	var found []string
	for _, block := range strings.Split(dump.String(), "\n\n") {
		if strings.Contains(block, label) && !strings.Contains(block, "net/http.") {
			found = append(found, block)
		}
	}
	return found
}
