package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
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
	config               string // a file that describes the pipeline
	version, schema      bool
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
	f.StringVar(&o.model, "model", "", `with -rerank-url, the model that the server is asked for; without, `+model.UsageRemote+`, or "lexical"; empty means minilm for English, lexical for other languages, none for those without spaces`)
	f.StringVar(&o.cache, "cache", model.Folder(), "the folder for the vectors of a local model; empty keeps none")
	f.StringVar(&dialect, "dialect", "nebius", "the server's dialect: nebius, cohere, jina, vllm, tei, llama.cpp ...")
	f.StringVar(&keyName, "rerank-key-env", "NEBIUS_API_KEY", "the environment variable that holds the server's key")
	f.StringVar(&o.fuse, "fuse", "", `how BM25 and the reranker become one score, in that order: "rrf(k=60)", "convex(w=[0.3,0.7])", "none"`)
	f.StringVar(&o.tag, "tag", "", "the run's tag; empty means one that names the configuration")
	f.StringVar(&o.config, "config", "", "the `file` that describes the pipeline to ask, in place of -corpus and of all that says how it is searched")
	f.BoolVar(&o.version, "version", false, "print the version")
	f.BoolVar(&o.schema, "schema", false, "print the JSON Schema of configuration files, for editors")
	f.Usage = func() { help(f) }
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: flags begin with a dash", f.Arg(0))
	}
	if o.version || o.schema {
		return o, nil
	}
	if o.config != "" {
		if err := onlyOne(f); err != nil {
			return o, err
		}
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
	for name, value := range map[string]string{"corpus": o.corpus + o.config, "queries": o.queries, "out": o.out} {
		if value == "" {
			return fmt.Errorf("-%s is required, see -help", name)
		}
	}
	if o.config != "" {
		return o.checkFile()
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
	return o.checkTag()
}

// checkFile checks what goes with a configuration file. The tag holds a digest of
// it, so that a run is continued under the same file only.
func (o *options) checkFile() error {
	text, err := os.ReadFile(o.config)
	if err != nil {
		return fmt.Errorf("-config: %w", err)
	}
	if o.k < 1 {
		return fmt.Errorf("-k is %d: set 1 or more", o.k)
	}
	if o.tag == "" {
		name := strings.TrimSuffix(filepath.Base(o.config), filepath.Ext(o.config))
		digest := sha256.Sum256(text)
		o.tag = fmt.Sprintf("%s-%x-k%d", strings.Join(strings.Fields(name), "-"), digest[:4], o.k)
	}
	return o.checkTag()
}

func (o *options) checkTag() error {
	if strings.ContainsAny(o.tag, " \t\r\n") {
		return fmt.Errorf("-tag %q holds white space: a run cannot hold it, take it out", o.tag)
	}
	return nil
}

// onlyOne refuses flags that say again what a file says.
func onlyOne(f *flag.FlagSet) error {
	var both []string
	f.Visit(func(set *flag.Flag) {
		switch set.Name {
		case "corpus", "language", "depth", "rerank-url", "model", "cache", "dialect", "rerank-key-env", "fuse":
			both = append(both, "-"+set.Name)
		}
	})
	if len(both) > 0 {
		return fmt.Errorf("%s cannot stand beside -config: the file says what is searched and how; take it out of the command line", strings.Join(both, ", "))
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

// help says what the program does before it lists the flags.
func help(f *flag.FlagSet) {
	fmt.Fprint(f.Output(), `search answers the queries of a collection in BEIR's form and writes a TREC run.

  search -corpus corpus.jsonl.gz -queries queries.jsonl.gz -out run.txt
  search -corpus corpus.jsonl.gz -queries queries.jsonl.gz -out run.txt -model none     BM25 alone
  search -config search.yaml -queries queries.jsonl.gz -out run.txt                     the pipeline of a file

A run that exists is continued. "quality evaluate" measures it.

Flags:
`)
	f.PrintDefaults()
}
