package fusion_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAWarmWorkspaceAllocatesNothing(t *testing.T) {
	var lists []fusion.List
	for l := range 5 {
		list := fusion.List{Scale: pipeline.Unbounded}
		for i := range 300 {
			list.IDs = append(list.IDs, uint32((i*(2*l+1))%701))
			list.Scores = append(list.Scores, 30-float64(i)/10)
		}
		lists = append(lists, list)
	}
	for _, spec := range []string{
		"rrf", "rrf(w=[1,2,3,4,5])", "rrf(ranks=average)", "convex(norm=minmax)", "wsum(norm=zscore)", "combsum(norm=none)", "combmnz(norm=minmax)",
		"combanz(norm=rank)", "combmax(norm=minmax)", "combmed(norm=minmax)", "isr", "log-isr", "rbc", "borda", "median-rank", "rrf(compensated=true)",
	} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err)
		var w fusion.Workspace
		var dst []fusion.Scored
		for _, limit := range []int{10, 0} {
			fuse := func() {
				dst, err = w.Fuse(dst[:0], m, fusion.Task{Lists: lists, Limit: limit})
			}
			fuse()
			require.NoError(t, err, spec)
			assert.Zero(t, testing.AllocsPerRun(10, fuse), "%s, limit %d", spec, limit)
		}
	}
}

func TestSparseIdsGiveWhatDenseOnesGive(t *testing.T) {
	t.Parallel()
	var w fusion.Workspace
	for _, m := range everyMethod(t) {
		for _, inputs := range examples(8, 2, scaleFor(m)) {
			dense := task(inputs, 0)
			sparse := fusion.Task{}
			for _, l := range dense.Lists {
				far := fusion.List{Scores: l.Scores, Scale: l.Scale}
				for _, id := range l.IDs {
					far.IDs = append(far.IDs, id*100+7)
				}
				sparse.Lists = append(sparse.Lists, far)
			}
			dense.Names = nil
			a, err := w.Fuse(nil, m, dense)
			require.NoError(t, err)
			b, err := w.Fuse(nil, m, sparse)
			require.NoError(t, err)
			require.Len(t, b, len(a))
			for i := range a {
				assert.Equal(t, a[i].ID*100+7, b[i].ID, m.String())
				assert.Equal(t, a[i].Score, b[i].Score, m.String())
			}
		}
	}
}

func TestListsWithoutScoresCountTheirRanks(t *testing.T) {
	t.Parallel()
	var w fusion.Workspace
	got, err := w.Fuse(nil, fusion.CombSUM{Norm: fusion.None{}}, fusion.Task{Lists: []fusion.List{{IDs: []uint32{4, 2, 9}}}})
	require.NoError(t, err)
	assert.Equal(t, []fusion.Scored{{ID: 4, Score: 1}, {ID: 2, Score: .5}, {ID: 9, Score: 1. / 3}}, got)
}

func TestWorkspaceRefusesWhatItCannotFuse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		task fusion.Task
		says string
	}{
		"no lists":             {fusion.Task{}, "no lists"},
		"a negative limit":     {fusion.Task{Lists: []fusion.List{{}}, Limit: -1}, "limit -1 is negative"},
		"more ids than scores": {fusion.Task{Lists: []fusion.List{{IDs: []uint32{1, 2}, Scores: []float64{1}}}}, "list 1 has 2 ids and 1 scores"},
		"the reserved id":      {fusion.Task{Lists: []fusion.List{{IDs: []uint32{math.MaxUint32}}}}, "is reserved"},
		"a document twice":     {fusion.Task{Lists: []fusion.List{{IDs: []uint32{3, 3}}}}, "list 1 holds document 3 twice"},
		"a sum that overflows": {fusion.Task{Lists: []fusion.List{{IDs: []uint32{1}, Scores: []float64{1e308}}, {IDs: []uint32{1}, Scores: []float64{1e308}}}}, "score of document 1 overflows"},
		"a spread that overflows": {fusion.Task{Lists: []fusion.List{{IDs: []uint32{1, 2}, Scores: []float64{1.7e308, -1.7e308}}}},
			"difference of the largest and the smallest score overflows"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m fusion.Method = fusion.CombSUM{Norm: fusion.None{}}
			if name == "a spread that overflows" {
				m = fusion.CombSUM{Norm: fusion.MinMax{}}
			}
			var w fusion.Workspace
			_, err := w.Fuse(nil, m, test.task)
			require.ErrorContains(t, err, test.says)
			assert.ErrorContains(t, err, "fusion: combsum: ")
		})
	}
}

// panics is a normaliser from elsewhere with a mistake in it.
type panics struct{}

func (panics) Fit(fusion.List) (fusion.Map, error) { panic("mistake") }
func (panics) String() string                      { return "panics" }

func TestTheFirstFailingQueryIsNamed(t *testing.T) {
	t.Parallel()
	good := fusion.Task{Lists: []fusion.List{{IDs: []uint32{1}}}}
	bad := fusion.Task{Lists: []fusion.List{{IDs: []uint32{1, 1}}}}
	_, err := fusion.FuseAll(fusion.RRF{}, []fusion.Task{good, bad, good, bad})
	require.ErrorIs(t, err, fusion.ErrInput)
	assert.ErrorContains(t, err, "task 2: fusion: rrf: ")
	_, err = fusion.FuseAll(fusion.CombSUM{Norm: panics{}}, []fusion.Task{good, good})
	assert.ErrorContains(t, err, "task 1: fusion: combsum: panic: mistake")
	none, err := fusion.FuseAll(fusion.RRF{}, nil)
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestInternerGivesEachNameOneId(t *testing.T) {
	t.Parallel()
	var in fusion.Interner
	for range 2 {
		for i := range 1000 {
			assert.Equal(t, uint32(i), in.ID(fmt.Sprint("doc", i)))
		}
		assert.Equal(t, uint32(17), in.ID("doc17"))
		assert.Equal(t, "doc17", in.Name(17))
		assert.Equal(t, 1000, in.Len())
		assert.Len(t, in.Names(), 1000)
		in.Reset()
		assert.Zero(t, in.Len())
	}
}

func ExampleWorkspace() {
	var names fusion.Interner
	lexical := fusion.List{IDs: names.Append(nil, []string{"a", "b", "c"})}
	dense := fusion.List{IDs: names.Append(nil, []string{"c", "a", "d"})}
	var w fusion.Workspace
	top, err := w.Fuse(nil, fusion.RRF{}, fusion.Task{Lists: []fusion.List{lexical, dense}, Names: names.Names(), Limit: 2})
	for _, s := range top {
		fmt.Printf("%s %.5f\n", names.Name(s.ID), s.Score)
	}
	fmt.Println(err)
	// Output:
	// a 0.03252
	// c 0.03227
	// <nil>
}

func TestTheNumberOfCoresShowsInNothing(t *testing.T) {
	var tasks []fusion.Task
	for _, inputs := range examples(40, 3, pipeline.Unbounded) {
		tasks = append(tasks, task(inputs, 5))
	}
	for _, spec := range []string{"rrf", "wsum(norm=zscore)", "combmed(norm=minmax)", "schulze"} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err)
		var want [][]fusion.Scored
		for _, cores := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(cores)
			got, err := fusion.FuseAll(m, tasks)
			runtime.GOMAXPROCS(before)
			require.NoError(t, err)
			if want == nil {
				want = got
			}
			assert.Equal(t, want, got, "%s on %d cores", spec, cores)
		}
	}
}
