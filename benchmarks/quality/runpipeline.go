package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/pipeline/config"
)

// isPipeline tells the file of a pipeline from that of an experiment: an experiment
// is JSON with systems.
func isPipeline(name string, raw []byte) bool {
	if ending := filepath.Ext(name); ending == ".yaml" || ending == ".yml" {
		return true
	}
	var known struct {
		Chain       json.RawMessage `json:"chain"`
		Systems     json.RawMessage `json:"systems"`
		Collections json.RawMessage `json:"collections"`
	}
	return json.NewDecoder(bytes.NewReader(raw)).Decode(&known) == nil && known.Chain != nil && known.Systems == nil && known.Collections == nil
}

// pipelineConfig is an experiment with one system, the pipeline of a file.
func pipelineConfig(name, on, measures string) (runConfig, error) {
	collections := fileNames(on)
	if len(collections) == 0 {
		return runConfig{}, usage("-config %s is the file of a pipeline: name the collections to measure it on with -on", name)
	}
	system := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	c := runConfig{
		Name: system, Collections: collections, Measures: fileNames(measures), folder: filepath.Dir(name),
		Systems: []systemConfig{{Name: system, Pipeline: filepath.Base(name)}},
	}
	return c, c.check()
}

// servedFiles are the pipelines of an experiment that stand in files of their own.
type servedFiles struct{ *experimenter }

// files are the files of the pipelines, each once.
func (e servedFiles) files() []string {
	var files []string
	for _, s := range e.config.Systems {
		if file := e.config.path(s.Pipeline); s.Pipeline != "" && !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	return files
}

// servers lists what asks a server in the pipelines' files. What that costs is not
// known before.
func (e servedFiles) servers() ([]string, error) {
	var asks []string
	for _, file := range e.files() {
		names, err := config.Uses(file, stores.Kinds()...)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if slices.Contains([]string{"nebius", "embeddings", "language-model"}, name) {
				asks = append(asks, fmt.Sprintf("%s in %s", name, file))
			}
		}
	}
	return asks, nil
}

// digest changes with every byte of the pipelines' files, so that no stopped
// run goes on under another one.
func (e servedFiles) digest() (string, error) {
	files := e.files()
	if len(files) == 0 {
		return "", nil
	}
	hash := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%q %q\n", file, text)
	}
	return fmt.Sprintf(" %x", hash.Sum(nil)), nil
}
