package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/examples/internal/model/remote"
	"github.com/rankcascade/cascade/examples/internal/tracing"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/sourcegraph/conc"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
)

// bot answers questions about a store. It is safe for concurrent use.
type bot struct {
	about     string
	left      string           // what of a folder is not read
	store     *store           // nil over a file's pipeline
	live      *config.Live     // nil without a file
	fetcher   pipeline.Fetcher // nil where no store hands out documents
	rewriter  pipeline.Rewriter
	search    pipeline.Retriever
	generator pipeline.Generator // nil: answers are quotes
	model     string             // the language model's name
	embedded  *model.Model       // nil where words are compared
	meaning   chat.Relevance     // of sentences, by the embedded model; nil without
	sessions  sessions
	spans     *tracing.Spans // nil where nobody looks

	ahead func(context.Context) // judges documents before they are found; nil for nothing
	stop  context.CancelFunc
	wait  conc.WaitGroup
}

func newBot(ctx context.Context, o options) (*bot, error) {
	b := &bot{rewriter: carry{}, model: o.llmModel}
	var err error
	if b.spans, err = tracing.Open(ctx, o.otlp, tracing.Options{Service: "cascade-chat", Texts: o.texts}); err != nil {
		return nil, err
	}
	if o.llmURL != "" {
		if err := b.speak(o); err != nil {
			return nil, err
		}
	}
	var watched *folder
	if o.config != "" {
		err = b.follow(ctx, o)
	} else {
		watched, err = b.fill(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	if b.ahead != nil {
		b.wait.Go(func() { b.ahead(ctx) })
	}
	switch {
	case watched != nil:
		b.wait.Go(func() { b.watch(ctx, watched, o.watch) })
	case b.live != nil:
		b.wait.Go(func() { b.watchFile(ctx, o) })
	}
	return b, nil
}

// fill reads the documents into a store, and makes the pipeline over it.
func (b *bot) fill(ctx context.Context, o options) (*folder, error) {
	documents, watched, err := b.read(ctx, o)
	if err != nil {
		return nil, err
	}
	language := "en"
	if o.docs != "" {
		language = languageOf(documents)
	}
	if b.store, err = newStore(ctx, documents, godoc.WordsKey, language); err != nil {
		return nil, err
	}
	b.fetcher = b.store
	if o.model == model.MiniLM && language != "en" {
		o.model = model.None // it knows English only
		b.left = "; in the language " + language + ", which the embedded model does not know: words are compared" + b.left
	}
	return watched, b.judge(o, documents)
}

// follow makes the pipeline of a file the bot's, as the file is at each question.
func (b *bot) follow(ctx context.Context, o options) error {
	live, err := config.NewLive(ctx, o.config, stores.Kinds()...)
	if err != nil {
		return err
	}
	b.about, b.search, b.live = filepath.Base(o.config), live, live
	if fetcher, ok := live.Fetcher(); ok {
		b.fetcher = fetcher
	}
	return nil
}

// watchFile takes over what changes in the file, and says so.
func (b *bot) watchFile(ctx context.Context, o options) {
	b.live.Watch(ctx, o.watch, func(changed bool, err error) {
		switch {
		case !changed:
			fmt.Fprintln(o.out, "the file is refused, the old pipeline goes on:", err)
		case err != nil:
			fmt.Fprintln(o.out, "the file is in use, the old pipeline did not close:", err)
		default:
			fmt.Fprintln(o.out, "the file is in use")
		}
	})
}

// opened says what the bot searches, for the first line of output.
func (b *bot) opened(took time.Duration) string {
	if b.store == nil {
		return fmt.Sprintf("the pipeline of %s, built in %v", b.about, took.Round(time.Millisecond))
	}
	return fmt.Sprintf("%d passages of %s, indexed in %v%s", b.store.size(), b.about, took.Round(time.Millisecond), b.left)
}

func (b *bot) read(ctx context.Context, o options) ([]pipeline.Document, *folder, error) {
	if o.docs == "" {
		b.about = "the Go standard library"
		documents, err := godoc.Read(ctx, o.goroot, nil)
		return documents, nil, err
	}
	b.about = filepath.Base(o.docs)
	f := &folder{root: o.docs}
	documents, err := f.read(ctx)
	b.left = f.leftOut()
	return documents, f, err
}

// speak connects a language model.
func (b *bot) speak(o options) error {
	key := o.key
	if key == "" {
		key = "none" // servers of one's own want none, the client wants some
	}
	llm, err := openai.New(openai.WithBaseURL(o.llmURL), openai.WithToken(key), openai.WithModel(o.llmModel))
	if err != nil {
		return fmt.Errorf("connect the model: %w", err)
	}
	b.generator = langchain.Generator(llm, llms.WithTemperature(0.1), llms.WithMaxTokens(800))
	b.rewriter = rewrite.Condense(langchain.Generator(llm, llms.WithTemperature(0), llms.WithMaxTokens(200)), rewrite.Options{})
	return nil
}

func (b *bot) writes() string {
	if b.generator == nil {
		return "quotes from the passages, without a language model"
	}
	return "written by " + b.model
}

// watch takes over what changes in a folder.
func (b *bot) watch(ctx context.Context, f *folder, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// A folder that cannot be read now is read at the next tick.
			_ = f.changes(ctx, func(source string, documents []pipeline.Document) error {
				return b.store.replace(ctx, source, documents)
			})
		}
	}
}

