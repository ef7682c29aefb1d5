package chat

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// ownTags would end a block of the prompt, or begin one.
	ownTags = regexp.MustCompile(`(?i)[<＜]([\s\p{Cf}]*/?[\s\p{Cf}]*passage)`)
	// modelMarks are what models take for the border of a message.
	modelMarks = regexp.MustCompile(`(?i)<(\||/?s>|/?\s*(?:system|im_start|im_end|start_of_turn|end_of_turn|<sys>))|\[(/?INST\])`)
)

// Fenced returns a text that cannot leave the block of a prompt in which it
// stands: "<" before "passage" and before the marks of models is written "‹", and
// characters that nobody sees (controls, the tags of Unicode, marks that change
// the direction of text) are left out. Everything else stays as it is, code too.
func Fenced(text string) string {
	text = strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, text)
	text = ownTags.ReplaceAllString(text, "‹$1")
	return modelMarks.ReplaceAllStringFunc(text, func(mark string) string {
		if inner, ok := strings.CutPrefix(mark, "["); ok {
			return "⟦" + inner
		}
		return "‹" + mark[1:]
	})
}

func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r):
		return true
	case r >= 0xE0000 && r <= 0xE007F, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0xFEFF, r == 0x200B, r == 0x2060:
		return true
	}
	return false
}

// attribute returns a value on one line that cannot leave its quotes, at most 200
// characters of it.
func attribute(value string) string {
	value = strings.Join(strings.Fields(Fenced(value)), " ")
	value = strings.NewReplacer(`"`, "'", "<", "‹", ">", "›").Replace(value)
	if runes := []rune(value); len(runes) > 200 {
		value = string(runes[:199]) + "…"
	}
	return value
}

// suspicions are ways to speak to a model instead of to a reader.
var suspicions = []struct {
	reason  string
	pattern *regexp.Regexp
}{
	{"it tells the reader to ignore instructions", regexp.MustCompile(`(?i)\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding|all|any|your|these|those|system)\b[^.\n]{0,40}\b(?:instructions?|prompts?|rules?|guidelines?|directions?|messages?)\b`)},
	{"it gives the reader another role", regexp.MustCompile(`(?i)\b(?:you are now|from now on,? you|act as|pretend (?:to be|you are)|new (?:system )?(?:instructions?|prompt)\s*:)`)},
	{"it asks for the prompt or for secrets", regexp.MustCompile(`(?i)\b(?:reveal|print|repeat|show|output|leak|send)\b[^.\n]{0,30}\b(?:system prompt|your (?:instructions?|prompt|rules)|api[ _-]?keys?|passwords?|credentials)\b`)},
	{"it speaks to the model", regexp.MustCompile(`(?i)\b(?:attention|note|message|instructions?)\b[^.\n]{0,15}\b(?:to|for)\b[^.\n]{0,10}\b(?:the )?(?:ai|llm|language model|assistant|chat ?bot|gpt)\b`)},
	{"it has marks of a model's messages", regexp.MustCompile(`(?i)<\|[a-z_]+\|>|\[/?INST\]|<<SYS>>|^\s*(?:system|assistant)\s*:`)},
	{"it ends a block of a prompt", regexp.MustCompile(`(?i)</\s*(?:passage|context|document|system|instructions?)s?\s*>`)},
	{"it hides characters", regexp.MustCompile(`[\x{E0000}-\x{E007F}]|[\x{202A}-\x{202E}\x{2066}-\x{2069}]`)},
}

// Suspicious reports whether a text speaks to a model instead of to a reader, and
// why. It knows common forms in English and is a hint: it misses what is said in
// another way, and finds articles about such attacks too. Before a prompt it
// stands in a cut:
//
//	cut.Where(func(d pipeline.Document) bool { _, bad := chat.Suspicious(d.Text); return !bad })
func Suspicious(text string) (reason string, suspicious bool) {
	for _, s := range suspicions {
		if s.pattern.MatchString(text) {
			return s.reason, true
		}
	}
	return "", false
}
