package trec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

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
		c.warn("corpus.jsonl", "%d documents are empty", empty)
	}
	if repeated > 0 {
		c.warn("corpus.jsonl", "%d documents repeat the text of another: equal scores are to be expected", repeated)
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
		c.warn("qrels.tsv", "%d judgements name documents that do not exist, %d are known", dangling, c.Manifest.Dangling)
	}
}
