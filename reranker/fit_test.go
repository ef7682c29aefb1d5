package reranker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reader is a scorer of a model that takes so many tokens for the query and a
// document, and says no to what is longer. It keeps what it read.
type reader struct {
	most int
	mu   sync.Mutex
	read []string
}

func countWords(text string) int { return len(strings.Fields(text)) }

func (r *reader) Bounds() reranker.Bounds { return reranker.Bounds{PairTokens: r.most} }

func (r *reader) Describe() pipeline.Node { return pipeline.Node{Name: "reader"} }

func (r *reader) Score(_ context.Context, q string, documents []string) (reranker.Scores, error) {
	r.mu.Lock()
	defer func() { slices.Sort(r.read); r.mu.Unlock() }()
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		if countWords(q)+countWords(d) > r.most {
			return reranker.Scores{}, &reranker.Error{Kind: reranker.KindTooLarge, Op: "reader", Message: "too long"}
		}
		r.read, s.Values[i] = append(r.read, d), float64(i%7)/7
	}
	return s, nil
}

// counting is a reader that says how it counts.
type counting struct {
	*reader
	front bool
}

func (c counting) Fit(_ context.Context, query, document string, tokens int) string {
	room := reranker.PairRoom(tokens) - countWords(query)
	if room < 1 {
		return ""
	}
	short, _ := reranker.Truncation{Tokens: room, Front: c.front, Count: countWords}.Of(document)
	return short
}

type unfit struct{ *reader }

func (unfit) Fit(context.Context, string, string, int) string { panic("no vocabulary") }

func wordsOf(n int) string { return strings.TrimSpace(strings.Repeat("word ", n)) }

// C11, N4: what does not fit together with the query is cut or left out from the
// first call on, and said.
func TestC11PairsFitTheModelFromTheFirstCall(t *testing.T) {
	t.Parallel()
	last := "begin " + wordsOf(200) + " end"
	for name, c := range map[string]struct {
		query     string
		documents []string
		options   reranker.ShardOptions
		front     bool
		lost      map[int]pipeline.Reason
		warning   string
		cause     string
		read      func(t *testing.T, read []string)
	}{
		"one of three is cut": {query: "a b", documents: []string{wordsOf(10), last, wordsOf(64 - 4 - 2)}, warning: "1 of 3 documents were cut: the model takes 64 tokens for the query and a document", read: func(t *testing.T, read []string) {
			require.Len(t, read, 3)
			assert.Equal(t, 58, countWords(read[0]))
			assert.True(t, strings.HasPrefix(read[0], "begin "))
			assert.Equal(t, wordsOf(10), read[1])
			assert.Equal(t, wordsOf(58), read[2], "what fits exactly stays")
		}},
		"at the side that the scorer chooses": {query: "a b", documents: []string{last}, front: true, warning: "1 of 1", read: func(t *testing.T, read []string) {
			assert.True(t, strings.HasSuffix(read[0], " end"))
		}},
		"left out where it must not be cut": {query: "a b", documents: []string{last, "c", last}, options: reranker.ShardOptions{NoCut: true},
			lost: map[int]pipeline.Reason{0: pipeline.ReasonTooLong, 2: pipeline.ReasonTooLong}, cause: "2 of 3 documents were not sent: the model takes 64 tokens", read: func(t *testing.T, read []string) {
				assert.Equal(t, []string{"c"}, read)
			}},
		"a query that leaves no room": {query: wordsOf(60), documents: []string{last, last},
			lost: map[int]pipeline.Reason{0: pipeline.ReasonTooLong, 1: pipeline.ReasonTooLong}, cause: "2 of 2 documents were not sent"},
		"a query that leaves a word": {query: wordsOf(59), documents: []string{last}, warning: "1 of 1", read: func(t *testing.T, read []string) {
			assert.Equal(t, []string{"begin"}, read)
		}},
		"blank ones are blank": {query: "a", documents: []string{strings.Repeat(" ", 900), "c"}, lost: map[int]pipeline.Reason{0: pipeline.ReasonBlank}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reader{most: 64}
			c.options.Calls = 1
			s := reranker.Shard(counting{r, c.front}, c.options)
			given := append([]string(nil), c.documents...)
			scores, err := s.Score(t.Context(), c.query, c.documents)
			assert.Equal(t, given, c.documents, "the caller's texts stay")
			if len(c.lost) == len(c.documents) {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
			for i := range c.documents {
				assert.Equal(t, c.lost[i] == "", scores.Scored(i))
				if c.lost[i] != "" {
					assert.Equal(t, c.lost[i], scores.Unscored[i])
				}
			}
			if c.warning == "" {
				assert.Empty(t, scores.Warnings)
			} else {
				require.Len(t, scores.Warnings, 1)
				assert.Equal(t, reranker.WarnTruncated, scores.Warnings[0].Kind)
				assert.Contains(t, scores.Warnings[0].Detail, c.warning)
				assert.Equal(t, scores.Warnings, scores.Report.Warnings)
			}
			if c.cause != "" {
				require.Len(t, scores.Causes, 1)
				assert.ErrorContains(t, scores.Causes[0], c.cause)
			}
			assert.Zero(t, scores.Report.Retries, "nothing was learned by a refusal")
			if c.read != nil {
				c.read(t, r.read)
			}
		})
	}
}

