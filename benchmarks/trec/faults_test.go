package trec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

func TestE7AbsurdGradesAreRefusedWithFileAndLine(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"columns":             "1 0 a 1\n1 0 b 100000000000\n",
		"beyond 64 bits":      "1 0 a 1\n1 0 b 99999999999999999999\n",
		"negative":            "1 0 a 1\n1 0 b -100000000000\n",
		"just above":          "1 0 a 1\n1 0 b 10001\n",
		"a table":             "query-id\tcorpus-id\tscore\n1\tb\t100000000\n",
		"one object, spread":  "{\"1\":{\"a\":1,\n\"b\":1e11}}",
		"JSON lines":          "{\"qid\":\"1\",\"docid\":\"a\",\"grade\":1}\n{\"qid\":\"1\",\"docid\":\"b\",\"grade\":1e8}",
		"JSON lines, huge":    "{\"qid\":\"1\",\"docid\":\"a\",\"grade\":1}\n{\"qid\":\"1\",\"docid\":\"b\",\"grade\":1e300}",
		"one object, 1 level": "\n{\"1\":{\"b\":-1e9}}",
	} {
		_, err := trec.ReadQrels(strings.NewReader(text), "q.txt", trec.Options{})
		require.ErrorContains(t, err, "q.txt:2: grade ", name)
		require.ErrorContains(t, err, "of document b is absurd: grades reach from -10000 to 10000", name)
		lenient, err := trec.ReadQrels(strings.NewReader(text), "q.txt", trec.Options{Lenient: true})
		require.NoError(t, err, name)
		require.Len(t, lenient.Problems, 1, name)
	}
	got, err := trec.ReadQrels(strings.NewReader("1 0 a 10000\n1 0 b -10000\n"), "q", trec.Options{})
	require.NoError(t, err)
	require.NoError(t, got.Check())
	require.ErrorContains(t, trec.NewQrels([]trec.Judgements{{ID: "7", Judged: []trec.Judgement{{Document: "d", Grade: 1e11}}}}).Check(), "topic 7, document d: grade 100000000000 is absurd")
}

func TestE13ATagWithSpaces(t *testing.T) {
	t.Parallel()
	const text = "q1 Q0 a 1 2.0 BM25 + RM3\nq1 Q0 c 2 1.0 BM25 + RM3\n"
	_, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{})
	require.ErrorContains(t, err, `x:1: a run line has 6 fields (topic Q0 document rank score tag), this one has 8: does the tag "BM25 + RM3" hold spaces? Lenient reading accepts that`)
	run, err := trec.ReadRun(strings.NewReader(strings.ReplaceAll(text, "\n", " \r\n")), "x", trec.Options{Lenient: true})
	require.NoError(t, err)
	assert.Equal(t, "BM25 + RM3", run.Name)
	assert.Equal(t, []trec.Entry{{"a", 2, 1}, {"c", 1, 2}}, run.Topics[0].Entries)
	require.Len(t, run.Problems, 1, "said once")
	assert.True(t, run.Problems[0].Warning)

	// A space in a document's id moves the columns: that is never read as a tag.
	for _, moved := range []string{"q1 Q0 doc one 1 2.0 t\n", "q1 Q0 doc 7 1 2.0 t\n"} {
		run, err = trec.ReadRun(strings.NewReader(moved), "x", trec.Options{Lenient: true})
		require.NoError(t, err)
		assert.Empty(t, run.Topics, moved)
		require.Len(t, run.Problems, 1)
		assert.False(t, run.Problems[0].Warning)
	}
}

