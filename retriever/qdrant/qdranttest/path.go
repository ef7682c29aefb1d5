package qdranttest

import (
	"strconv"
	"strings"
	"unicode"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// jsonPath is a path as the server reads one: keys, quoted or plain, joined by
// dots, each with [] or [n] behind it.
type jsonPath []step

// step is a key, all elements of a list, or one of them.
type step struct {
	key   string
	every bool
	index int // -1 for a key
}

// parsePath refuses what the server refuses, with its text.
func parsePath(text string) (jsonPath, error) {
	refused := status.Errorf(codes.InvalidArgument, "Invalid json path: '%s'", text)
	var p jsonPath
	for rest := text; ; {
		key, after, ok := readKey(rest)
		if !ok {
			return nil, refused
		}
		p = append(p, step{key: key, index: -1})
		for strings.HasPrefix(after, "[") {
			inside, left, closed := strings.Cut(after[1:], "]")
			index, err := strconv.Atoi(inside)
			if !closed || inside != "" && (err != nil || index < 0 || inside[0] == '+') {
				return nil, refused
			}
			p = append(p, step{every: inside == "", index: index})
			after = left
		}
		if after == "" {
			return p, nil
		}
		if rest, ok = strings.CutPrefix(after, "."); !ok {
			return nil, refused
		}
	}
}

func readKey(text string) (key, rest string, ok bool) {
	if quoted, is := strings.CutPrefix(text, `"`); is {
		key, rest, ok = strings.Cut(quoted, `"`)
		return key, rest, ok && key != "" && !strings.Contains(key, `\`)
	}
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], end > 0
}

// at returns every value at the path, null and lists as they are.
func (p jsonPath) at(payload map[string]*api.Value) []*api.Value {
	return p.follow(&api.Value{Kind: &api.Value_StructValue{StructValue: &api.Struct{Fields: payload}}})
}

func (p jsonPath) follow(v *api.Value) []*api.Value {
	if len(p) == 0 {
		return []*api.Value{v}
	}
	if p[0].index < 0 && !p[0].every {
		if next, ok := v.GetStructValue().GetFields()[p[0].key]; ok {
			return p[1:].follow(next)
		}
		return nil
	}
	var found []*api.Value
	for i, e := range v.GetListValue().GetValues() {
		if p[0].every || p[0].index == i {
			found = append(found, p[1:].follow(e)...)
		}
	}
	return found
}

// values returns the values at the path, those of a list one by one.
func (p jsonPath) values(payload map[string]*api.Value) []*api.Value {
	var out []*api.Value
	for _, v := range p.at(payload) {
		if list := v.GetListValue(); list != nil {
			out = append(out, list.GetValues()...)
			continue
		}
		out = append(out, v)
	}
	return out
}
