package qdrant

import (
	"math"

	api "github.com/qdrant/go-client/qdrant"
)

func (g *Groups) size() int {
	if g.Size == 0 {
		return defaultGroupSize
	}
	return g.Size
}

func groupID(id *api.GroupId) any {
	switch v := id.GetKind().(type) {
	case *api.GroupId_UnsignedValue:
		if v.UnsignedValue <= math.MaxInt64 {
			return int64(v.UnsignedValue)
		}
		return v.UnsignedValue
	case *api.GroupId_IntegerValue:
		return v.IntegerValue
	case *api.GroupId_StringValue:
		return v.StringValue
	}
	return nil
}
