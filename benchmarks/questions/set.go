package questions

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Set is a collection that a model made.
type Set struct {
	// Documents are all that were given.
	Documents []trec.Document
	Questions []trec.Question
	// Train and Test are the judgements of the questions of either side, marked as
	// synthetic.
	Train, Test *trec.Qrels
	// Model names the model; Checked says that the questions were checked by one.
	Model   string
	Checked bool
	// Asked counts the documents that the model was asked about, Dropped the questions
	// that were dropped, by reason.
	Asked   int
	Dropped map[Reason]int
}

// losses says in a line what was dropped.
func (s *Set) losses() string {
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(s.Dropped)) {
		parts = append(parts, fmt.Sprintf("%d %s", s.Dropped[r], r))
	}
	if len(parts) == 0 {
		return "none dropped"
	}
	return strings.Join(parts, ", ")
}

// String says in a line what was made and dropped.
func (s *Set) String() string {
	return fmt.Sprintf("%s of %s (%d for testing, %d for tuning); dropped: %s",
		wording.Count(len(s.Questions), "question"), wording.Count(s.Asked, "document"), len(s.Test.Topics), len(s.Train.Topics), s.losses())
}

// Write writes the set into a folder in BEIR form, as trec.NewCollection does, with
// an ABOUT.md that says what it measures.
func (s *Set) Write(dir string) error {
	made := trec.NewCollection{
		Manifest:  trec.Manifest{Name: filepath.Base(dir) + " (synthetic: questions of a model)"},
		Documents: s.Documents, Questions: s.Questions, Qrels: s.Test, Train: s.Train, About: s.about(),
	}
	if err := made.Write(dir); err != nil {
		return fmt.Errorf("questions: %w", err)
	}
	return nil
}

func (s *Set) about() string {
	checked := "No model checked that the documents answer them."
	if s.Checked {
		checked = "A model said of each that its document answers it."
	}
	return fmt.Sprintf(`# Questions of a model: a synthetic test collection

The model %s was asked about %d of the %d documents and wrote the %d questions; the document is the only answer that counts.
Dropped: %s. %s

It measures whether a document is found by a question that a model made from it. Such questions use the document's words more than users
do, they ask what the document says and not what users want to know, and other documents that answer them count as wrong. Compare settings
of one system with it; do not quote its figures as the quality of a system, and do not compare the model's own ranking with others.
%d questions are for testing (qrels.tsv), %d for tuning (qrels.train.tsv); no source is on both sides.
`, cmp.Or(s.Model, "(not named)"), s.Asked, len(s.Documents), len(s.Questions), s.losses(), checked, len(s.Test.Topics), len(s.Train.Topics))
}
