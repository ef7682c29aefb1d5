package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// options are the flags, checked.
type options struct {
	corpus, queries, out string
	language             string
	depth, k             int
	rerankURL, model     string
	cache                string // the folder of vectors
	dialect              nebius.Dialect
	key                  string
	fuse                 string
	fuser                pipeline.Fuser // nil where there is nothing to fuse
	tag                  string
}

// parseFlags reads the command line. The key of a rerank server is read from the
// environment, so that it shows in no list of processes.
func parseFlags(args []string, screen *screen) (options, error) {
	var o options
	var dialect, keyName string
	f := flag.NewFlagSet("search", flag.ContinueOnError)
	f.SetOutput(screen.out)
	f.StringVar(&o.corpus, "corpus", "", "the documents: lines with _id, title and text (.jsonl, .jsonl.gz, .jsonl.zst)")
	f.StringVar(&o.queries, "queries", "", "the queries: lines with _id and text (.jsonl, .jsonl.gz, .jsonl.zst)")
	f.StringVar(&o.out, "out", "", "the TREC run to write, or to continue")
	f.StringVar(&o.language, "language", "en", "the analyzer: en, de, ar, hi, cjk, none ...")
	f.IntVar(&o.depth, "depth", 100, "how many hits are reranked and fused")
	f.IntVar(&o.k, "k", 100, "how many hits are written for each query")
	f.StringVar(&o.rerankURL, "rerank-url", "", "the rerank server; empty means a model in the process")
	f.StringVar(&o.model, "model", "", `with -rerank-url, the model that the server is asked for; without, `+model.Usage+`, or "lexical"; empty means minilm for English, lexical for other languages, none for those without spaces`)
	f.StringVar(&o.cache, "cache", model.Folder(), "the folder for the vectors of a local model; empty keeps none")
	f.StringVar(&dialect, "dialect", "nebius", "the server's dialect: nebius, cohere, jina, vllm, tei, llama.cpp ...")
	f.StringVar(&keyName, "rerank-key-env", "NEBIUS_API_KEY", "the environment variable that holds the server's key")
	f.StringVar(&o.fuse, "fuse", "", `how BM25 and the reranker become one score, in that order: "rrf(k=60)", "convex(w=[0.3,0.7])", "none"`)
	f.StringVar(&o.tag, "tag", "", "the run's tag; empty means one that names the configuration")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o.dialect = nebius.Dialect(dialect)
	f.Visit(func(given *flag.Flag) {
		if given.Name == "rerank-key-env" {
			o.key = "?" // it must be there
		}
	})
	return o, o.check(keyName)
}

func (o *options) check(keyName string) error {
	for name, value := range map[string]string{"corpus": o.corpus, "queries": o.queries, "out": o.out} {
		if value == "" {
			return fmt.Errorf("-%s is required, see -help", name)
		}
	}
	if o.k < 1 || o.depth < 1 {
		return fmt.Errorf("-k is %d and -depth is %d, both must be at least 1", o.k, o.depth)
	}
	if o.rerankURL == "" && o.model == "" {
		o.model = defaultModel(o.language)
	}
	named := o.key != ""
	o.key = os.Getenv(keyName)
	if named && o.key == "" {
		return fmt.Errorf("-rerank-key-env: the environment variable %s is empty", keyName)
	}
	if err := o.chooseFuser(); err != nil {
		return err
	}
	if o.tag == "" {
		o.tag = o.describe()
	}
	if strings.ContainsAny(o.tag, " \t\r\n") {
		return fmt.Errorf("-tag %q holds white space", o.tag)
	}
	return nil
}

// lexical names the scorer that compares words.
const lexicalModel = "lexical"

// lexicalShare is the part of the blend that the lexical scorer has.
const lexicalShare = 0.25

// defaultModel is what was measured to help: the embedded model knows English.
func defaultModel(language string) string {
	switch {
	case spaceless(language):
		return model.None
	case strings.HasPrefix(strings.ToLower(language), "en"):
		return model.MiniLM
	}
	return lexicalModel
}

func (o *options) chooseFuser() error {
	switch {
	case o.fuse == "none" && o.rerankURL == "":
		o.model = model.None
	case o.fuse == "none":
	case o.fuse != "":
		method, err := fusion.Parse(o.fuse)
		if err != nil {
			return fmt.Errorf("-fuse: %w", err)
		}
		o.fuser = method
	case o.rerankURL == "" && o.model == lexicalModel:
		o.fuser = fusion.Convex{Weights: []float64{1 - lexicalShare, lexicalShare}, Norm: fusion.MinMax{}}
	}
	return nil
}

// spaceless reports whether the language is one of those that are analyzed by
// pairs of characters.
func spaceless(language string) bool {
	for _, prefix := range []string{"cjk", "zh", "ja", "ko"} {
		if strings.HasPrefix(strings.ToLower(language), prefix) {
			return true
		}
	}
	return false
}

// reranks reports whether anything follows BM25.
func (o *options) reranks() bool { return o.rerankURL != "" || o.model != model.None }

// describe makes a tag that differs where the results may differ.
func (o *options) describe() string {
	tag := fmt.Sprintf("bm25-%s-k%d", o.language, o.k)
	if !o.reranks() {
		return tag
	}
	tag = fmt.Sprintf("%s+%s-d%d", tag, o.model, o.depth)
	if o.fuse != "" {
		tag += "+" + o.fuse
	}
	return strings.Join(strings.Fields(tag), "")
}
