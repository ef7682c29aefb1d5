// Package questions makes a test collection of one's own documents with a language
// model: it asks for questions that a document answers, and drops what is no good
// question.
//
//	maker := questions.Maker{Model: model, Name: "some-model", Check: other}
//	fmt.Println(maker.Estimate(documents))  // before anything is sent
//	set, err := maker.Make(ctx, documents)
//	err = set.Write("my-collection")        // a folder in BEIR form
//
// The judgements are marked as synthetic, and every table that is measured with them
// says so. What they measure is whether a document is found by a question that a
// model made from it. Such questions use the document's words more than users do,
// and every other document counts as not relevant, which is often wrong. Use the
// set to find what is broken and to compare settings of one system, not to say how
// good a system is, and not to compare a model with the one that wrote the questions.
package questions
