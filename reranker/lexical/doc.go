// Package lexical scores documents by the words that they share with the query:
// a reranker that needs no model, no key and no network:
//
//	texts := maps.Values(corpus)
//	scorer := lexical.New(lexical.Options{
//		Statistics: lexical.Collect(lexical.Analysis{Stem: lexical.Plural}, texts),
//	})
//	scores, err := scorer.Score(ctx, "how does a slip stream change lift", candidates)
//
// It is the sequential dependence model of Metzler and Croft ("A Markov random
// field model for term dependencies", SIGIR 2005): single terms, pairs of
// neighbouring query terms in order, and the same pairs in a window of any
// order, weighed 0.85, 0.10 and 0.05, each with Dirichlet smoothing. A score is
// the weighted mean of
//
//	log( ((tf/p) + mu) / (|d| + mu) )
//
// over the terms and over the pairs, where tf is how often the document d has
// the term or pair, |d| how many terms it has, and p the probability of the term
// in the collection; for a pair, that of its terms standing so by chance. 0 says
// that the document is as likely to bring forth the query as the collection is.
//
// It is lexical, not semantic: it knows no synonyms and no paraphrase. Fuse it
// with the retrieval scores, half and half; alone it is worse than a good BM25.
// nDCG@10 over the first 100 of a stemmed BM25, with collection statistics and
// Plural:
//
//	              BM25     alone    min-max scaled, half and half
//	scifact       0.6779   0.6658   0.6861
//	cranfield     0.4843   0.4910   0.5041
//	vaswani-npl   0.4378   0.4018   0.4372
//
// It stands in for a model in first runs and tests.
package lexical
