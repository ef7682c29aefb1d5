package experiment

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(in io.Reader) (*Result, error) {
	var r Result
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("experiment: read result: %w", err)
	}
	return &r, nil
}

// clean makes a name fit for a file and a tag.
func clean(name string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(` /\:*?"<>|`+"\t\n", c) {
			return '-'
		}
		return c
	}, name)
}
