// Package chat makes of a ranking what a language model reads, and reads what it
// answers:
//
//	conversation := &chat.Conversation{}
//	ranking, err := search.Retrieve(ctx, conversation.Query(question))
//	if verdict := chat.Answerable(pipeline.Query{Text: question}, ranking); verdict.Probability < 0.3 {
//		return "I do not know: " + verdict.Reason
//	}
//	prompt, err := conversation.Ask(ctx, question, ranking, chat.Options{Tokens: 4000})
//	answer, err := model.Generate(ctx, prompt.Text())
//	checked := chat.Check(answer, prompt)
//	conversation.Answered(answer)
//
// A Conversation keeps the evidence of a chat over its turns: every passage has a
// citation number that stays, is in the prompt once, and leaves when its document
// is replaced or deleted.
//
// Assemble makes one prompt without a conversation. A Prompt is data: passages with
// numbers, documents, texts and sources, the turns that fit, and the question. Text
// renders it as one text, Messages as the messages of a chat, and any template does
// it another way.
//
// Passages are delimited so that their text cannot end its own block, and their
// text cannot speak in the marks that models take for their own. That does not make
// a model deaf: Suspicious finds passages that speak to the model, for a cut.Where
// before the prompt is made.
//
// Check says which citations exist, which quotes stand word for word in what they
// cite, and which sentences cite nothing. It does not judge whether a sentence
// follows from its passage.
//
// The package calls no model and counts tokens with the caller's function.
package chat
