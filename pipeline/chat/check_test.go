package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// evidence is a prompt with three passages.
func evidence(t *testing.T) chat.Prompt {
	t.Helper()
	return assemble(t, ranked(
		doc("vault", "The vault opens at nine o'clock. It is “never” opened — not even for kings — on Sundays."),
		doc("key", "Two keys  are needed:\n the warden's and the clerk's."),
		doc("道", "鍵は二つ必要です。日曜日には開きません。"),
	), chat.Options{})
}

func TestCitations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer   string
		numbers  []int
		invented []int
	}{
		"single":                          {"It opens at nine [1].", []int{1}, nil},
		"several in brackets":             {"Yes [1, 2]. And [2;3].", []int{1, 2, 2, 3}, nil},
		"one after the other":             {"Yes [1][2].", []int{1, 2}, nil},
		"a range":                         {"Yes [1-3]. No [1–2].", []int{1, 2, 3, 1, 2}, nil},
		"a range that is too wide":        {"Yes [1-90].", []int{1, 90}, []int{90}},
		"other brackets":                  {"Yes 【2】 and 【3†source】 and [^1].", []int{2, 3, 1}, nil},
		"invented":                        {"Yes [4], [0], [4] and [2024].", []int{4, 0, 4, 2024}, []int{4, 0, 2024}},
		"in code they are none":           {"Use `a[1]` and\n```go\nb[2] = 1\n```\nfine [3].", []int{3}, nil},
		"in a fence that has not ended":   {"Use\n```go\nb[2] = 1", nil, nil},
		"an open backquote opens nothing": {"It's 5` long [1].", []int{1}, nil},
		"not numbers":                     {"See [a], [], [1a], [x1], [1.5] and [now 3].", nil, nil},
		"longer than any number of ours":  {"See [12345] and [123456789012345678].", []int{12345, 123456789012345678}, []int{12345, 123456789012345678}},
		"more digits than a number has":   {"See [1234567890123456789012].", nil, nil},
		"below zero":                      {"See [-1] and [-1, 2].", []int{-1, -1, 2}, []int{-1}},
		"again and again":                 {"Yes [1][1][1].", []int{1, 1, 1}, nil},
		"with a name before the number":   {"Yes [passage 1], [Source: 2], [doc 9], [#3] and [ 1 ].", []int{1, 2, 9, 3, 1}, []int{9}},
		"with words between":              {"Yes [1 and 2], [1 und 3] and [passages 1, passage 2].", []int{1, 2, 1, 3, 1, 2}, nil},
		"a range that runs backwards":     {"Yes [3-1].", []int{3, 1}, nil},

		"with words around": {"According to [1], yes.", []int{1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checked := chat.Check(c.answer, evidence(t))
			var got []int
			for _, x := range checked.Citations {
				got = append(got, x.Number)
				assert.Contains(t, "[【", string([]rune(c.answer[x.From:x.To])[0]))
			}
			assert.Equal(t, c.numbers, got)
			assert.Equal(t, c.invented, checked.Invented())
		})
	}
}

