package bleve_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		o    bleve.Options
		says string
	}{
		"a negative limit":     {bleve.Options{Limit: -1}, "limit is -1"},
		"a negative K1":        {bleve.Options{K1: -1}, "k1 is -1"},
		"K1 that is no number": {bleve.Options{K1: math.NaN()}, "k1 is NaN"},
		"B above one":          {bleve.Options{B: 1.5}, "b is 1.5"},
		"an empty field":       {bleve.Options{Fields: []string{""}}, "empty metadata key"},
		"an unknown language":  {bleve.Options{Language: "tlh"}, `"tlh", known are ar bg ca cjk ckb`},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := bleve.New(t.Context(), retrievertest.All(nil), c.o)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestEveryLanguageFindsItsWords(t *testing.T) {
	t.Parallel()
	assert.Len(t, bleve.Languages(), 35)
	for _, language := range append(bleve.Languages(), "EN-us", "pt_BR", "zh", "ja", "ko", "nb", "") {
		x := newIndex(t, texts("Gdansk 2024", "東京都 Straße"), bleve.Options{Language: language})
		r, err := x.Retrieve(t.Context(), pipeline.Query{Text: "GDANSK"})
		require.NoError(t, err, language)
		assert.Equal(t, []string{"a"}, r.IDs(), language)
	}
}

func TestAnalysisOfLanguages(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct{ language, text, query string }{
		"English stems":                    {"en", "the runners were running", "run"},
		"German stems and normalises":      {"de", "die Häuser der Stadt", "Haus"},
		"Chinese is split into pairs":      {"cjk", "我们在北京大学学习", "北京大学"},
		"Thai is found without spaces":     {"th", "ฉันเรียนภาษาไทยที่มหาวิทยาลัย", "ภาษาไทย"},
		"Thai stands beside Latin words":   {"th", "ใช้โปรแกรมCascadeทุกวัน", "cascade"},
		"Arabic loses its article":         {"ar", "ذهب الولد الى المدرسة", "مدرسة"},
		"Hindi keeps its combining marks":  {"hi", "लड़कियाँ स्कूल जाती हैं", "लड़कियाँ"},
		"French articles are elided":       {"fr", "l'avion vole", "avion"},
		"Catalan has no stemmer but words": {"ca", "l'avió vola", "avió"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			x := newIndex(t, texts(c.text, "0000"), bleve.Options{Language: c.language})
			r, err := x.Retrieve(t.Context(), pipeline.Query{Text: c.query})
			require.NoError(t, err)
			assert.Equal(t, []string{"a"}, r.IDs())
		})
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection lost")
	for sentence, c := range map[string]struct {
		documents []pipeline.Document
		err       error
		says      string
	}{
		"an empty text is none":    {texts("a", ""), nil, ""},
		"a repeated ID":            {append(texts("a", "b"), texts("c")...), nil, `document 3: ID "a" was already given to document 1`},
		"an error of the iterator": {texts("a", "b"), broken, "read document 3: connection lost"},
		"no ID":                    {append(texts("a"), pipeline.Document{Text: "b"}), nil, "document 2 has no ID"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			all := func(yield func(pipeline.Document, error) bool) {
				for d := range retrievertest.All(c.documents) {
					if !yield(d, nil) {
						return
					}
				}
				if c.err != nil {
					yield(pipeline.Document{}, c.err)
				}
			}
			folder := filepath.Join(t.TempDir(), "index")
			held, inMemory := bleve.New(t.Context(), all, bleve.Options{})
			onDisk, inFolder := bleve.Create(t.Context(), folder, all, bleve.Options{})
			if c.says == "" {
				require.NoError(t, inMemory)
				require.NoError(t, inFolder)
				require.NoError(t, errors.Join(held.Close(), onDisk.Close()))
				return
			}
			assert.ErrorContains(t, inMemory, c.says)
			assert.ErrorContains(t, inFolder, c.says)
			assert.NoDirExists(t, folder, "what was begun is removed")
			if c.err != nil {
				assert.ErrorIs(t, inMemory, c.err)
			}
		})
	}
}

func TestLoadingStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	var told []int
	_, err := bleve.New(ctx, func(yield func(pipeline.Document, error) bool) {
		for i := 0; yield(pipeline.Document{ID: fmt.Sprint(i), Text: "sea"}, nil); i++ {
			if i == 1500 {
				cancel(cause)
			}
		}
	}, bleve.Options{Progress: func(n int) { told = append(told, n) }})
	require.ErrorIs(t, err, cause)
	assert.ErrorContains(t, err, "before document 1502")
	assert.Equal(t, []int{1000}, told)
}

func TestProgressCountsDocuments(t *testing.T) {
	t.Parallel()
	var told []int
	newIndex(t, retrievertest.Corpus(), bleve.Options{Progress: func(n int) { told = append(told, n) }})
	assert.Equal(t, []int{10}, told)
}

