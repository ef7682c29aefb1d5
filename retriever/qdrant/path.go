package qdrant

import (
	"strings"
	"unicode"

	api "github.com/qdrant/go-client/qdrant"
)

// Key returns the JSON path under which Qdrant finds the payload field that is
// stored under exactly this name at the top level: Key("author.name") is
// "\"author.name\"", the field with a dot in its name, and not the field name
// within author. It returns false for a name with a quotation mark or a
// backslash and for an empty one, which no path of Qdrant reaches.
func Key(name string) (string, bool) {
	switch {
	case name == "" || strings.ContainsAny(name, `"\`):
		return "", false
	case plainKey(name):
		return name, true
	}
	return `"` + name + `"`, true
}

// plainKey reports whether the name needs no quotes in a path.
func plainKey(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
	}) < 0
}

// paths returns the paths that the key of a filter may mean: the path as Qdrant
// reads it and, where the key has dots, blanks or brackets, the field that is
// stored under this very name. A filter has to look at both: a tenant under
// "acl.tenant" must not be overlooked because another program nests it.
func paths(key string) []string {
	var found []string
	if validPath(key) {
		found = append(found, key)
	}
	if quoted, ok := Key(key); ok && quoted != key {
		found = append(found, quoted)
	}
	return found
}

// validPath reports whether the server reads the text as a path: keys, quoted
// or plain, joined by dots, each with any number of [] and [n] behind it.
func validPath(path string) bool {
	for {
		rest, ok := cutKey(path)
		if !ok {
			return false
		}
		if rest, ok = cutIndexes(rest); !ok {
			return false
		}
		if rest == "" {
			return true
		}
		if path, ok = strings.CutPrefix(rest, "."); !ok {
			return false
		}
	}
}

// cutKey drops the first key of a path.
func cutKey(path string) (rest string, ok bool) {
	if quoted, is := strings.CutPrefix(path, `"`); is {
		key, rest, closed := strings.Cut(quoted, `"`)
		return rest, closed && key != "" && !strings.Contains(key, `\`)
	}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	return path[end:], plainKey(path[:end])
}

// cutIndexes drops [] and [n] from the front.
func cutIndexes(path string) (rest string, ok bool) {
	for strings.HasPrefix(path, "[") {
		index, after, closed := strings.Cut(path[1:], "]")
		if !closed || strings.Trim(index, "0123456789") != "" {
			return path, false
		}
		path = after
	}
	return path, true
}

// onPaths makes a condition on each path that the key may mean. With either, one of
// them suffices; else all must hold, which is right where a missing field
// passes.
func onPaths(at, key string, either bool, condition func(path string) *api.Condition) (*api.Condition, error) {
	meant := paths(key)
	if len(meant) == 0 {
		return nil, unknown(at, "key %q is not a path of Qdrant: a name with a quotation mark or a backslash cannot be reached", shorten(key))
	}
	if len(meant) == 1 {
		return condition(meant[0]), nil
	}
	conditions := []*api.Condition{condition(meant[0]), condition(meant[1])}
	if either {
		return api.NewFilterAsCondition(&api.Filter{Should: conditions}), nil
	}
	return api.NewFilterAsCondition(&api.Filter{Must: conditions}), nil
}
