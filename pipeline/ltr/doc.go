// Package ltr ranks by a model that was learnt from judgements (learning to rank):
// a weighted sum of features of each hit.
//
//	model, err := ltr.Open("model.json")
//	if err != nil {
//		return err
//	}
//	search := pipeline.Chain(hybrid, rerank, ltr.Stage(model, ltr.Options{}))
//
// A feature is a named number: a score or a rank that a part left on the hit, a
// field of the metadata, a statistic of query and document, or what a FeatureFunc of
// one's own computes. A feature may be absent, which the model has a weight for.
// Explain shows what each feature adds, and the parts add up to the score to the
// last bit.
//
// A saved model names its features and has a fingerprint. A stage that is given
// others than those refuses to run. Package benchmarks/learn fits models and
// measures them on topics that they did not learn from.
//
// The package has linear models only: there is no well-kept library of boosted
// trees for Go that fits them.
package ltr