func TestAScorerThatDoesNotCountIsEstimatedFor(t *testing.T) {
	t.Parallel()
	r := &reader{most: 64}
	scores, err := reranker.Shard(r, reranker.ShardOptions{}).Score(t.Context(), "word", []string{wordsOf(100), wordsOf(10)})
	require.NoError(t, err)
	assert.True(t, scores.Complete())
	assert.LessOrEqual(t, len(r.read[1]), 4*(64-4-1))
	assert.Greater(t, len(r.read[1]), 4*(64-4-1)-32)
	_, err = reranker.Shard(r, reranker.ShardOptions{}).Score(t.Context(), strings.Repeat("q", 4*60), []string{wordsOf(100)})
	require.ErrorContains(t, err, "not sent")
}

func TestAFitterThatPanicsCostsTheLongDocuments(t *testing.T) {
	t.Parallel()
	scores, err := reranker.Shard(unfit{&reader{most: 64}}, reranker.ShardOptions{}).Score(t.Context(), "q", []string{wordsOf(100), "c"})
	require.NoError(t, err)
	assert.Equal(t, pipeline.ReasonFailed, scores.Unscored[0])
	assert.True(t, scores.Scored(1))
	require.Len(t, scores.Causes, 1)
	assert.ErrorContains(t, scores.Causes[0], "no vocabulary")
}

// C10: to what documents are cut changes their scores, and so is in the key of a
// cache.
func TestWhatIsCutIsPartOfTheVariant(t *testing.T) {
	t.Parallel()
	variant := func(most int, o reranker.ShardOptions) string {
		return reranker.Shard(&reader{most: most}, o).Variant(t.Context())
	}
	assert.Empty(t, variant(0, reranker.ShardOptions{}))
	assert.Empty(t, variant(64, reranker.ShardOptions{NoCut: true}))
	assert.NotEqual(t, variant(64, reranker.ShardOptions{}), variant(65, reranker.ShardOptions{}))
	assert.Empty(t, reranker.Shard(nil, reranker.ShardOptions{}).Variant(t.Context()))
}

func TestATruncationKeepsToItsBoundAndSplitsNoLetter(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", strings.Repeat("日本語", 40), strings.Repeat("a b ", 50), "a" + strings.Repeat("é", 99), strings.Repeat("x", 300), strings.Repeat("\xff", 60)} {
		for n := 1; n < 120; n += 7 {
			for _, front := range []bool{false, true} {
				kept, short := reranker.Truncation{Tokens: n, Front: front, Count: utf8.RuneCountInString}.Of(text)
				assert.LessOrEqual(t, utf8.RuneCountInString(kept), n)
				assert.Equal(t, utf8.RuneCountInString(text) > n, short)
				assert.Equal(t, utf8.ValidString(text), utf8.ValidString(kept))
				if front {
					assert.True(t, strings.HasSuffix(text, kept))
				} else {
					assert.True(t, strings.HasPrefix(text, kept))
				}
				if short {
					assert.Greater(t, utf8.RuneCountInString(kept), n-35, "no more than a word is given up")
				}
			}
		}
	}
	kept, short := reranker.Truncation{}.Of("all of it")
	assert.Equal(t, "all of it", kept)
	assert.False(t, short)
	kept, _ = reranker.Truncation{Tokens: 5}.Of("one two three four five six seven")
	assert.Equal(t, "one two three four", kept, "20 bytes, back to the last space")
	kept, _ = reranker.Truncation{Tokens: 5, Front: true}.Of("one two three four five six seven")
	assert.Equal(t, "four five six seven", kept)
}

func TestRoomOfAPair(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 504, reranker.PairRoom(512))
	assert.Equal(t, 60, reranker.PairRoom(64))
	assert.Equal(t, 40320, reranker.PairRoom(40960))
}
