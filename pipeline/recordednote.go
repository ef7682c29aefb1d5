package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
)

// recordedNote is the value of a note or attribute that was read back from JSON.
// The key that it belongs to is known by its name only, and what type it has only
// when somebody asks with a key.
type recordedNote struct {
	name string
	text json.RawMessage
}

// jsonNote is the form of a note or an attribute.
type jsonNote struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// encodeNotes writes a list down, oldest first.
func encodeNotes(list *attribute) ([]jsonNote, error) {
	var notes []jsonNote
	for a := list; a != nil; a = a.next {
		n := jsonNote{Key: a.name()}
		if recorded, ok := a.value.(recordedNote); ok {
			n.Value = recorded.text
		} else {
			text, err := json.Marshal(a.value)
			if err != nil {
				return nil, fmt.Errorf("the note %q: %w", n.Key, err)
			}
			n.Value = text
		}
		notes = append(notes, n)
	}
	slices.Reverse(notes)
	return notes, nil
}

func decodeNotes(notes []jsonNote) *attribute {
	var list *attribute
	for _, n := range notes {
		list = &attribute{value: recordedNote{n.Key, slices.Clone(n.Value)}, next: list}
	}
	return list
}

// readNote reads a recorded value as the key's type.
func readNote[T any](k Key[T], r recordedNote) (T, bool) {
	var v T
	if k.name == nil || r.name != *k.name || json.Unmarshal(r.text, &v) != nil {
		var none T
		return none, false
	}
	return v, true
}
