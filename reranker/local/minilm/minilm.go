// Package minilm holds the weights and the vocabulary of all-MiniLM-L6-v2, a
// sentence encoder for English with 384 dimensions and 6 layers, so that semantic
// search needs no download, no key and no network:
//
//	model, err := embed.Open(minilm.Files(), embed.Options{})
//
// A program that imports the package grows by 24 MB; one that does not is not
// touched by it. The matrices are 8-bit integers with scales, and the arithmetic
// is in 32-bit floats: vectors have a cosine of .9995 to those of the published
// weights. Texts are cut to 256 tokens, about 200 English words. The licence of the files is
// Apache-2.0, see LICENSE and NOTICE; the program in make/ writes them anew from
// the published ones, byte for byte.
package minilm

import (
	"embed"
	"io/fs"
)

//go:embed model/config.json model/vocab.txt model/tokenizer_config.json model/modules.json
//go:embed model/sentence_bert_config.json model/1_Pooling/config.json model/model.safetensors
//go:embed LICENSE NOTICE
var files embed.FS

// Name is the model's name among sentence-transformers.
const Name = "all-MiniLM-L6-v2"

// Files returns the model's directory in HuggingFace's form. It is safe for
// concurrent use.
func Files() fs.FS {
	model, err := fs.Sub(files, "model")
	if err != nil {
		panic(err) // cannot happen: the path is valid
	}
	return model
}
