package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/pipeline"
)

// questions were written before anybody looked at an answer: as people ask, with
// typing errors, and in other words than the documentation has. Each answer would
// satisfy.
var questions = []struct{ text, answers string }{
	{"how do I read a file line by line", "bufio.Scanner bufio.NewScanner bufio.Scanner.Scan bufio.ScanLines"},
	{"run something after a delay", "time.AfterFunc time.After time.NewTimer time.Sleep"},
	{"turn a string into a number", "strconv.Atoi strconv.ParseInt strconv.ParseFloat"},
	{"check what kind of error happened", "errors.Is errors.As errors.AsType"},
	{"wait until all goroutines are finished", "sync.WaitGroup sync.WaitGroup.Wait"},
	{"make a web server", "net/http.ListenAndServe net/http.Server net/http.Server.ListenAndServe net/http"},
	{"stop a request that takes too long", "context.WithTimeout net/http.Client.Timeout context.WithDeadline"},
	{"shuffle a list randomly", "math/rand.Shuffle math/rand/v2.Shuffle math/rand.Rand.Shuffle math/rand/v2.Rand.Shuffle math/rand.Perm math/rand/v2.Perm"},
	{"get rid of spaces around a text", "strings.TrimSpace bytes.TrimSpace strings.Trim"},
	{"pretty print json", "encoding/json.MarshalIndent encoding/json.Indent encoding/json.Encoder.SetIndent"},
	{"pasre a date from a string", "time.Parse time.ParseInLocation"},
	{"conver bytes to hexadecimal", "encoding/hex.EncodeToString encoding/hex encoding/hex.Encode"},
	{"is a file there", "os.Stat io/fs.Stat os.IsNotExist os.ErrNotExist io/fs.ErrNotExist"},
	{"delete a directory with everything in it", "os.RemoveAll"},
	{"biggest of several numbers", "slices.Max math.Max slices.MaxFunc"},
	{"protect a variable that several goroutines write to", "sync.Mutex sync.RWMutex sync/atomic"},
	{"unpack a zip archive", "archive/zip.OpenReader archive/zip archive/zip.Reader archive/zip.NewReader archive/zip.ReadCloser"},
	{"encrypt a password so that it cannot be read", "crypto/pbkdf2.Key crypto/pbkdf2 crypto/sha256.Sum256 crypto/cipher crypto/aes"},
	{"find all matches of a pattern in a text", "regexp.Regexp.FindAllString regexp.Regexp.FindAll regexp.Regexp.FindAllStringSubmatch regexp regexp.Regexp"},
	{"look up the ip address of a host", "net.LookupHost net.LookupIP net.Resolver.LookupHost net.Resolver.LookupIP net.LookupAddr net.Resolver.LookupIPAddr"},
	{"start another program and read what it prints", "os/exec.Cmd.Output os/exec.Command os/exec.Cmd.CombinedOutput os/exec os/exec.Cmd os/exec.Cmd.StdoutPipe"},
	{"react to ctrl-c", "os/signal.Notify os/signal.NotifyContext os/signal"},
	{"fill in an html page with values", "html/template.Template.Execute html/template text/template.Template.Execute html/template.Template"},
	{"measure how long something took", "time.Since time.Time.Sub"},
	{"keep only the elements that fulfil a condition", "slices.DeleteFunc maps.DeleteFunc slices.IndexFunc"},
	{"remove duplicates from a sorted slice", "slices.Compact slices.CompactFunc"},
	{"command line arguments", "flag flag.Args os.Args flag.Parse"},
	{"do something only the first time", "sync.Once sync.OnceFunc sync.OnceValue sync.Once.Do"},
	{"join words with commas", "strings.Join bytes.Join"},
	{"compare two structures deeply", "reflect.DeepEqual"},
}

// TestMeanReciprocalRankOfThirtyQuestions asks the whole library, with and without
// the model. Its minute of computing is spent where CASCADE_QUESTIONS names a
// folder for the vectors.
func TestMeanReciprocalRankOfThirtyQuestions(t *testing.T) {
	folder := os.Getenv("CASCADE_QUESTIONS")
	if folder == "" {
		t.Skip("set CASCADE_QUESTIONS to a folder, in which the vectors will be kept")
	}
	c, err := readCorpus(t.Context(), "", nil)
	require.NoError(t, err)
	mrr := func(name string) float64 {
		s, err := newSystem(t.Context(), c, options{answers: 50, model: name, folder: folder})
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.close()) }()
		total := 0.0
		for _, q := range questions {
			r, err := s.search.Retrieve(t.Context(), pipeline.Query{Text: q.text})
			require.NoError(t, err)
			rank := 0
			for i, h := range r.Hits {
				if rank == 0 && strings.Contains(" "+q.answers+" ", " "+h.Document.ID+" ") {
					rank = i + 1
					total += 1 / float64(rank)
				}
			}
			t.Logf("%-8s %3d  %s", name, rank, q.text)
		}
		return total / float64(len(questions))
	}
	without, with := mrr(model.None), mrr(model.MiniLM)
	t.Logf("mean reciprocal rank: %.3f without a model, %.3f with MiniLM", without, with)
	assert.Greater(t, with, without)
}
