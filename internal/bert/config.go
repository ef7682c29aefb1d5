package bert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// maxJSON bounds the small files of a model. tokenizer.json is the largest.
const maxJSON = 64 << 20

// config is what config.json says, checked.
type config struct {
	hidden, feed, heads, layers  int
	vocabulary, positions, types int
	epsilon                      float64
	classes                      int // of the sequence classification head, 0 without one
	classifies                   bool
	maxTokens                    int // texts are cut there, special tokens included
	pooling                      pooling
	normalise                    bool
}

// pooling says how the states of the tokens become one vector.
type pooling uint8

const (
	poolMean pooling = iota // the mean over all tokens, special ones included
	poolCLS                 // the first token's
)

// The names of the files that are read.
const (
	configFile    = "config.json"
	poolingFile   = "1_Pooling/config.json"
	modulesFile   = "modules.json"
	sentenceFile  = "sentence_bert_config.json"
	tokenizerFile = "tokenizer.json"
	flagsFile     = "tokenizer_config.json"
	vocabFile     = "vocab.txt"
	weightsFile   = "model.safetensors"
)

// The most that config.json may ask for. The largest BERT has 1,024 hidden units
// and 24 layers.
const (
	maxWidth  = 1 << 14
	maxLayers = 1 << 10
	maxRows   = 1 << 24 // of an embedding table
)

// readFile reads a small file; ok says whether it is there.
func readFile(fsys fs.FS, name string) (data []byte, ok bool, err error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("bert: open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err != nil {
		return nil, false, fmt.Errorf("bert: read %s: %w", name, err)
	}
	if len(data) > maxJSON {
		return nil, false, tooLarge(name, "it has more than %d bytes", maxJSON)
	}
	return data, true, nil
}

// readJSON decodes a file that need not be there.
func readJSON(fsys fs.FS, name string, into any) (ok bool, err error) {
	data, ok, err := readFile(fsys, name)
	if err != nil || !ok {
		return false, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, &Error{Kind: Malformed, File: name, Err: err}
	}
	return true, nil
}

// readConfig reads the model's settings from all files that hold some.
func readConfig(fsys fs.FS) (config, error) {
	c, err := readArchitecture(fsys)
	if err != nil {
		return c, err
	}
	for _, read := range []func(fs.FS) error{c.readModules, c.readPooling, c.readLength} {
		if err := read(fsys); err != nil {
			return c, err
		}
	}
	return c, nil
}

// architecture is the part of config.json that matters.
type architecture struct {
	ModelType     string         `json:"model_type"`
	Architectures []string       `json:"architectures"`
	Hidden        int            `json:"hidden_size"`
	Feed          int            `json:"intermediate_size"`
	Heads         int            `json:"num_attention_heads"`
	Layers        int            `json:"num_hidden_layers"`
	Vocabulary    int            `json:"vocab_size"`
	Positions     int            `json:"max_position_embeddings"`
	Types         int            `json:"type_vocab_size"`
	Epsilon       *float64       `json:"layer_norm_eps"`
	Activation    string         `json:"hidden_act"`
	PositionKind  string         `json:"position_embedding_type"`
	Labels        map[string]any `json:"id2label"`
	LabelCount    *int           `json:"num_labels"`
}

func readArchitecture(fsys fs.FS) (config, error) {
	var a architecture
	ok, err := readJSON(fsys, configFile, &a)
	if err != nil {
		return config{}, err
	}
	if !ok {
		return config{}, missing(configFile, "the directory is no model in HuggingFace's form")
	}
	if a.ModelType != "bert" {
		return config{}, unsupported(configFile, "the model is of the type %q, this package runs \"bert\"", clip(a.ModelType))
	}
	if a.Activation != "gelu" && a.Activation != "" {
		return config{}, unsupported(configFile, "hidden_act is %q, this package has \"gelu\"", clip(a.Activation))
	}
	if a.PositionKind != "absolute" && a.PositionKind != "" {
		return config{}, unsupported(configFile, "position_embedding_type is %q, this package has \"absolute\"", clip(a.PositionKind))
	}
	if err := a.check(); err != nil {
		return config{}, err
	}
	c := config{
		hidden: a.Hidden, feed: a.Feed, heads: a.Heads, layers: a.Layers,
		vocabulary: a.Vocabulary, positions: a.Positions, types: a.Types,
		epsilon: 1e-12, maxTokens: a.Positions,
	}
	if a.Epsilon != nil {
		c.epsilon = *a.Epsilon
	}
	return c, c.readHead(a)
}

