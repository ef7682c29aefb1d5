// Package bert runs BERT encoders in the process: the WordPiece tokenizer, the
// forward pass and the heads of a model in HuggingFace's form, in Go and a
// little assembly, without another runtime.
//
//	model, err := bert.Open(os.DirFS("all-MiniLM-L6-v2"), bert.Options{})
//	err = model.Embed(ctx, texts, func(i int, vector []float32) { keep(i, vector) })
//
// Open reads config.json, model.safetensors (F32, F16, BF16, or I8 with a scale
// for each row), vocab.txt or a WordPiece tokenizer.json, and what
// sentence-transformers adds: 1_Pooling, modules.json and
// sentence_bert_config.json, whose length counts. Everything else, such as
// another architecture, tokenizer or pooling, is refused with an Error that
// names the file and what is in it. A file is not trusted: its counts, shapes
// and offsets are checked before anything is allocated for them.
//
// Results are equal to the bit for every batch, number of workers and kernel of
// the amd64 architecture with FMA: sequences lie one after the other without
// padding, and each sum runs in one order. The portable kernel and that of arm64
// differ from them by less than 1e-5 in a component of a unit vector.
//
// The package does not train, generate or load other architectures.
package bert