func TestE13RepeatsNameTheirOwnLine(t *testing.T) {
	t.Parallel()
	var long strings.Builder // long enough to be read in parts side by side
	for i := range 120_000 {
		fmt.Fprintf(&long, "t%d Q0 d%d %d %d tag\n", i/1000, i%1000, i%1000+1, 1000-i%1000)
	}
	long.WriteString("t3 Q0 d5 7 1 tag\n")
	for name, c := range map[string]struct {
		text, want string
		read       func(text string, o trec.Options) ([]trec.Problem, error)
	}{
		"a run":                  {"1 Q0 a 1 3 t\n2 Q0 a 1 3 t\n1 Q0 b 2 2 t\n\n1 Q0 a 3 1 t\n", "x:5: topic 1: document a is returned twice", readRunProblems},
		"a run read in parts":    {long.String(), "x:120001: topic t3: document d5 is returned twice", readRunProblems},
		"JSON lines":             {"{\"qid\":\"1\",\"docid\":\"a\",\"score\":1}\n{\"qid\":\"1\",\"docid\":\"b\",\"score\":1}\n{\"qid\":\"1\",\"docid\":\"a\",\"score\":0}\n", "x:3: topic 1: document a is returned twice", readRunProblems},
		"one object":             {"{\"1\":{\"a\":3,\n\"b\":2,\n\"a\":1}}", "x:3: topic 1: document a is returned twice", readRunProblems},
		"judgements":             {"1 0 a 1\n2 0 a 1\n1 0 a 2\n", "x:3: topic 1: document a is judged twice, as 1 and as 2", readQrelsProblems},
		"a table of judgements":  {"query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t2\n1\ta\t1\n", "x:4: topic 1: document a is judged twice", readQrelsProblems},
		"a stream":               {"1 Q0 a 1 3 t\n2 Q0 a 1 3 t\n2 Q0 b 2 2 t\n2 Q0 a 3 1 t\n", "x:4: topic 2: document a is returned twice", streamProblems},
		"after lines left aside": {"1 Q0 a 1 3 t\nrubbish\n# a comment\n1 Q0 a 2 2 t\n", "x:4: topic 1: document a is returned twice", readRunProblems},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "after lines left aside" {
				_, err := c.read(c.text, trec.Options{})
				require.ErrorContains(t, err, c.want)
			}
			problems, err := c.read(c.text, trec.Options{Lenient: true, Workers: 4})
			require.NoError(t, err)
			last := problems[len(problems)-1]
			if last.Warning {
				last = problems[len(problems)-2]
			}
			assert.Contains(t, last.Error(), c.want)
		})
	}
	qrels, err := trec.ReadQrels(strings.NewReader("1 0 a 1\n1 0 b 1\n1 0 a 1\n"), "q", trec.Options{})
	require.NoError(t, err)
	assert.Equal(t, "q:3: topic 1: document a is judged twice with the same grade", qrels.Problems[0].Error())
}

func readRunProblems(text string, o trec.Options) ([]trec.Problem, error) {
	r, err := trec.ReadRun(strings.NewReader(text), "x", o)
	if err != nil {
		return nil, err
	}
	return r.Problems, nil
}

func readQrelsProblems(text string, o trec.Options) ([]trec.Problem, error) {
	q, err := trec.ReadQrels(strings.NewReader(text), "x", o)
	if err != nil {
		return nil, err
	}
	return q.Problems, nil
}

func streamProblems(text string, o trec.Options) (all []trec.Problem, err error) {
	for _, failure := range trec.StreamRun(strings.NewReader(text), "x", o, func(p trec.Problem) { all = append(all, p) }) {
		err = failure
	}
	return all, err
}

func TestE13CommentsArePassedOver(t *testing.T) {
	t.Parallel()
	text := "# made by a tool\n1 Q0 a 1 2 t\n  # in between\n1 Q0 b 2 1 t\n#\n2 Q0 a 1 1 t\n# end"
	run, err := trec.ReadRun(strings.NewReader(text), "x", trec.Options{})
	require.NoError(t, err)
	assert.Empty(t, run.Problems)
	assert.Equal(t, "t", run.Name)
	require.Len(t, run.Topics, 2)
	assert.Len(t, run.Topics[0].Entries, 2)
	topics := 0
	for topic, err := range trec.StreamRun(strings.NewReader(text), "x", trec.Options{}, nil) {
		require.NoError(t, err)
		assert.Equal(t, run.Topics[topics], topic)
		topics++
	}
	assert.Equal(t, 2, topics)

	qrels, err := trec.ReadQrels(strings.NewReader("# judged in 2026\n1 0 a 1\n#\n1 0 b 0\n"), "q", trec.Options{})
	require.NoError(t, err)
	assert.Empty(t, qrels.Problems)
	assert.Len(t, qrels.Topics[0].Judged, 2)
	table, err := trec.ReadQrels(strings.NewReader("# a table\nquery-id\tcorpus-id\tscore\n# first\n1\ta\t2\n#1\ta\t2\n"), "q", trec.Options{})
	require.NoError(t, err)
	assert.Len(t, table.Topics, 2, "in a table a topic may begin with #")

	odd, err := trec.ReadRun(strings.NewReader("#1 Q0 a 1 2 t\n1 Q0 a 1 2 t\n"), "x", trec.Options{})
	require.NoError(t, err)
	require.Len(t, odd.Problems, 1)
	assert.Equal(t, "x:1: a line that begins with # is a comment, as in trec_eval 10, though this one looks like a run line", odd.Problems[0].Error())
}
