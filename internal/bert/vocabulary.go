package bert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"
)

// OpenTokenizer reads the tokenizer of a model's directory: tokenizer.json, or
// vocab.txt with tokenizer_config.json. size is the number of rows of the model's
// table of words.
func OpenTokenizer(fsys fs.FS, size int) (*Tokenizer, error) {
	data, ok, err := readFile(fsys, tokenizerFile)
	if err != nil {
		return nil, err
	}
	if ok {
		return parseTokenizer(data, size)
	}
	data, ok, err = readFile(fsys, vocabFile)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing(vocabFile, "there is neither a %s nor a %s", tokenizerFile, vocabFile)
	}
	vocabulary, err := parseVocabulary(data)
	if err != nil {
		return nil, err
	}
	flags := struct {
		Lowercase *bool `json:"do_lower_case"`
		Strip     *bool `json:"strip_accents"`
		Chinese   *bool `json:"tokenize_chinese_chars"`
	}{}
	if _, err := readJSON(fsys, flagsFile, &flags); err != nil {
		return nil, err
	}
	n := normaliser{clean: true, lowercase: value(flags.Lowercase, true), chinese: value(flags.Chinese, true)}
	n.strip = value(flags.Strip, n.lowercase)
	return newTokenizer(vocabFile, vocabulary, size, n, "[UNK]")
}

func value(given *bool, otherwise bool) bool {
	if given == nil {
		return otherwise
	}
	return *given
}

// parseVocabulary reads one token from each line; the line's number is its id.
func parseVocabulary(data []byte) (map[string]int32, error) {
	vocabulary := make(map[string]int32, bytes.Count(data, []byte{'\n'})+1)
	rest := string(data) // the tokens share its memory
	for id := int32(0); len(rest) > 0; id++ {
		line := rest
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = ""
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if !utf8.ValidString(line) {
			return nil, malformed(vocabFile, "line %d is no UTF-8", id+1)
		}
		if first, twice := vocabulary[line]; twice {
			return nil, malformed(vocabFile, "lines %d and %d are the same token", first+1, id+1)
		}
		vocabulary[line] = id
	}
	return vocabulary, nil
}

// tokenizerJSON is the part of tokenizer.json that matters.
type tokenizerJSON struct {
	Added []struct {
		Content string `json:"content"`
		Special bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer *struct {
		Type      string `json:"type"`
		Clean     *bool  `json:"clean_text"`
		Chinese   *bool  `json:"handle_chinese_chars"`
		Strip     *bool  `json:"strip_accents"`
		Lowercase *bool  `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer *struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	Model struct {
		Type       string          `json:"type"`
		Unknown    string          `json:"unk_token"`
		Prefix     string          `json:"continuing_subword_prefix"`
		MaxChars   *int            `json:"max_input_chars_per_word"`
		Vocabulary json.RawMessage `json:"vocab"`
	} `json:"model"`
}

func parseTokenizer(data []byte, size int) (*Tokenizer, error) {
	var t tokenizerJSON
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, &Error{Kind: Malformed, File: tokenizerFile, Err: err}
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	var vocabulary map[string]int32
	if err := json.Unmarshal(t.Model.Vocabulary, &vocabulary); err != nil {
		return nil, &Error{Kind: Malformed, File: tokenizerFile, Message: "the vocabulary", Err: err}
	}
	n := normaliser{clean: value(t.Normalizer.Clean, true), lowercase: value(t.Normalizer.Lowercase, true), chinese: value(t.Normalizer.Chinese, true)}
	n.strip = value(t.Normalizer.Strip, n.lowercase)
	unknown := t.Model.Unknown
	if unknown == "" {
		unknown = "[UNK]"
	}
	return newTokenizer(tokenizerFile, vocabulary, size, n, unknown)
}

// check refuses what is not BERT's tokenizer, by its name.
func (t *tokenizerJSON) check() error {
	switch m := t.Model; {
	case m.Type != "WordPiece":
		return unsupported(tokenizerFile, "the model is %q, this package has \"WordPiece\"", clip(m.Type))
	case m.Prefix != continuing && m.Prefix != "":
		return unsupported(tokenizerFile, "continuing_subword_prefix is %q", clip(m.Prefix))
	case m.MaxChars != nil && *m.MaxChars != maxWord:
		return unsupported(tokenizerFile, "max_input_chars_per_word is %d, this package has %d", *m.MaxChars, maxWord)
	case t.Normalizer == nil || t.Normalizer.Type != "BertNormalizer":
		return unsupported(tokenizerFile, "the normalizer is not \"BertNormalizer\"")
	case t.PreTokenizer == nil || t.PreTokenizer.Type != "BertPreTokenizer":
		return unsupported(tokenizerFile, "the pre_tokenizer is not \"BertPreTokenizer\"")
	}
	for _, a := range t.Added {
		if !a.Special {
			return unsupported(tokenizerFile, "the added token %q is not a special one", clip(a.Content))
		}
	}
	return nil
}

func newTokenizer(file string, vocabulary map[string]int32, size int, n normaliser, unknown string) (*Tokenizer, error) {
	t := &Tokenizer{vocabulary: vocabulary, normaliser: n}
	for token, id := range vocabulary {
		if id < 0 || int(id) >= size {
			return nil, malformed(file, "token %q has the id %d, and the model has %d tokens", clip(token), id, size)
		}
		t.longest = max(t.longest, len(token))
	}
	for token, at := range map[string]*int32{unknown: &t.unknown, "[CLS]": &t.first, "[SEP]": &t.separator} {
		id, ok := vocabulary[token]
		if !ok {
			return nil, malformed(file, "there is no token %q", clip(token))
		}
		*at = id
	}
	return t, nil
}

// describe says how texts are read, for cache keys.
func (n normaliser) describe() string {
	return fmt.Sprintf("clean %t, lowercase %t, strip %t, chinese %t", n.clean, n.lowercase, n.strip, n.chinese)
}
