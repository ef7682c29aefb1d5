package qdrant

import (
	api "github.com/qdrant/go-client/qdrant"
)

// ownOrder names a query whose answer is not ordered by its scores, else it is
// empty.
func ownOrder(q *api.Query) string {
	switch q.GetVariant().(type) {
	case *api.Query_NearestWithMmr:
		return "MMR"
	case *api.Query_OrderBy:
		return "order_by"
	case *api.Query_Sample:
		return "a sample"
	}
	return ""
}
