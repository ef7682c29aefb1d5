package questions

import (
	"strings"
	"unicode"
)

// Reason says why a question was dropped.
type Reason string

// The reasons.
const (
	// NoAnswer: the model answered with nothing that could be read as a question.
	NoAnswer Reason = "nothing readable"
	// Length: it has too few or too many words.
	Length Reason = "too short or too long"
	// Pointing: it points at the text ("in this passage"), which a user does not have.
	Pointing Reason = "points at the text"
	// Copied: it repeats a long stretch of the document.
	Copied Reason = "copies the text"
	// Repeated: several documents led to it, so that it has no one answer.
	Repeated Reason = "asked of several documents"
	// Unanswered: the checking model says that the document does not answer it.
	Unanswered Reason = "not answered by the text"
)

// Pointers are phrases by which a question points at the text that it was made of,
// in lower case, words apart by one space. They are English; give others for other
// languages.
func Pointers() []string {
	return []string{
		"the passage", "this passage", "the text", "this text", "the document", "this document", "the article", "this article", "the excerpt",
		"this excerpt", "the author", "the authors", "the paper", "this paper", "the study", "this study", "the section", "this section",
		"the given", "mentioned above", "described above", "according to the", "as described", "as mentioned", "provided context", "the context",
	}
}

// words are the runs of letters, digits and marks, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
}

// points reports whether the question has one of the phrases, as whole words.
func points(question []string, phrases []string) bool {
	text := " " + strings.Join(question, " ") + " "
	for _, p := range phrases {
		if strings.Contains(text, " "+p+" ") {
			return true
		}
	}
	return false
}

// copied is the length, in words, of the longest stretch of the question that stands
// in the document.
func copied(question, document []string) int {
	longest := 0
	row := make([]int, len(document)+1) // row[j+1]: the stretch that ends at word j
	for _, q := range question {
		above := 0
		for j, d := range document {
			kept := row[j+1]
			row[j+1] = 0
			if q == d {
				row[j+1] = above + 1
				longest = max(longest, above+1)
			}
			above = kept
		}
	}
	return longest
}

// read takes the questions out of an answer: one in each line, without numbers,
// bullets and quotes around them.
func read(answer string, most int) []string {
	var out []string
	for line := range strings.Lines(answer) {
		line = strings.TrimSpace(line)
		line = strings.TrimLeft(line, "-*• ")
		if head, rest, numbered := strings.Cut(line, " "); numbered && strings.TrimRight(head, ".):") != head && isNumber(strings.TrimRight(head, ".):")) {
			line = rest
		}
		line = strings.Join(strings.Fields(strings.Trim(strings.TrimSpace(line), `"“”«»`)), " ")
		if line != "" && len(out) < most && ends(line) {
			out = append(out, line)
		}
	}
	return out
}

func isNumber(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// ends reports whether the line ends in a question mark of any script.
func ends(line string) bool {
	greek := func(r rune) bool { return unicode.Is(unicode.Greek, r) }
	for _, mark := range []string{"?", "？", "؟", "\u037e"} {
		if strings.HasSuffix(line, mark) {
			return true
		}
	}
	return strings.HasSuffix(line, ";") && strings.ContainsFunc(line, greek)
}
