// Chat is a chatbot that people can open: a page on loopback over the
// documentation of the Go standard library, or over a folder of one's own.
//
//	go run ./examples/chat                              # the Go documentation
//	go run ./examples/chat -docs ./handbook             # Markdown, HTML and text; watched while it serves
//	go run ./examples/chat -llm-url https://api.tokenfactory.nebius.com/v1 -llm-model MODEL   # NEBIUS_API_KEY
//
// Without a model it answers with the sentences that answer, quoted and cited, and
// says so. With one, which may be any that speaks the OpenAI protocol, the model
// writes the answer from the passages, and the page checks what it cites. Either
// way a question that the evidence does not answer gets "I do not know".
//
// Passages are found by BM25 and judged by an embedded model, all-MiniLM-L6-v2,
// which needs no download; -model names another one, or "none" for words alone.
//
// Sources stand in the order of retrieval at once and settle when the rerank
// arrives. What is degraded, and why, stands in a badge. Where many ask at once,
// searches go before reranks, and reranks one after the other.
//
// -otlp sends a span for every part of an answer to a viewer, see docs/chat.md.
package main
