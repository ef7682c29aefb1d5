package main

import (
	"regexp"
	"strings"
)

// flagOf names the flag behind an option of the library, for messages: who runs
// this program has set flags.
func flagOf() map[string]string {
	return map[string]string{
		"BaseURL": "-upstream", "Dialect": "-dialect", "NoKey": "an empty -key-env", "AllowPlainHTTP": "-allow-plain-http",
		"Concurrency": "-concurrency", "Timeout": "-timeout", "SendBlank": "-blank score",
		"Requests": "-rpm", "Tokens": "-tpm",
		"Documents": "-shard-docs", "Calls": "-shards", "Attempts": "-attempts", "NoHedge": "-hedge off", "Wait": "-wait",
		"Models": "-model", "Keys": "-client-key-env", "Hosts": "-hosts", "Origins": "-origins", "Attributes": "-pass",
		"MaxDocuments": "-max-documents", "MaxBytes": "-max-bytes", "MaxInFlight": "-max-in-flight", "MaxHeld": "-max-held",
		"Partial": "-partial", "Blank": "-blank", "AllowExtra": "-allow-extra",
	}
}

var optionWord = regexp.MustCompile(`\b(?:options? )?(?:(?:Shard|Endpoint|Handler)?Options\.)?([A-Z][A-Za-z]+)\b`)

// flagError is an error of the library in the words of the command line.
type flagError struct {
	text string
	err  error
}

// Error returns the text.
func (e *flagError) Error() string { return e.text }

// Unwrap returns the library's error.
func (e *flagError) Unwrap() error { return e.err }

// inFlags puts flags in the place of option names; nil stays nil.
func inFlags(err error) error {
	if err == nil {
		return nil
	}
	flags := flagOf()
	text := optionWord.ReplaceAllStringFunc(err.Error(), func(word string) string {
		if flag, ok := flags[optionWord.FindStringSubmatch(word)[1]]; ok {
			return flag
		}
		return word
	})
	text = strings.ReplaceAll(text, "dialect \"", "-dialect \"")
	text = strings.ReplaceAll(text, "pass one, or set an empty -key-env", "name its variable by -key-env, or leave -key-env out")
	text = strings.ReplaceAll(text, "pass the key to New", "name the key's variable by -key-env")
	return &flagError{text, err}
}
