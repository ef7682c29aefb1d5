package main

import (
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
)

// endpoint is a model behind a server that speaks OpenAI's form.
type endpoint struct {
	url, model string
	keyEnv     string // the environment variable of the key
}

func (e endpoint) generator(options ...llms.CallOption) (pipeline.Generator, error) {
	key, err := keyFrom(e.keyEnv)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = "none" // the client refuses an empty one
	}
	client, err := openai.New(openai.WithToken(key), openai.WithBaseURL(e.url), openai.WithModel(e.model))
	if err != nil {
		return nil, err
	}
	return langchain.Generator(client, options...), nil
}
