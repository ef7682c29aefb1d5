// Package endpoint asks a model behind an endpoint of OpenAI's form for vectors:
// Nebius Token Factory by default, or any server that has POST /embeddings, such as
// llama-server, vLLM or LiteLLM.
//
//	client, err := endpoint.New(key, "Qwen/Qwen3-Embedding-8B", endpoint.Options{
//		QueryPrefix: "Instruct: find the passage\nQuery: ",
//	})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	index, err := memory.New(ctx, client, documents, memory.Options{})
//
// Calls that may succeed later are made again, calls that are too large are divided,
// and nothing that a server answers is believed before it is checked.
package endpoint
