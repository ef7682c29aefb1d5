// Package bedrockknowledgebases stands in for the package of that name in
// langchaingo.
package bedrockknowledgebases

// EqualsFilter stands in for that package's filter.
type EqualsFilter struct{ Key, Value string }
