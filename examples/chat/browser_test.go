package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/internal/chromium"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser is a browser that knows the page of the chat.
type browser struct {
	*chromium.Browser
	t *testing.T
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{chromium.Open(t, chromium.Options{Local: "http://127.0.0.1:", Patience: time.Minute}), t}
}

// open goes to the page and waits for its session.
func (b *browser) open(address string) {
	b.t.Helper()
	b.Open(address, `session !== ""`)
}

// ask writes a question and sends it with the keyboard.
func (b *browser) ask(question string) {
	b.t.Helper()
	before := b.Eval(`document.querySelectorAll("article").length`).(float64)
	b.Eval(`document.getElementById("question").focus()`)
	b.Call("Input.insertText", map[string]any{"text": question}, nil)
	b.Press("Enter")
	b.Until(fmt.Sprintf(`document.querySelectorAll("article").length === %v`, before+1))
}

func (b *browser) answered() string {
	b.t.Helper()
	b.Until(`running === null && document.querySelector("article:last-of-type .wait") === null`)
	return b.text("article:last-of-type .answer")
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	text, _ := b.Eval(fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.innerText).join("\n")`, selector)).(string)
	return text
}

// forgive forgets what the browser itself says about connections that broke.
func (b *browser) forgive() {
	b.Forgive(func(complaint string) bool { return strings.Contains(complaint, `"source":"network"`) })
}

func serving(t *testing.T, b *bot) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler(b))
	t.Cleanup(s.Close)
	return s
}

func TestThePageInABrowser(t *testing.T) {
	b := openBrowser(t)
	plain := testBot(t, options{})
	home := serving(t, plain).URL

	t.Run("ask, follow up, open a citation", func(t *testing.T) {
		b.open(home)
		b.Size(1100, 800, false)
		assert.Contains(t, b.text("#about"), "without a language model")
		b.ask("When does the bank vault open?")
		assert.Contains(t, b.answered(), "The bank vault opens at nine o'clock.")
		assert.Contains(t, b.text(".badges"), "no language model")
		assert.Contains(t, b.text(".sources"), "The vault")
		b.Eval(`document.querySelector(".sources summary").click()`)
		assert.Contains(t, b.text(".sources pre"), "bm25", "why this source shows the arithmetic")
		b.ask("And on Sundays?")
		assert.Contains(t, b.answered(), "stays closed on Sundays")
		assert.Contains(t, b.text(".rewritten"), "When does the bank vault open – And on Sundays?")
		b.Eval(`[...document.querySelectorAll("article:last-of-type blockquote")].find((q) => q.innerText.includes("Sundays")).querySelector("button.cite").focus()`)
		b.Press("Enter")
		b.Until(`document.getElementById("reader").open && document.querySelector("#readerText mark")`)
		assert.Contains(t, b.text("#readerText mark"), "stays closed on Sundays")
		b.Shoot("citation", false)
		b.Eval(`document.querySelector("#reader button").click()`)
		b.ask("What is the airspeed of a swallow?")
		assert.Contains(t, b.answered(), "I do not know")
		b.Shoot("light", false)
		b.NoComplaints()
	})

	t.Run("what a screen reader is told, a phone and the dark", func(t *testing.T) {
		assert.Contains(t, b.text("#status"), "Answer complete")
		assert.Equal(t, true, b.Eval(`[...document.querySelectorAll("button, textarea")].every((e) => e.innerText.trim() || e.getAttribute("aria-label") || e.labels?.length)`))
		b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
		b.Shoot("dark", false)
		b.Size(390, 780, true)
		assert.Equal(t, true, b.Eval(`document.documentElement.scrollWidth <= innerWidth`), "nothing is wider than a phone")
		b.Shoot("phone", false)
		b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []any{}}, nil)
		b.Size(1100, 800, false)
		b.NoComplaints()
	})

	t.Run("twenty turns", func(t *testing.T) {
		b.Eval(`document.getElementById("fresh").click()`)
		b.Until(`document.querySelectorAll("article").length === 0 && session !== ""`)
		for i := range 20 {
			b.ask([]string{"When does the bank vault open?", "What does a pilot cost for a ship?", "How hot must the oven be for bread?"}[i%3])
			assert.NotEmpty(t, b.answered())
		}
		b.NoComplaints()
	})

	t.Run("an answer that streams can be stopped", func(t *testing.T) {
		m := &talker{pieces: strings.SplitAfter(strings.Repeat("The vault opens slowly [1]. ", 400), " "), pause: 20 * time.Millisecond}
		b.open(serving(t, testBot(t, options{llmURL: m.serve(t), llmModel: "slow"})).URL)
		b.ask("When does the bank vault open?")
		b.Until(`document.querySelector(".answer").innerText.length > 40`)
		b.Eval(`document.getElementById("stop").click()`)
		b.Until(`running === null`)
		assert.Contains(t, b.text(".badges"), "stopped")
		b.NoComplaints()
		m.mu.Lock()
		m.pieces, m.pause = []string{"It is <b>open</b> [1] and `a[2]` **now** [7]."}, 0
		m.mu.Unlock()
		b.Until(`fetch("/api/passage?number=1", { headers: { "X-Session": session } }).then((r) => r.ok)`) // the server has let go
		b.ask("Is the vault open?")
		assert.Contains(t, b.answered(), "<b>open</b>", "a model's text is text")
		assert.Contains(t, b.text("article:last-of-type .badges"), "cites what is not there: 7")
		b.forgive()
		b.NoComplaints()
	})

	t.Run("a server that dies in mid-stream", func(t *testing.T) {
		m := &talker{pieces: strings.SplitAfter(strings.Repeat("On and on it goes [1]. ", 400), " "), pause: 20 * time.Millisecond}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := &http.Server{Handler: handler(testBot(t, options{llmURL: m.serve(t), llmModel: "slow"}))}
		go func() { _ = server.Serve(listener) }()
		b.open("http://" + listener.Addr().String())
		b.ask("When does the bank vault open?")
		b.Until(`document.querySelector(".answer").innerText.length > 40`)
		require.NoError(t, server.Close())
		b.Until(`running === null`)
		assert.Contains(t, b.text(".badges"), "the server")
		assert.Contains(t, b.text(".answer"), "On and on it goes", "what came stays")
		b.ask("And now?")
		b.Until(`running === null`)
		assert.Contains(t, b.text("article:last-of-type .badges"), "the server is not there")
		b.forgive()
		b.NoComplaints()
	})

	t.Run("a reranker and a model that are down", func(t *testing.T) {
		down := testBot(t, options{llmURL: "http://127.0.0.1:1", llmModel: "gone"})
		down.search = pipeline.Chain(down.store.index, blend(failingScorer, model.Blend(), false))
		b.open(serving(t, down).URL)
		b.ask("When does the bank vault open?")
		assert.Contains(t, b.answered(), "opens at nine o'clock")
		assert.Contains(t, b.text(".badges"), "degraded: rerank")
		assert.Contains(t, b.text(".badges"), "the model is not there")
		b.Shoot("degraded", false)
		b.NoComplaints()
	})

	t.Run("two sessions at once", func(t *testing.T) {
		b.open(home)
		b.ask("When does the bank vault open?")
		b.answered()
		other := b.Eval(`fetch("/api/session", { method: "POST" }).then((r) => r.json()).then((s) => s.session)`)
		assert.NotEqual(t, other, b.Eval(`session`))
		seen := b.Eval(fmt.Sprintf(`fetch("/api/passage?number=1", { headers: { "X-Session": %q } }).then((r) => r.status)`, other))
		assert.Equal(t, 404.0, seen)
		b.forgive()
		b.NoComplaints()
	})

	t.Run("the Go documentation, for a picture", func(t *testing.T) {
		if os.Getenv("CASCADE_SHOTS") == "" {
			t.Skip("set CASCADE_SHOTS to a folder for pictures")
		}
		golang, err := newBot(t.Context(), options{model: model.MiniLM})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, golang.close()) })
		b.open(serving(t, golang).URL)
		b.Size(1000, 760, false)
		b.ask("How do I make an HTTP GET request?")
		b.answered()
		b.ask("And with a timeout?")
		b.answered()
		b.Until(`document.getAnimations().length === 0`)
		b.Shoot("go", false)
		b.NoComplaints()
	})
}
