package chromium

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Options set a Browser.
type Options struct {
	// Local is how the addresses begin that pages may ask for: a request for another
	// one is a complaint.
	Local string
	// Patience is how long Until waits; 0 means 10 s.
	Patience time.Duration
}

// Browser is a headless Chromium with one page. Make one with Open. It belongs to one
// goroutine.
type Browser struct {
	t       testing.TB
	o       Options
	command *exec.Cmd
	to      *os.File
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	// complaints are console errors, exceptions, violations of the policy and
	// requests that leave what is local.
	complaints []string
	closed     chan struct{}
}

type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// find returns the browser's path, or skips the test and says how to
// provide one.
func find(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("CASCADE_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no browser: install chromium (apt-get install chromium), or set CASCADE_CHROMIUM to a Chromium or Chrome")
	return ""
}

// Open starts a browser, which ends with the test, or skips the test where there is
// none.
func Open(t testing.TB, o Options) *Browser {
	t.Helper()
	path := find(t)
	theirIn, to, err := os.Pipe()
	require.NoError(t, err)
	from, theirOut, err := os.Pipe()
	require.NoError(t, err)
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	b := &Browser{t: t, o: o, to: to, waiting: map[int]chan reply{}, closed: make(chan struct{})}
	// The sandbox needs rights that containers do not give, and the only pages
	// that are opened are the tests' own.
	b.command = exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--no-first-run", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	b.command.ExtraFiles = []*os.File{theirIn, theirOut}
	require.NoError(t, b.command.Start())
	require.NoError(t, errors.Join(theirIn.Close(), theirOut.Close()))
	go b.listen(from)
	t.Cleanup(func() { b.stop(from) })

	var target struct{ TargetID string }
	b.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Runtime", "Log", "Page", "Network"} {
		b.Call(domain+".enable", nil, nil)
	}
	return b
}

func (b *Browser) stop(from *os.File) {
	b.mu.Lock()
	b.session = ""
	b.mu.Unlock()
	_, _ = b.to.WriteString(`{"id":1000000,"method":"Browser.close"}` + "\x00")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.command.Wait() // its status says nothing about the page
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		_ = b.command.Process.Kill()
		<-done
	}
	b.to.Close()
	from.Close()
	<-b.closed
}

func (b *Browser) listen(from *os.File) {
	defer close(b.closed)
	in := bufio.NewReaderSize(from, 1<<20)
	for {
		raw, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var r reply
		if json.Unmarshal(raw[:len(raw)-1], &r) != nil {
			continue
		}
		b.mu.Lock()
		if answer, ok := b.waiting[r.ID]; ok && r.Method == "" {
			delete(b.waiting, r.ID)
			answer <- r
		}
		b.note(r)
		b.mu.Unlock()
	}
}

// note keeps what a reader of the console would see.
func (b *Browser) note(r reply) {
	params := string(r.Params)
	switch r.Method {
	case "Runtime.exceptionThrown", "Log.entryAdded":
		b.complaints = append(b.complaints, r.Method+" "+params)
	case "Runtime.consoleAPICalled":
		if !strings.Contains(params, `"type":"log"`) {
			b.complaints = append(b.complaints, params)
		}
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		if json.Unmarshal(r.Params, &p) == nil && !strings.HasPrefix(p.Request.URL, b.o.Local) && !strings.HasPrefix(p.Request.URL, "data:") && !strings.HasPrefix(p.Request.URL, "about:") && !strings.HasPrefix(p.Request.URL, "blob:") {
			b.complaints = append(b.complaints, "request for "+p.Request.URL)
		}
	}
}

// Call calls a method of the protocol for the page, and reads its result into into if
// that is not nil.
func (b *Browser) Call(method string, params map[string]any, into any) {
	b.t.Helper()
	answer := make(chan reply, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	b.waiting[id] = answer
	message := map[string]any{"id": id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	b.mu.Unlock()
	raw, err := json.Marshal(message)
	require.NoError(b.t, err)
	_, err = b.to.Write(append(raw, 0))
	require.NoError(b.t, err)
	select {
	case r := <-answer:
		require.Nil(b.t, r.Error, "%s: %+v", method, r.Error)
		if into != nil {
			require.NoError(b.t, json.Unmarshal(r.Result, into))
		}
	case <-b.closed:
		require.Fail(b.t, "the browser ended", method)
	case <-time.After(b.o.Patience + 30*time.Second):
		require.Fail(b.t, "the browser does not answer", method)
	}
}

// Eval runs an expression in the page, waits for its promise, and returns its
// value.
func (b *Browser) Eval(expression string) any {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.Call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if r.ExceptionDetails != nil {
		require.Fail(b.t, r.ExceptionDetails.Text+" "+r.ExceptionDetails.Exception.Description, expression)
	}
	return r.Result.Value
}

// Until waits for an expression to become true, as the page sees it.
func (b *Browser) Until(expression string) {
	b.t.Helper()
	ok := b.Eval(fmt.Sprintf(`new Promise((done) => { const end = Date.now() + %d; const look = () => { let ok = false; try { ok = Boolean(%s); } catch { ok = false; } if (ok || Date.now() > end) done(ok); else setTimeout(look, 20); }; look(); })`, b.o.Patience.Milliseconds(), expression))
	require.Equal(b.t, true, ok, "never became true: %s", expression)
}

// Press sends a key, as a keyboard does.
func (b *Browser) Press(keys ...string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowDown": 40, "ArrowLeft": 37, "End": 35, " ": 32, "Escape": 27}
	for _, key := range keys {
		params := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
		if key == "Enter" {
			params["text"] = "\r"
		}
		b.Call("Input.dispatchKeyEvent", params, nil)
		b.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// Size makes the window that wide, as a phone if phone is set.
func (b *Browser) Size(width, height int, phone bool) {
	b.t.Helper()
	scale := 1
	if phone {
		scale = 2
	}
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}, nil)
}

// Open goes to an address and waits until the page is there and ready, an
// expression, is true; "" is.
func (b *Browser) Open(address, ready string) {
	b.t.Helper()
	b.Call("Page.navigate", map[string]any{"url": address}, nil)
	if ready == "" {
		ready = "true"
	}
	b.Until(`document.readyState === "complete" && ` + ready)
}

// Shoot writes a picture of the page into the folder that CASCADE_SHOTS names;
// without it, it does nothing.
func (b *Browser) Shoot(name string, whole bool) {
	b.t.Helper()
	dir := os.Getenv("CASCADE_SHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	b.Call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": whole}, &r)
	raw, err := base64.StdEncoding.DecodeString(r.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(dir+"/"+name+".png", raw, 0o600))
}

// Complaints are the console errors, exceptions, violations of the page's policy and
// requests for what is not local, as the browser told them.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.complaints)
}

// Forgive forgets the complaints that the function names.
func (b *Browser) Forgive(complaint func(string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = slices.DeleteFunc(b.complaints, complaint)
}

// In lets what fails from here on fail a part of the test.
func (b *Browser) In(t testing.TB) { b.t = t }

// NoComplaints fails the test if there are any.
func (b *Browser) NoComplaints() {
	b.t.Helper()
	require.Empty(b.t, b.Complaints())
}
