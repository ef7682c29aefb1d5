package main

import (
	"strings"
)

// head is the beginning of a text, on one line.
func head(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) <= 100 {
		return string(runes)
	}
	return string(runes[:100]) + "..."
}