func (b *bot) close() error {
	b.stop()
	b.wait.Wait()
	errs := []error{b.spans.Close()}
	if b.live != nil {
		errs = append(errs, b.live.Close())
	}
	if b.store != nil {
		errs = append(errs, b.store.index.Close())
	}
	if b.embedded != nil {
		errs = append(errs, b.embedded.Close())
	}
	return errors.Join(errs...)
}

// refined yields rankings as they get better.
func (b *bot) refined(ctx context.Context, q pipeline.Query) iter.Seq2[pipeline.Ranking, error] {
	if b.live != nil {
		return b.live.Stream(ctx, q)
	}
	return pipeline.Stream(ctx, b.search, q)
}

// size counts the passages; 0 where that is not known.
func (b *bot) size() int {
	if b.store == nil {
		return 0
	}
	return b.store.size()
}

// judge makes the pipeline with the model that the options name, or with a scorer
// of words.
func (b *bot) judge(o options, documents []pipeline.Document) error {
	var scorer reranker.Scorer = localScorer(documents)
	var fuser pipeline.Fuser = fusion.Convex{Weights: []float64{0.5, 0.5}, Norm: fusion.MinMax{}}
	m, err := model.Open(o.model, model.Options{Key: o.key, Remote: remote.Open})
	if err != nil {
		return err
	}
	if m != nil {
		b.embedded, scorer, fuser = m, m.Scorer, m.Fuser
	}
	reranks := 1 // a local model has all cores to itself
	if strings.HasPrefix(o.model, "http://") || strings.HasPrefix(o.model, "https://") {
		reranks = 16
	}
	t := newTurns(reranks)
	b.search = pipeline.Chain(searcher{named{b.store}, t}, blend(judge{scorer, t}, fuser, o.docs == ""))
	if m != nil && o.model == model.MiniLM {
		b.meaning = meaning{judge{scorer, t}}
		b.ahead = func(ctx context.Context) { ahead(ctx, t, scorer, documents) }
	}
	return nil
}

// blend fuses retrieval and reranking; where the reranker fails or is late, the
// retrieval order stands and the ranking says so. For the Go documentation, how
// much a package is used counts too.
func blend(scorer reranker.Scorer, fuser pipeline.Fuser, golang bool) pipeline.Stage {
	o := reranker.Chat()
	o.Text = reranker.WithFields(godoc.WordsKey)
	rerank := pipeline.Within(judging, reranker.Stage(scorer, o)) // a question's own deadline is longer
	if golang {
		return pipeline.Blend(fusion.Convex{Weights: []float64{0.35, 0.35, 0.3}, Norm: fusion.MinMax{}}, pipeline.Keep(), rerank, usage{})
	}
	return pipeline.Blend(fuser, pipeline.Keep(), rerank)
}

