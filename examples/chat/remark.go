package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline/chat"
)

// remark is what people say to a chat that is no question to the documents.
type remark uint8

const (
	noRemark  remark = iota
	greeting         // "hello"
	thanks           // "thanks", "ok"
	who              // "who are you?"
	again            // "show me the first again"
	summary          // "can you summarise what you said?"
	translate        // "in German please"
	more             // "tell me more", "what about the other one?"
)

// remarks are the ways to say each, in the languages in which people do so
// everywhere; the whole text has to match.
var remarks = []struct {
	remark  remark
	pattern *regexp.Regexp
}{
	{greeting, whole(`(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)|moin|servus|grüß gott|bonjour|salut|bonsoir|hola|buen[oa]s \w+|ciao|buongiorno|olá|你好|您好|こんにちは)(?: there| everybody| everyone| all| again)?`)},
	{thanks, whole(`(?:(?:ok|okay|great|perfect|good|nice|cool|super|alright|all right|got it|i see|understood|yes|no|aha|ah|hm+|wow|bye|goodbye|see you|tschüss|thanks|thank you|thx|ty|cheers|danke|vielen dank|dankeschön|merci|gracias|grazie|obrigado|obrigada|谢谢|好的|ありがとう)[,!. ]*(?:very much|so much|a lot|schön|sehr|beaucoup|mille|that helps?|that was helpful)?[,!. ]*)+`)},
	{who, whole(`(?:who|what) are you|what(?: else)? can you do(?: for me)?|how do you work|help|what do you know(?: about)?|are you (?:a |an )?(?:bot|human|ai|machine|robot)|wer bist du|was kannst du|qui es[- ]tu|你是谁`)},
	{summary, whole(`(?:please |can you |could you )*(?:summari[sz]e|sum up|recap)(?: (?:that|this|it|everything|what you (?:have )?said|what we (?:have )?(?:said|talked about|discussed)|(?:the|this|our) (?:conversation|chat|talk|discussion|answers?)|your answers?))?(?: (?:so far|please|for me|again))*|what have (?:we|you) (?:said|talked about|discussed)(?: so far)?`)},
	{translate, whole(`(?:and |now |please |can you |could you |kannst du )*(?:(?:say|answer|tell me|repeat|write|explain|translate)(?: (?:that|this|it|your answer))? ?)?(?:in|into|to|auf|ins|en) (?:german|english|french|spanish|italian|dutch|portuguese|polish|russian|chinese|japanese|korean|arabic|hindi|turkish|deutsche?|englische?|französische?|spanische?|français|anglais|español|inglés)(?:,? (?:please|bitte|again))*|auf deutsch,? bitte`)},
	{again, whole(`(?:please |can you |could you |and )*(?:show|give|say|repeat|read|tell|open|quote)(?: me)?(?: (?:that|this|it|your answer|the (?:last |` + ordinals + `)?(?:answer|source|passage|quote|one)?|the ` + ordinals + `|(?:source|passage|number)? ?\[?\d{1,3}\]?))*(?: (?:again|once more|please|full|whole|text))+|repeat(?: (?:that|this|it|your answer|the last answer|please))*|(?:show|open|read)(?: me)? (?:source |passage |number )?\[?\d{1,3}\]?|(?:and )?(?:what (?:was|is|did) )?the ` + ordinals + `(?: (?:one|source|passage|quote))?(?: again)?|(?:zeig(?:e|st)?|wiederhole?)(?: (?:du|mir|bitte|das|die|den|es))*(?: ` + germanOrdinals + `)?(?: (?:quelle|antwort|stelle|noch ?(?:ein)?mal|bitte))*|noch ?(?:ein)?mal(?: bitte)?|encore une fois`)},
	{more, whole(`(?:please |can you |could you |and )*(?:(?:tell|show|give)(?: me)? (?:some |a bit |a little )?(?:more|further)(?: (?:about|on) (?:that|this|it)| details?| information| please)*|more(?: details?| please| information)*|go on|continue|what else|anything else|elaborate|mehr(?: dazu)?|weiter|encore|more examples?)|(?:and )?(?:what|how) about the (?:other|next) (?:one|ones|two)|(?:and )?the (?:other|next) (?:one|ones|two)`)},
}