func TestQuotes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer   string
		verbatim []bool
		number   int
		found    string
	}{
		"word for word":                     {`It "opens at nine o'clock" [1].`, []bool{true}, 1, "opens at nine o'clock"},
		"blanks do not count":               {`"Two keys are needed: the warden's" [2].`, []bool{true}, 2, "Two keys  are needed:\n the warden's"},
		"the form of quotes and dashes":     {`It is «"never" opened - not even for kings -» [1].`, []bool{true}, 1, "never” opened — not even for kings"},
		"a full stop at the end":            {`“The vault opens at nine.” [1]`, []bool{true}, 1, "The vault opens at nine"},
		"an ellipsis":                       {`"The vault opens ... on Sundays" [1].`, []bool{true}, 1, "The vault opens at nine o'clock. It is “never” opened — not even for kings — on Sundays"},
		"an ellipsis in the wrong order":    {`"on Sundays ... The vault opens" [1].`, []bool{false}, 0, ""},
		"a word was changed":                {`It "opens at ten o'clock" [1].`, []bool{false}, 0, ""},
		"a word was cut":                    {`"The vault opens at nin" [1].`, []bool{false}, 0, ""},
		"begins within a word":              {`"he vault opens at nine" [1].`, []bool{false}, 0, ""},
		"from a passage that is not cited":  {`It "opens at nine o'clock" [2].`, []bool{false}, 1, "opens at nine o'clock"},
		"without a citation":                {`It "opens at nine o'clock".`, []bool{true}, 1, "opens at nine o'clock"},
		"two words are a name":              {`The "night vault" is old [1].`, nil, 0, ""},
		"a block":                           {"He says:\n\n> The vault opens\n> at nine o'clock. [1]\n", []bool{true}, 1, "The vault opens at nine o'clock"},
		"several sentences":                 {`They say "The vault opens at nine o'clock. It is" [1].`, []bool{true}, 1, ""},
		"Japanese":                          {"「鍵は二つ必要です」 [3]", []bool{true}, 3, "鍵は二つ必要です"},
		"emphasis does not count":           {"\"The **vault** opens `at` nine\" [1].", []bool{true}, 1, "The vault opens at nine"},
		"in code there is none":             {"`\"opens at ten o'clock now\"` [1]", nil, 0, ""},
		"an open mark opens nothing":        {`It "opens at ten [1].`, nil, 0, ""},
		"a mark does not cross a paragraph": {"It \"opens at ten.\n\nSay\" no more of it [1].", nil, 0, ""},
		"what stands between two":           {`It "opens at nine o'clock" as they all say here "Two keys are needed" [1][2].`, []bool{true, true}, 0, ""},
		"a block in code":                   {"So [1]:\n\n```\n\n> one two three four\n\n```", nil, 0, ""},
		"one after the other":               {`"The vault opens at nine", they say, and “Two keys are needed” [1][2].`, []bool{true, true}, 0, ""},
		"nested marks":                      {`He wrote «The vault "opens" late at night» [1].`, []bool{false}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := evidence(t)
			checked := chat.Check(c.answer, p)
			var got []bool
			for _, q := range checked.Quotes {
				got = append(got, q.Verbatim)
			}
			require.Equal(t, c.verbatim, got)
			if len(got) == 1 {
				q := checked.Quotes[0]
				assert.Equal(t, c.number, q.Number)
				if c.found != "" {
					passage, _ := p.Passage(q.Number)
					assert.Equal(t, c.found, passage.Text[q.Start:q.End])
				}
			}
		})
	}
}

func TestABlockBeginsWithItsFirstLine(t *testing.T) {
	t.Parallel()
	checked := chat.Check("> The vault opens\n> at nine o'clock. [1]", evidence(t))
	require.Len(t, checked.Quotes, 1)
	assert.Equal(t, 0, checked.Quotes[0].From)
	assert.Equal(t, len("> The vault opens\n> at nine o'clock. [1]"), checked.Quotes[0].To)
}

func TestSentencesOfAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  string
		cites   [][]int
		uncited []string
	}{
		"cited and not":                {"It opens at nine [1]. It has two keys.", [][]int{{1}, nil}, []string{"It has two keys."}},
		"a citation after the stop":    {"It opens at nine. [1] It has keys! [2]", [][]int{{1}, {2}}, nil},
		"a citation on its own line":   {"It opens at nine.\n[1]\n\nIt has two keys.\n\n[2][3]", [][]int{{1}, {2, 3}}, nil},
		"a quote of several sentences": {`He says "It opens. It has two keys." [1] Fine then, friends.`, [][]int{{1}, nil}, []string{"Fine then, friends."}},
		"what states nothing":          {"# The vault today\n\nThere are two ways:\n\n- by key, as they say [1]\n\nWhat do you want? I do not know that.", [][]int{nil, nil, {1}, nil, nil}, nil},
		"admissions of not knowing":    {"The passages do not mention the price. No information was found on it.", [][]int{nil, nil}, nil},
		"code":                         {"Call it so [1]:\n\n```go\nopen(vault, key)\n```", [][]int{{1}, nil}, nil},
		"an entry of a list":           {"1. Take both keys.\n2. Open it up [2].", [][]int{nil, {2}}, []string{"1. Take both keys."}},
		"nothing":                      {"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checked := chat.Check(c.answer, evidence(t))
			var cites [][]int
			for _, s := range checked.Sentences {
				cites = append(cites, s.Cites)
			}
			assert.Equal(t, c.cites, cites)
			var uncited []string
			for _, s := range checked.Uncited() {
				uncited = append(uncited, c.answer[s.From:s.To])
			}
			assert.Equal(t, c.uncited, uncited)
		})
	}
	assert.True(t, chat.Check(`It "opens at nine o'clock" [1].`, evidence(t)).Sound())
	assert.False(t, chat.Check(`It "opens at ten o'clock" [1].`, evidence(t)).Sound())
	assert.False(t, chat.Check(`It opens at ten o'clock.`, evidence(t)).Sound())
	assert.False(t, chat.Check(`It opens at ten o'clock [7].`, evidence(t)).Sound())
}

