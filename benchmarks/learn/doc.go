// Package learn fits the models of pipeline/ltr from judgements, and measures them
// on topics that they did not learn from.
//
//	features, err := ltr.Parse(nil, "norm(bm25)", "score(rerank)", "overlap")
//	data, err := learn.Collect(ctx, search, queries, qrels, features)
//	model, err := learn.Fit(data, learn.Options{})       // to serve with: model.Write
//	crossed, err := learn.CrossFit(data, learn.Options{}, tune.Trial{})
//	plan.Systems["learnt"] = pipeline.Chain(search, crossed.Stage(ltr.Options{}))
//	plan.Tuned = map[string]experiment.Tuning{"learnt": crossed.Tuning()}
//
// A model that is measured on the topics that it learnt from looks better than it is.
// CrossFit therefore learns several models, each without one part of the topics, and
// its stage ranks every topic with the model that never saw it.
//
// Every topic counts the same, however many hits or relevant documents it has. The
// fits are exact minima of convex functions, found by Newton's method, so the same
// data give the same model whatever the start.
package learn
