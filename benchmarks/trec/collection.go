package trec

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
)

// Document is an entry of a collection's corpus.
type Document struct {
	ID       string         `json:"_id"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Question is an entry of a collection's queries.
type Question struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
}

// Collection is a folder in BEIR form: corpus.jsonl, queries.jsonl and
// qrels.tsv, each plain or with the ending .gz or .zst, and perhaps a
// manifest.json.
type Collection struct {
	Dir      string
	Manifest Manifest
	// Questions and Qrels are read at once; the corpus is read by Documents.
	Questions []Question
	Qrels     *Qrels
	// Problems lists what is odd about the data: violations of the manifest,
	// judgements of unknown topics, empty queries.
	Problems []Problem
}

// Manifest says what a collection promises about itself. A zero field promises
// nothing.
type Manifest struct {
	Name    string `json:"name"`
	Licence string `json:"licence"`
	// Documents, Queries and Judgements are counts.
	Documents  int `json:"documents"`
	Queries    int `json:"queries"`
	Judgements int `json:"judgements"`
	// SHA256 holds, by file name, the digest of the file as it lies there.
	SHA256 map[string]string `json:"sha256"`
	// Level is the lowest grade that counts as relevant in measures of binary
	// relevance; 0 stands for 1.
	Level int `json:"level"`
	// DropSelf says that a query is also a document of the corpus, under the
	// same id, and must be taken out of its own results.
	DropSelf bool `json:"dropSelf"`
	// Dangling is the number of judgements whose document does not exist.
	Dangling int `json:"dangling"`
}

// OpenCollection reads the queries, judgements and manifest of a folder.
func OpenCollection(dir string, o Options) (*Collection, error) {
	c := &Collection{Dir: dir}
	if err := c.readManifest(); err != nil {
		return nil, err
	}
	for q, err := range Questions(c.path("queries.jsonl"), o) {
		if err != nil {
			return nil, err
		}
		c.Questions = append(c.Questions, q)
	}
	var err error
	if c.Qrels, err = ReadQrelsFile(c.path("qrels.tsv"), o); err != nil {
		return nil, err
	}
	c.Problems = append(c.Problems, c.Qrels.Problems...)
	return c, c.check()
}

// Documents reads the corpus. It yields an error with file and line for a
// malformed entry, an empty id or one that was seen before, and ends there.
func (c *Collection) Documents() iter.Seq2[Document, error] {
	return Documents(c.path("corpus.jsonl"), Options{})
}

// path finds a file by its name without a compression ending.
func (c *Collection) path(name string) string {
	for _, ending := range []string{"", ".gz", ".zst"} {
		file := filepath.Join(c.Dir, name+ending)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return filepath.Join(c.Dir, name)
}

func (c *Collection) readManifest() error {
	raw, err := os.ReadFile(filepath.Join(c.Dir, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		c.Manifest.Name = filepath.Base(c.Dir)
		return nil
	}
	if err != nil {
		return fmt.Errorf("trec: %w", err)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c.Manifest); err != nil {
		return fmt.Errorf("trec: %s: %w", filepath.Join(c.Dir, "manifest.json"), err)
	}
	return nil
}

// Questions reads queries.jsonl. Errors are as in Collection.Documents.
func Questions(name string, o Options) iter.Seq2[Question, error] {
	return readEntries(name, o, func(q Question) string { return q.ID })
}

// Documents reads corpus.jsonl. Errors are as in Collection.Documents; with
// Options.Lenient entries in error are left out in silence.
func Documents(name string, o Options) iter.Seq2[Document, error] {
	return readEntries(name, o, func(d Document) string { return d.ID })
}

func readEntries[T any](name string, o Options, id func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		f, err := Open(name)
		if err != nil {
			yield(none, err)
			return
		}
		defer f.Close()
		scan := bufio.NewScanner(f)
		scan.Buffer(make([]byte, 1<<16), 1<<28)
		seen := map[string]struct{}{}
		for line := 1; scan.Scan(); line++ {
			if len(strings.TrimSpace(scan.Text())) == 0 {
				continue
			}
			entry, err := parseEntry(scan.Bytes(), id, seen)
			if err != nil && o.Lenient {
				continue
			}
			if err != nil {
				yield(none, Problem{File: name, Line: line, Text: err.Error()})
				return
			}
			if !yield(entry, nil) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(none, fmt.Errorf("trec: read %s: %w", name, err))
		}
	}
}

func parseEntry[T any](raw []byte, id func(T) string, seen map[string]struct{}) (T, error) {
	var entry T
	if err := json.Unmarshal(raw, &entry); err != nil {
		return entry, err
	}
	name := id(entry)
	if name == "" {
		return entry, errors.New("entry without _id")
	}
	if _, again := seen[name]; again {
		return entry, fmt.Errorf("id %s stands here a second time", name)
	}
	seen[name] = struct{}{}
	return entry, nil
}

// check compares what was read with the manifest and lists what is odd.
func (c *Collection) check() error {
	c.count("queries", c.Manifest.Queries, len(c.Questions))
	judged := 0
	for _, t := range c.Qrels.Topics {
		judged += len(t.Judged)
	}
	c.count("judgements", c.Manifest.Judgements, judged)
	c.checkTopics()
	return c.checkDigests()
}

func (c *Collection) count(what string, promised, found int) {
	if promised != 0 && promised != found {
		c.warn("manifest.json", "promises %d %s, there are %d", promised, what, found)
	}
}

func (c *Collection) warn(file, format string, args ...any) {
	c.Problems = append(c.Problems, Problem{File: filepath.Join(c.Dir, file), Text: fmt.Sprintf(format, args...), Warning: true})
}

func (c *Collection) checkTopics() {
	asked := map[string]bool{}
	for _, q := range c.Questions {
		asked[q.ID] = true
		if strings.TrimSpace(q.Text) == "" {
			c.warn("queries.jsonl", "query %s is empty", q.ID)
		}
		if _, ok := c.Qrels.Topic(q.ID); !ok {
			c.warn("queries.jsonl", "query %s has no judgements", q.ID)
		}
	}
	for _, t := range c.Qrels.Topics {
		if !asked[t.ID] {
			c.warn("qrels.tsv", "topic %s is judged and not asked", t.ID)
		}
	}
}

func (c *Collection) checkDigests() error {
	for _, name := range slices.Sorted(maps.Keys(c.Manifest.SHA256)) {
		f, err := os.Open(filepath.Join(c.Dir, name))
		if err != nil {
			return fmt.Errorf("trec: manifest: %w", err)
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return fmt.Errorf("trec: manifest: %w", err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, c.Manifest.SHA256[name]) {
			c.warn(name, "SHA-256 is %s, the manifest promises %s", got, c.Manifest.SHA256[name])
		}
	}
	return nil
}

// Verify reads the corpus and returns what is odd about it in the light of the
// judgements: documents that are judged and do not exist, empty and repeated
// texts, a count that the manifest contradicts. It costs one pass over the
// corpus.
func (c *Collection) Verify() ([]Problem, error) {
	before := len(c.Problems)
	known := map[string]struct{}{}
	texts := map[[32]byte]struct{}{}
	empty, repeated := 0, 0
	for d, err := range c.Documents() {
		if err != nil {
			return nil, err
		}
		known[d.ID] = struct{}{}
		if strings.TrimSpace(d.Title+d.Text) == "" {
			empty++
			continue
		}
		digest := sha256.Sum256([]byte(d.Title + "\x00" + d.Text))
		if _, again := texts[digest]; again {
			repeated++
		}
		texts[digest] = struct{}{}
	}
	c.count("documents", c.Manifest.Documents, len(known))
	if empty > 0 {
		c.warn("corpus.jsonl", "%s %s empty", wording.Count(empty, "document"), wording.Are(empty))
	}
	if repeated > 0 {
		c.warn("corpus.jsonl", "%s %s the text of another: equal scores are to be expected", wording.Count(repeated, "document"), wording.Verb(repeated, "repeats", "repeat"))
	}
	c.checkDangling(known)
	found := slices.Clone(c.Problems[before:])
	return found, nil
}

func (c *Collection) checkDangling(known map[string]struct{}) {
	dangling := 0
	for _, t := range c.Qrels.Topics {
		for _, j := range t.Judged {
			if _, ok := known[j.Document]; !ok {
				dangling++
			}
		}
	}
	if dangling != c.Manifest.Dangling {
		c.warn("qrels.tsv", "%s %s a document that does not exist, %d %s known", wording.Count(dangling, "judgement"), wording.Verb(dangling, "names", "name"), c.Manifest.Dangling, wording.Are(c.Manifest.Dangling))
	}
}