func TestAStreamedAnswerIsCheckedAsItComes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"citations behind the stop": "It opens at nine. [1] It has two keys. [2][3] What else? Nothing at all [1].",
		"on lines of their own":     "It opens at nine.\n[1]\n\nIt has two keys.\n\n[2]\n\nDone with it.",
		"a quote of two sentences":  `He says "It opens. It has two keys." [1] Fine then, friends. “One two three. Four five.” [2] End of it.`,
		"lists and code":            "Two ways:\n\n- by key [1]\n- by force [2]\n\n```go\nx[1] = y. z\n```\n\nThat is all there is.",
		"a script without spaces":   "鍵は二つ必要です。[2] 日曜日には開きません。[3] そうです。はい。",
		"names before numbers":      "It opens at nine. [passage 1] It has two keys.【2†key】 What else is there? Nothing.",
		"dots that end nothing":     "Use v1.2 of os.ReadFile, e.g. here [1]. Then do it again, please. Done now.",
		"an open quote":             "He says \"It opens. It has two keys [1]. And more. And more of it.\n\nThe end of it [2]. Yes it is.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := evidence(t)
			whole := chat.Check(answer, p)
			for _, size := range []int{1, 3, 7, 1000} {
				c := chat.NewChecker(p)
				var told []chat.Sentence
				for rest := answer; rest != ""; {
					n := min(size, len(rest))
					told = append(told, c.Write(rest[:n])...)
					rest = rest[n:]
				}
				assert.Equal(t, whole, c.Checked())
				assert.Equal(t, answer, c.Text())
				require.LessOrEqual(t, len(told), len(whole.Sentences))
				assert.Equal(t, whole.Sentences[:len(told)], told, "pieces of %d bytes", size)
				if size == 1 {
					assert.GreaterOrEqual(t, len(told), len(whole.Sentences)-2, "sentences are told as they come")
				}
			}
		})
	}
}

// An answer that goes on and on is read in groups, and is the same in the end.
func TestALongAnswerIsReadInGroups(t *testing.T) {
	t.Parallel()
	p := evidence(t)
	c := chat.NewChecker(p)
	var answer strings.Builder
	told, calls := 0, 0
	for range 1200 {
		answer.WriteString("It opens [1]. ")
		if n := len(c.Write("It opens [1]. ")); n > 0 {
			told += n
			calls++
		}
	}
	checked := chat.Check(answer.String(), p)
	assert.Equal(t, checked, c.Checked())
	assert.Len(t, checked.Sentences, 1200)
	assert.Greater(t, told, 1050)
	assert.Less(t, calls, 400)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	_, _, ok := chat.Locate("some text", " ... ")
	assert.False(t, ok, "nothing is nowhere")
	start, end, ok := chat.Locate("x\xff y z", "y z")
	assert.True(t, ok)
	assert.Equal(t, "y z", "x\xff y z"[start:end])
	_, _, ok = chat.Locate("aab", "ab")
	assert.False(t, ok)
	_, _, ok = chat.Locate("a ab", "ab")
	assert.True(t, ok)
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{`"a b c" [1]`, "[1-3][^2]【1†x】", "> a b c\n[1]", "```\n[1]", "« \" » “a b c”. D", "\xff\"a b c\"\xff[1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		p := evidence(t)
		checked := chat.Check(answer, p)
		end := 0
		for _, s := range checked.Sentences {
			if s.From < end || s.To < s.From || s.To > len(answer) {
				t.Fatalf("sentence %v in %q", s, answer)
			}
			end = s.To
		}
		for _, q := range checked.Quotes {
			passage, ok := p.Passage(q.Number)
			if q.To > len(answer) || q.From >= q.To || ok && q.Start >= q.End || q.End > len(passage.Text) {
				t.Fatalf("quote %v in %q", q, answer)
			}
		}
		c := chat.NewChecker(p)
		for _, piece := range strings.SplitAfter(answer, " ") {
			c.Write(piece)
		}
	})
}

func ExampleCheck() {
	p := assembleExample()
	checked := chat.Check(`It opens at nine [1]. A guard "sleeps at the door" [2]. Bring a lamp.`, p)
	fmt.Println("invented:", checked.Invented())
	for _, q := range checked.Quotes {
		fmt.Printf("%q verbatim: %v\n", q.Text, q.Verbatim)
	}
	fmt.Println("claims without a citation:", len(checked.Uncited()))
	// Output:
	// invented: [2]
	// "sleeps at the door" verbatim: false
	// claims without a citation: 1
}