// localScorer compares words.
func localScorer(documents []pipeline.Document) reranker.Scorer {
	text := reranker.WithFields(godoc.WordsKey)
	return lexical.New(lexical.Options{Statistics: lexical.Collect(lexical.Analysis{Identifiers: true, Stem: lexical.Plural}, func(yield func(string) bool) {
		for _, d := range documents {
			if !yield(text(d)) {
				return
			}
		}
	})})
}

// The bounds of one question.
const (
	shown         = 6   // sources
	unlikely      = 0.3 // below it the answer is "I do not know"
	patience      = 60 * time.Second
	judging       = 2 * time.Second // of it for the rerank
	longest       = 2000            // bytes of a question
	longestAnswer = 32 << 10        // bytes of an answer
	promptLimit   = 4000            // tokens
)

var errLong = fmt.Errorf("the question is longer than %d characters", longest)

// ask answers a question of a session and tells what it finds as it finds it. The
// session must be held by the caller.
func (b *bot) ask(ctx context.Context, s *session, question string, tell func(event) error) error {
	question = strings.TrimSpace(question)
	if question == "" {
		return errors.New("the question is empty")
	}
	if len(question) > longest {
		return errLong
	}
	ctx, cancel := context.WithTimeout(b.spans.Context(ctx), patience)
	defer cancel()
	ctx, span := pipeline.Begin(ctx, "question", "chat")
	err := exchange{b, s, tell}.respond(ctx, question, span)
	span.End(err)
	return err
}

// answerTo streams the events of an answer, one JSON object on each line.
func (b *bot) answerTo(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Question string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&asked); err != nil {
		fail(w, http.StatusBadRequest, errors.New("the question is not readable"))
		return
	}
	s, release, err := b.sessions.hold(r.Header.Get("X-Session"))
	switch {
	case errors.Is(err, errNoSession):
		fail(w, http.StatusNotFound, err)
		return
	case err != nil:
		fail(w, http.StatusConflict, err)
		return
	}
	defer release()
	if s.turns == maxTurns {
		fail(w, http.StatusConflict, errFull)
		return
	}
	s.turns++
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	tell := func(e event) error {
		// A reader who stopped reading holds no answer longer than this.
		if err := out.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if err := encoder.Encode(e); err != nil {
			return err
		}
		return out.Flush()
	}
	if err := b.ask(r.Context(), s, asked.Question, tell); err != nil && r.Context().Err() == nil {
		_ = tell(event{Kind: "error", Text: brief(err)})
	}
}

// passage returns a passage of a session by its number, also one that has left.
func (b *bot) passage(w http.ResponseWriter, r *http.Request) {
	s, release, err := b.sessions.hold(r.Header.Get("X-Session"))
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	defer release()
	n, err := strconv.Atoi(r.URL.Query().Get("number"))
	if err != nil {
		fail(w, http.StatusBadRequest, errors.New("a passage has a number"))
		return
	}
	p, ok := s.conversation.Passage(n)
	if !ok {
		fail(w, http.StatusNotFound, fmt.Errorf("this chat has no passage %d", n))
		return
	}
	write(w, http.StatusOK, passageOf(p))
}

// secrets matches what looks like a key in what a server said.
var secrets = regexp.MustCompile(`(?i)\b(?:sk|pk|key|token|bearer|v1)[-_. ][\w.-]{8,}`)

// brief is an error in one line without what a server may have said at length, or
// of keys.
func brief(err error) string { return briefly(err.Error()) }

func briefly(text string) string {
	text = secrets.ReplaceAllString(oneLine(text), "…")
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "…"
	}
	return text
}