func (a architecture) check() error {
	for _, n := range []struct {
		name        string
		value, most int
	}{
		{"hidden_size", a.Hidden, maxWidth},
		{"intermediate_size", a.Feed, maxWidth},
		{"num_attention_heads", a.Heads, maxWidth},
		{"num_hidden_layers", a.Layers, maxLayers},
		{"vocab_size", a.Vocabulary, maxRows},
		{"max_position_embeddings", a.Positions, maxRows},
		{"type_vocab_size", a.Types, maxRows},
	} {
		if n.value < 1 {
			return malformed(configFile, "%s is %d or not there", n.name, n.value)
		}
		if n.value > n.most {
			return tooLarge(configFile, "%s is %d, the limit is %d", n.name, n.value, n.most)
		}
	}
	if a.Hidden%a.Heads != 0 {
		return malformed(configFile, "hidden_size %d is no multiple of num_attention_heads %d", a.Hidden, a.Heads)
	}
	if e := a.Epsilon; e != nil && !(*e >= 0 && *e < 1) {
		return malformed(configFile, "layer_norm_eps is %v", *e)
	}
	return nil
}

// readHead chooses the head by the architecture's name.
func (c *config) readHead(a architecture) error {
	name := "BertModel"
	if len(a.Architectures) > 0 {
		name = a.Architectures[0]
	}
	switch name {
	case "BertModel", "BertForMaskedLM", "BertForPreTraining":
		return nil
	case "BertForSequenceClassification":
	default:
		return unsupported(configFile, "the architecture is %q", clip(name))
	}
	c.classifies, c.classes = true, 2
	if len(a.Labels) > 0 {
		c.classes = len(a.Labels)
	}
	if a.LabelCount != nil {
		c.classes = *a.LabelCount
	}
	if c.classes < 1 || c.classes > maxWidth {
		return malformed(configFile, "the number of labels is %d", c.classes)
	}
	return nil
}

// readModules reads which modules sentence-transformers would run. Without the
// file the vector is the mean of the states, as it is there, and has length 1.
func (c *config) readModules(fsys fs.FS) error {
	var modules []struct {
		Type string `json:"type"`
		Path string `json:"path"`
	}
	ok, err := readJSON(fsys, modulesFile, &modules)
	if err != nil {
		return err
	}
	c.normalise = !ok
	for _, m := range modules {
		switch kind := m.Type[strings.LastIndexByte(m.Type, '.')+1:]; kind {
		case "Transformer":
			if m.Path != "" && m.Path != "." {
				return unsupported(modulesFile, "the transformer is in %q, not in the directory itself", clip(m.Path))
			}
		case "Pooling":
			if path.Clean(m.Path) != path.Dir(poolingFile) {
				return unsupported(modulesFile, "the pooling is in %q, not in %q", clip(m.Path), path.Dir(poolingFile))
			}
		case "Normalize":
			c.normalise = true
		default:
			return unsupported(modulesFile, "the module %q is not known", clip(kind))
		}
	}
	return nil
}

// readPooling reads the pooling; without the file it is the mean.
func (c *config) readPooling(fsys fs.FS) error {
	var modes map[string]any
	if _, err := readJSON(fsys, poolingFile, &modes); err != nil {
		return err
	}
	count := 0
	for key, value := range modes {
		if on, _ := value.(bool); !on || !strings.HasPrefix(key, "pooling_mode_") {
			continue
		}
		count++
		switch key {
		case "pooling_mode_mean_tokens":
			c.pooling = poolMean
		case "pooling_mode_cls_token":
			c.pooling = poolCLS
		default:
			return unsupported(poolingFile, "%q is on, this package has the mean and the first token", clip(key))
		}
	}
	if count > 1 {
		return unsupported(poolingFile, "%d modes are on, this package has one at a time", count)
	}
	if mode, ok := modes["pooling_mode"].(string); ok {
		switch mode {
		case "mean":
			c.pooling = poolMean
		case "cls":
			c.pooling = poolCLS
		default:
			return unsupported(poolingFile, "pooling_mode is %q, this package has the mean and the first token", clip(mode))
		}
	}
	return nil
}

// readLength reads how long a text may be. sentence-transformers' own file counts
// before tokenizer_config.json; the length that tokenizer.json declares is not
// read, because exports leave the one of the training there.
func (c *config) readLength(fsys fs.FS) error {
	var s struct {
		Length *int `json:"max_seq_length"`
	}
	if _, err := readJSON(fsys, sentenceFile, &s); err != nil {
		return err
	}
	var t struct {
		Length *float64 `json:"model_max_length"` // 1e30 stands for none
	}
	if _, err := readJSON(fsys, flagsFile, &t); err != nil {
		return err
	}
	file, length := sentenceFile, float64(c.positions)
	switch {
	case s.Length != nil:
		length = float64(*s.Length)
	case t.Length != nil:
		file, length = flagsFile, *t.Length
	}
	if length < 3 {
		return malformed(file, "texts are cut to %v tokens, of which the special ones alone take 2", length)
	}
	c.maxTokens = int(min(length, float64(c.positions)))
	return nil
}
