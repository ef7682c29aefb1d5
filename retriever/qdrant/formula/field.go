package formula

import (
	"math"
	"strings"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rankcascade/cascade/retriever/qdrant"
)

// paths returns where a metadata key may be stored: under this very name, which is
// looked at first, and where it has dots within maps.
func paths(key string) []string {
	var found []string
	if path, ok := qdrant.Key(key); ok {
		found = append(found, path)
	}
	if outer, inner, nested := strings.Cut(key, "."); nested {
		if outer, ok := qdrant.Key(outer); ok {
			for _, path := range paths(inner) {
				found = append(found, outer+"."+path)
			}
		}
	}
	return found
}

// isNumber holds where the field is one number.
func isNumber(path string) *api.Condition {
	lowest, one := -math.MaxFloat64, uint64(1)
	return every([]*api.Condition{
		api.NewRange(path, &api.Range{Gte: &lowest}), api.NewValuesCount(path, &api.ValuesCount{Lte: &one}),
	})
}

// isDate holds where the field is one text that the server reads as a time.
func isDate(path string) *api.Condition {
	one := uint64(1)
	return every([]*api.Condition{
		api.NewDatetimeRange(path, &api.DatetimeRange{Gte: timestamppb.New(time.Time{})}), api.NewValuesCount(path, &api.ValuesCount{Lte: &one}),
	})
}

// numberAt is the number under a key.
func numberAt(key string) (piece, bool) {
	return somewhere(key, func(path string) piece {
		return piece{x: api.NewExpressionVariable(path), guards: []*api.Condition{isNumber(path)}}
	})
}

// somewhere is the piece of the first path at which it is there; false where no path
// reaches the key.
func somewhere(key string, at func(path string) piece) (piece, bool) {
	all := paths(key)
	if len(all) == 0 {
		return piece{}, false
	}
	p := at(all[0])
	for _, path := range all[1:] {
		p = or(p, at(path))
	}
	return p, true
}

// dateAt is the date under a key in seconds since 1970: a text, or a number.
func dateAt(key string) (piece, bool) {
	return somewhere(key, func(path string) piece {
		return or(
			piece{x: api.NewExpressionDatetimeKey(path), guards: []*api.Condition{isDate(path)}},
			piece{x: api.NewExpressionVariable(path), guards: []*api.Condition{isNumber(path)}},
		)
	})
}

// or is a where it is there, else b; a must not be open.
func or(a, b piece) piece {
	if a.sure() {
		return a
	}
	p := piece{x: sum(a.zeroed(), product(failing(a.guards), b.zeroed())), open: b.open}
	if len(b.guards) > 0 && !b.open {
		p.guards = []*api.Condition{either(every(a.guards), every(b.guards))}
	}
	return p
}
