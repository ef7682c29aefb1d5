package retrievertest

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const plenty = 100

func describes(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), 3)
	_, ok := r.(pipeline.Describer)
	require.True(t, ok, "%T does not implement pipeline.Describer", r)
	n := pipeline.Describe(r)
	assert.NotEmpty(t, n.Name, "the description has no name")
	assert.NoError(t, n.Err, "the description reports a mistake")
	assert.Equal(t, pipeline.RoleRetrieve, n.Facts.Role, "role")
	assert.Equal(t, s.Scale, n.Facts.Scale, "scale in the facts")
	assert.Equal(t, 3, n.Facts.Limit, "limit in the facts")
}

func ranks(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	known := map[string]bool{}
	for _, d := range Corpus() {
		known[d.ID] = true
	}
	for _, q := range queries() {
		ranking := ask(t, s, r, q)
		require.NotEmpty(t, ranking.Hits, "query %q found nothing", q.Text)
		assert.Empty(t, ranking.Gaps, "gaps although nothing is missing")
		for _, h := range ranking.Hits {
			assert.True(t, known[h.Document.ID], "document %q was never indexed", h.Document.ID)
			assert.True(t, s.Scale.Contains(h.Score), "score %v of %q is outside the scale %v", h.Score, h.Document.ID, s.Scale)
		}
	}
}

func marks(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	name := pipeline.Describe(r).Name
	for _, q := range queries() {
		ranking := ask(t, s, r, q)
		for i, h := range ranking.Hits {
			require.Len(t, h.Marks(), 1, "marks of %q", h.Document.ID)
			m := h.Newest()
			assert.Equal(t, name, m.Stage, "stage in the mark is not the name in the description")
			assert.Equal(t, i+1, m.Rank, "rank in the mark of %q", h.Document.ID)
			assert.Equal(t, s.Scale, m.Scale, "scale in the mark of %q", h.Document.ID)
			assert.Equal(t, pipeline.Scored, m.Status, "status in the mark of %q", h.Document.ID)
			assert.Equal(t, math.Float64bits(h.Score), math.Float64bits(m.Score), "score in the mark of %q", h.Document.ID)
			assert.Equal(t, math.Float64bits(m.Score), math.Float64bits(m.Value()), "recomputed score of %q", h.Document.ID)
		}
	}
}

func returnsDocuments(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	want := map[string]pipeline.Document{}
	for _, d := range Corpus() {
		want[d.ID] = d
	}
	for _, q := range queries() {
		for _, h := range ask(t, s, r, q).Hits {
			d := want[h.Document.ID]
			assert.Equal(t, d.Text, h.Document.Text, "text of %q", d.ID)
			if s.NoMetadata {
				continue
			}
			assert.Equal(t, d.Metadata["kind"], h.Document.Metadata["kind"], "metadata of %q", d.ID)
			// A store may give back a list as []any.
			assert.ElementsMatch(t, d.Metadata["tags"], h.Document.Metadata["tags"], "metadata of %q", d.ID)
		}
	}
}

func finds(t testing.TB, s Subject) {
	if s.Scripted {
		t.Skip("Subject.Scripted: hits do not depend on the query")
	}
	r := build(t, s, Corpus(), plenty)
	for _, d := range Corpus() {
		ranking := ask(t, s, r, pipeline.Query{Text: d.Text})
		require.NotEmpty(t, ranking.Hits, "nothing found by the text of %q", d.ID)
		assert.Equal(t, d.Text, ranking.Hits[0].Document.Text, "first hit for the text of %q", d.ID)
	}
}

func tolerantLimit(t testing.TB, s Subject) {
	r := build(t, s, Corpus()[:3], 1000)
	ranking := ask(t, s, r, pipeline.Query{Text: "water"})
	assert.LessOrEqual(t, len(ranking.Hits), 3)
}

func prefix(t testing.TB, s Subject) {
	whole := build(t, s, Corpus(), plenty)
	for limit := 1; limit <= 3; limit++ {
		short := build(t, s, Corpus(), limit)
		for _, q := range queries() {
			all, some := ask(t, s, whole, q), ask(t, s, short, q)
			assert.Len(t, some.Hits, min(limit, len(all.Hits)), "limit %d, query %q", limit, q.Text)
			if s.LooseScores {
				continue
			}
			head := all.Hits[:len(some.Hits)]
			assert.Equal(t, scores(head), scores(some.Hits), "scores with limit %d, query %q", limit, q.Text)
			if !s.LooseTies {
				assert.Equal(t, all.IDs()[:len(head)], some.IDs(), "limit %d, query %q", limit, q.Text)
			}
		}
	}
}

func scores(hits []pipeline.Hit) []float64 {
	values := make([]float64, len(hits))
	for i, h := range hits {
		values[i] = h.Score
	}
	return values
}

func refusesLimit(t testing.TB, s Subject) {
	r, err := s.New(t, Corpus(), -1)
	if err != nil {
		return
	}
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "water"})
	require.Error(t, err, "a limit of -1 is neither refused by the constructor nor by the first call")
	assert.Error(t, pipeline.Describe(r).Err, "the first call fails, but the description has no Err")
}

func breaksTies(t testing.TB, s Subject) {
	if s.LooseTies {
		t.Skip("Subject.LooseTies: the backend decides the order of equal scores")
	}
	var equal []pipeline.Document
	for _, id := range []string{"m", "c", "z", "a", "q", "e", "B", "10", "9"} {
		equal = append(equal, pipeline.Document{ID: id, Text: "birds sing the same song"})
	}
	want := sortedIDs(equal)
	q := pipeline.Query{Text: "birds sing"}
	for _, limit := range []int{4, plenty} {
		forth := build(t, s, equal, limit)
		slices.Reverse(equal)
		back := build(t, s, equal, limit)
		n := min(limit, len(want))
		assert.Equal(t, want[:n], ask(t, s, forth, q).IDs(), "limit %d", limit)
		assert.Equal(t, want[:n], ask(t, s, back, q).IDs(), "limit %d, inserted the other way round", limit)
	}
}

func sortedIDs(documents []pipeline.Document) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	slices.SortFunc(ids, cmp.Compare)
	return ids
}

func repeats(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	for _, q := range queries() {
		first := ask(t, s, r, q).Hits
		assert.Equal(t, first, ask(t, s, r, q).Hits, "query %q", q.Text)
	}
}

func emptyCorpus(t testing.TB, s Subject) {
	r := build(t, s, nil, plenty)
	ranking := ask(t, s, r, pipeline.Query{Text: "water"})
	assert.Empty(t, ranking.Hits)
}
