package llmjudge

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
)

// Journal keeps the answers of a model in a file, so that judging which was stopped
// goes on and nothing is paid for twice. It is safe for concurrent use.
type Journal struct {
	model pipeline.Generator
	name  string

	mu    sync.Mutex
	file  *os.File
	known map[string][]string // answers by prompt that were not given yet
	kept  int
}

// answer is a line of the file.
type answer struct {
	Prompt string `json:"prompt"` // SHA-256 of model and prompt
	Answer string `json:"answer"`
}

// OpenJournal opens or makes the file, its folder too, and puts it before a model. name is the
// model's: answers of another one are not used. The last line of a file may be cut
// short, as after a crash; what is wrong elsewhere is an error.
func OpenJournal(path string, model pipeline.Generator, name string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("llmjudge: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("llmjudge: %w", err)
	}
	j := &Journal{model: model, name: name, file: file, known: map[string][]string{}}
	if err := j.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("llmjudge: read %s: %w", path, err), file.Close())
	}
	return j, nil
}

// read fills known and leaves the file where the next answer is to be written.
func (j *Journal) read() error {
	r := bufio.NewReader(j.file)
	good := int64(0)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // of a line that was cut short nothing is used
		}
		if err != nil {
			return err
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			return fmt.Errorf("byte %d: %w", good, err)
		}
		j.known[a.Prompt] = append(j.known[a.Prompt], a.Answer)
		j.kept++
		good += int64(len(line))
	}
	if err := j.file.Truncate(good); err != nil {
		return err
	}
	_, err := j.file.Seek(good, io.SeekStart)
	return err
}

// Kept is how many answers the file held when it was opened.
func (j *Journal) Kept() int { return j.kept }

// Generate returns an answer of the file for the prompt, each of them once, and asks
// the model when there is none left.
func (j *Journal) Generate(ctx context.Context, prompt string) (string, error) {
	digest := sha256.Sum256([]byte(j.name + "\x00" + prompt))
	key := hex.EncodeToString(digest[:])
	if text, ok := j.take(key); ok {
		return text, nil
	}
	text, err := j.model.Generate(ctx, prompt)
	if err != nil {
		return "", err
	}
	return text, j.write(answer{Prompt: key, Answer: text})
}

func (j *Journal) take(key string) (string, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.known[key]
	if len(list) == 0 {
		return "", false
	}
	j.known[key] = list[1:]
	return list[0], true
}

func (j *Journal) write(a answer) error {
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("llmjudge: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("llmjudge: %w", err)
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
