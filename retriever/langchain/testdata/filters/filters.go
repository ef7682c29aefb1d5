// Package filters stands in for the package of that name in the Weaviate client.
package filters

// WhereBuilder stands in for the client's builder.
type WhereBuilder struct{}