const ordinals = `(?:first|second|third|fourth|fifth|sixth|last|previous|1st|2nd|3rd|4th|5th|6th)`

const germanOrdinals = `(?:erste|zweite|dritte|vierte|fünfte|sechste|letzte)[nrs]?`

func whole(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)^\s*(?:` + pattern + `)[\s?!.…,:)]*$`)
}

func remarkOf(question string) remark {
	for _, r := range remarks {
		if r.pattern.MatchString(question) {
			return r.remark
		}
	}
	return noRemark
}

// cited returns the numbers that an answer cites, in order, each once.
func cited(answer string) []int {
	var list []int
	for _, c := range chat.Check(answer, chat.Prompt{}).Citations {
		if !slices.Contains(list, c.Number) {
			list = append(list, c.Number)
		}
	}
	return list
}

// lastCiting returns the newest answer that cites something, "" if there is none.
func lastCiting(c *chat.Conversation) string {
	for _, turn := range slices.Backward(c.Turns) {
		if turn.Role == "assistant" && cited(turn.Text) != nil {
			return turn.Text
		}
	}
	return ""
}

var (
	ordinal  = regexp.MustCompile(`(?i)\b(?:` + ordinals + `|` + germanOrdinals + `)(?:\s|[?.!]|$)`)
	numeral  = regexp.MustCompile(`\d{1,3}`)
	ordinary = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6,
		"erste": 1, "zweite": 2, "dritte": 3, "vierte": 4, "fünfte": 5, "sechste": 6}
)

// repeated shows the passage that is meant, or the last answer with sources.
func repeated(c *chat.Conversation, question string) string {
	answer := lastCiting(c)
	if answer == "" {
		return "There is nothing to show again: no answer of this chat had a source."
	}
	numbers := cited(answer)
	var number int
	switch word := strings.TrimRight(strings.ToLower(ordinal.FindString(question)), " ?.!\n"); {
	case word == "" && !numeral.MatchString(question), strings.Contains(strings.ToLower(question), "answer"):
		return answer
	case word == "":
		number, _ = strconv.Atoi(numeral.FindString(question))
	case word == "last" || word == "previous" || strings.HasPrefix(word, "letzte"):
		number = numbers[len(numbers)-1]
	default:
		place := ordinary[strings.TrimRight(word, "nrs")]
		if place == 0 {
			place = ordinary[word]
		}
		if place == 0 {
			place, _ = strconv.Atoi(word[:1])
		}
		if place > len(numbers) {
			return fmt.Sprintf("My last answer has no source at that place: it cites %d.", len(numbers))
		}
		number = numbers[place-1]
	}
	p, ok := c.Passage(number)
	if !ok {
		return fmt.Sprintf("This chat has no source %d.", number)
	}
	return p.Title + ":\n\n" + quoted(p)
}

// quoted quotes the beginning of a passage.
func quoted(p chat.Passage) string {
	var b strings.Builder
	n := 0
	for _, s := range prose.Sentences(p.Text) {
		if text := s.In(p.Text); quotable(text) && n < 5 {
			fmt.Fprintf(&b, "> %s [%d]\n\n", shownAs(text), p.Number)
			n++
		}
	}
	if n == 0 {
		return fmt.Sprintf("It has no sentence to quote: open it at [%d].", p.Number)
	}
	return strings.TrimSpace(b.String())
}

// told lists the first quote of the newest answers.
func told(c *chat.Conversation) string {
	var lines []string
	for i, turn := range slices.Backward(c.Turns) {
		if turn.Role != "assistant" || i == 0 || len(lines) == 6 {
			continue
		}
		line, _, _ := strings.Cut(turn.Text, "\n")
		if quote, ok := strings.CutPrefix(line, "> "); ok && cited(line) != nil {
			lines = append(lines, fmt.Sprintf("- %s %s", oneLine(c.Turns[i-1].Text), quote))
		}
	}
	if lines == nil {
		return "Nothing has been answered from the documents yet."
	}
	slices.Reverse(lines)
	return "Without a language model I can only repeat what I quoted:\n\n" + strings.Join(lines, "\n")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