func TestAFolderIsReadAgain(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "index")
	document := pipeline.Document{ID: "\xffid", Text: "sea \xff and\x00 river", Metadata: map[string]any{"n": 3, "title": "Ships", "list": []string{"x"}}}
	o := bleve.Options{Language: "de", Fields: []string{"title"}}
	made, err := bleve.Create(t.Context(), folder, retrievertest.All([]pipeline.Document{document, {ID: "empty"}}), o)
	require.NoError(t, err)
	want, err := made.Retrieve(t.Context(), pipeline.Query{Text: "ships"})
	require.NoError(t, err)
	_, err = bleve.Open(folder, bleve.Options{})
	assert.ErrorContains(t, err, "timeout", "somebody else has it open")
	require.NoError(t, made.Close())

	read, err := bleve.Open(folder, bleve.Options{ReadOnly: true})
	require.NoError(t, err)
	defer read.Close()
	second, err := bleve.Open(folder, bleve.Options{ReadOnly: true})
	require.NoError(t, err, "readers do not exclude one another")
	defer second.Close()
	assert.Equal(t, 2, read.Len())
	got, err := read.Retrieve(t.Context(), pipeline.Query{Text: "ships"})
	require.NoError(t, err)
	require.Len(t, got.Hits, 1)
	assert.Equal(t, want.Hits, got.Hits)
	assert.Equal(t, document.Text, got.Hits[0].Document.Text)
	assert.Equal(t, map[string]any{"n": 3.0, "title": "Ships", "list": []any{"x"}}, got.Hits[0].Document.Metadata)
	empty, ok, err := read.Document("empty")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Nil(t, empty.Metadata)
	assert.ErrorContains(t, read.Delete(t.Context(), "empty"), "read-only")
}

func TestFoldersThatAreRefused(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "index")
	x, err := bleve.Create(t.Context(), folder, retrievertest.All(retrievertest.Corpus()), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	for sentence, c := range map[string]struct {
		o    bleve.Options
		says string
	}{
		"another language": {bleve.Options{Language: "de"}, `built for language "en", not "de"`},
		"other fields":     {bleve.Options{Fields: []string{"title"}}, "built with the fields [], not [title]"},
		"other filters":    {bleve.Options{Filters: []string{"kind"}}, "built with the filters"},
		"a negative limit": {bleve.Options{Limit: -1}, "limit is -1"},
	} {
		_, err := bleve.Open(folder, c.o)
		assert.ErrorContains(t, err, c.says, sentence)
	}
	_, err = bleve.Open(filepath.Join(folder, "nowhere"), bleve.Options{})
	assert.ErrorContains(t, err, "nowhere")
	_, err = bleve.Create(t.Context(), folder, retrievertest.All(nil), bleve.Options{})
	assert.ErrorContains(t, err, "exists already")
	assert.DirExists(t, folder, "what was there is not removed")
	_, err = bleve.Create(t.Context(), "", retrievertest.All(nil), bleve.Options{})
	assert.ErrorContains(t, err, "no folder")
}

func TestAnInterruptedBuildIsNotOpened(t *testing.T) {
	t.Parallel()
	folder, crash := filepath.Join(t.TempDir(), "index"), filepath.Join(t.TempDir(), "crash")
	x, err := bleve.Create(t.Context(), folder, func(yield func(pipeline.Document, error) bool) {
		for i := range 1001 {
			yield(pipeline.Document{ID: fmt.Sprint(i)}, nil)
		}
		// What a process leaves that is killed here:
		require.NoError(t, os.CopyFS(crash, os.DirFS(folder)))
	}, bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	_, err = bleve.Open(crash, bleve.Options{})
	assert.ErrorContains(t, err, "incomplete")
}

func TestAddAndDelete(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]*bleve.Index{
		"memory": newIndex(t, texts("sea", "river"), bleve.Options{}),
		"folder": inFolder(t, texts("sea", "river")),
	} {
		ctx := t.Context()
		require.NoError(t, x.Add(ctx, retrievertest.All([]pipeline.Document{{ID: "a", Text: "mountain"}, {ID: "z", Text: "mountain sea"}})), name)
		assert.Equal(t, []string{"a", "z"}, idsFor(t, x, "mountain"), name)
		assert.Equal(t, []string{"z"}, idsFor(t, x, "sea"), name)
		assert.Equal(t, 3, x.Len())
		require.NoError(t, x.Delete(ctx, "z", "z", "never there"))
		assert.Empty(t, idsFor(t, x, "sea"), name)
		_, ok, err := x.Document("z")
		require.NoError(t, err)
		assert.False(t, ok, name)
		assert.ErrorContains(t, x.Add(ctx, retrievertest.All(append(texts("x"), texts("y")...))), `document 2: ID "a"`, name)
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		assert.ErrorIs(t, x.Delete(canceled, "a"), context.Canceled, name)
	}
}

func inFolder(t *testing.T, documents []pipeline.Document) *bleve.Index {
	x, err := bleve.Create(t.Context(), filepath.Join(t.TempDir(), "index"), retrievertest.All(documents), bleve.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, x.Close()) })
	return x
}

func idsFor(t *testing.T, x *bleve.Index, text string) []string {
	r, err := x.Retrieve(t.Context(), pipeline.Query{Text: text})
	require.NoError(t, err)
	return r.IDs()
}

func TestMetadataThatJSONCannotHold(t *testing.T) {
	t.Parallel()
	documents := []pipeline.Document{{ID: "a"}, {ID: "b", Metadata: map[string]any{"f": func() {}}}}
	newIndex(t, documents, bleve.Options{})
	_, err := bleve.Create(t.Context(), filepath.Join(t.TempDir(), "index"), retrievertest.All(documents), bleve.Options{})
	assert.ErrorContains(t, err, "document 2: write metadata")
}

func TestAClosedIndexSaysSo(t *testing.T) {
	t.Parallel()
	x, err := bleve.New(t.Context(), retrievertest.All(texts("sea")), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	require.NoError(t, x.Close())
	_, err = x.Retrieve(t.Context(), pipeline.Query{Text: "sea"})
	require.ErrorIs(t, err, bleve.ErrClosed)
	require.ErrorIs(t, x.Add(t.Context(), retrievertest.All(nil)), bleve.ErrClosed)
	_, _, err = x.Document("a")
	require.ErrorIs(t, err, bleve.ErrClosed)
	assert.Equal(t, 0, x.Len())
}
