package report_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/report"
	"github.com/rankcascade/cascade/internal/chromium"
)

// browser is a browser that knows reports.
type browser struct{ *chromium.Browser }

func openBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{chromium.Open(t, chromium.Options{Local: "file:"})}
}

// open goes to a report, which is there when it has a headline.
func (b *browser) open(file, hash string) {
	b.Open("file://"+file+hash, `document.querySelector("h1") !== null`)
}

// TestInABrowser opens a report in a real browser and uses it as a reader does.
// CASCADE_SHOTS names a folder for pictures of it.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	b.Size(1280, 900, false)
	file, _ := written(t, report.Options{}, sample(t, "first", 40), sample(t, "second & <i>last</i>", 25))

	for _, c := range []struct {
		sentence string
		check    func(t *testing.T)
	}{
		{"it opens on what holds on all collections", func(t *testing.T) {
			b.open(file, "")
			assert.InDelta(t, 6, b.Eval(`document.querySelectorAll("table.all tbody tr").length`), 0)
			assert.Equal(t, "second & <i>last</i>", b.Eval(`document.querySelectorAll(".tabs a")[2].textContent`))
			b.Shoot("all", false)
		}},
		{"a collection's page shows every system, and warnings first", func(t *testing.T) {
			b.Eval(`document.querySelectorAll(".tabs a")[1].click()`)
			b.Until(`document.querySelector("h1").textContent === "first"`)
			assert.InDelta(t, 6, b.Eval(`document.querySelectorAll("table.systems tbody tr").length`), 0)
			assert.Equal(t, true, b.Eval(`document.querySelector(".warnings").getBoundingClientRect().top < document.querySelector("table.systems").getBoundingClientRect().top`))
			b.Shoot("overview", true)
		}},
		{"a header sorts, and says so", func(t *testing.T) { sorts(t, b) }},
		{"a filter narrows the table", func(t *testing.T) { filters(t, b) }},
		{"another measure is shown everywhere", func(t *testing.T) {
			b.Eval(`(() => { const m = document.getElementById("measure"); m.value = "RR@10"; m.dispatchEvent(new Event("change")); })()`)
			b.Until(`location.hash.includes("RR%4010") && document.querySelector(".verdicts .chosen").textContent.startsWith("RR@10")`)
		}},
		{"the bars answer to the keyboard alone", func(t *testing.T) { walks(t, b) }},
		{"a topic shows how documents moved", func(t *testing.T) { flows(t, b, file) }},
		{"hostile text is text", func(t *testing.T) {
			b.open(file, "?2#collection=0&topic="+url.QueryEscape(`t"<5>&=#`))
			b.Until(`document.querySelectorAll(".hits li").length > 3`)
			assert.Equal(t, hostile+" 5", b.Eval(`document.querySelector("h1").textContent`))
			b.Eval(`document.querySelectorAll(".hits details").forEach((d) => { d.open = true; })`)
			assert.Nil(t, b.Eval(`window.hacked`))
			assert.InDelta(t, 0, b.Eval(`document.querySelectorAll("img, #app script, b, i").length`), 0)
		}},
		{"the theme can be chosen", func(t *testing.T) { themes(t, b, file) }},
		{"a phone shows all of it without scrolling sideways", func(t *testing.T) { fits(t, b, file) }},
		{"a bare result opens too", func(t *testing.T) { bare(t, b) }},
	} {
		require.True(t, t.Run(c.sentence, func(t *testing.T) {
			b.In(t)
			c.check(t)
		}))
	}
	b.In(t)
	b.NoComplaints()
}

const firstRow = `document.querySelector("table.systems tbody tr th a").textContent`

func sorts(t *testing.T, b *browser) {
	head := `[...document.querySelectorAll("table.systems thead button")].find((x) => x.textContent.startsWith("nDCG@10"))`
	b.Eval(head + `.click()`)
	b.Until(head + `.closest("th").getAttribute("aria-sort") === "descending"`)
	down := b.Eval(firstRow)
	assert.Contains(t, b.Eval(`document.getElementById("live").textContent`), "systems")
	assert.Equal(t, true, b.Eval(`(() => { const v = [...document.querySelectorAll("table.systems tbody tr")].map((r) => Number.parseFloat(r.children[1].textContent)); return v.every((x, i) => i === 0 || x <= v[i - 1]); })()`))
	b.Eval(head + `.focus(); ` + head + `.click()`)
	b.Until(head + `.closest("th").getAttribute("aria-sort") === "ascending"`)
	assert.NotEqual(t, down, b.Eval(firstRow))
	assert.Equal(t, true, b.Eval(`document.activeElement === `+head), "the focus stays on the header")
}

func filters(t *testing.T, b *browser) {
	b.Eval(`(() => { const f = document.getElementById("filter"); f.focus(); f.value = "rrf"; f.dispatchEvent(new Event("input")); })()`)
	b.Until(`document.querySelectorAll("table.systems tbody tr").length === 1`)
	assert.Equal(t, "BM25 > rrf(BM25, model)", b.Eval(firstRow))
	b.Eval(`(() => { const f = document.getElementById("filter"); f.value = ""; f.dispatchEvent(new Event("input")); })()`)
	b.Until(`document.querySelectorAll("table.systems tbody tr").length === 6`)
	b.Eval(`(() => { const f = document.getElementById("topic-filter"); f.value = "T07"; f.dispatchEvent(new Event("input")); })()`)
	b.Until(`document.querySelectorAll("#topic-rows tr").length === 1`)
	assert.Equal(t, "topic-filter", b.Eval(`document.activeElement.id`))
	b.Eval(`(() => { const f = document.getElementById("topic-filter"); f.value = ""; f.dispatchEvent(new Event("input")); })()`)
}

// walks reaches the plot with the tab key, moves in it and opens a topic.
func walks(t *testing.T, b *browser) {
	b.Eval(`document.getElementById("system").focus()`)
	b.Press("Tab")
	b.Until(`document.activeElement.id === "bars-plot"`)
	assert.Equal(t, "solid", b.Eval(`getComputedStyle(document.activeElement).outlineStyle`), "the focus is visible")
	first := b.Eval(`document.getElementById("bar-readout").textContent`)
	b.Press("ArrowRight", "ArrowRight")
	assert.NotEqual(t, first, b.Eval(`document.getElementById("bar-readout").textContent`))
	b.Press("End")
	last := b.Eval(`document.querySelector("#bar-readout a").textContent`)
	b.Press("Enter")
	b.Until(`location.hash.includes("topic=")`)
	b.Until(`document.querySelector(".lead .facts") !== null`)
	assert.Equal(t, last, b.Eval(`document.querySelector(".lead .facts").textContent`))
	assert.Equal(t, "H1", b.Eval(`document.activeElement.tagName`), "reading goes on at the heading")
	b.Eval(`history.back()`)
	b.Until(`document.getElementById("bars-plot") !== null`)
}

func flows(t *testing.T, b *browser, file string) {
	b.open(file, "?1#collection=0&topic=t07&system="+url.QueryEscape("BM25 > rrf(BM25, model)"))
	b.Until(`document.querySelector("svg.flow") !== null`)
	names := b.Eval(`[...document.querySelectorAll("svg.flow .column")].map((x) => x.textContent).join("|")`)
	assert.Equal(t, "bm25|↳ rerank|blend|top-k", names)
	assert.Greater(t, b.Eval(`document.querySelectorAll("svg.flow .path").length`), 19.)
	assert.Greater(t, b.Eval(`document.querySelectorAll("svg.flow .grade3").length`), 0.)
	b.Shoot("topic", true)
	b.Eval(`document.querySelector("svg.flow .path").focus()`)
	b.Press("ArrowDown")
	assert.Contains(t, b.Eval(`document.getElementById("flow-readout").textContent`), "rerank")
	b.Press("Enter")
	b.Until(`document.activeElement.tagName === "SUMMARY" && document.activeElement.parentElement.open`)
	assert.Contains(t, b.Eval(`document.activeElement.parentElement.querySelector("table").textContent`), " gives ")
	assert.Contains(t, b.Eval(`document.activeElement.parentElement.querySelector(".text").textContent`), "text of document")
	assert.InDelta(t, 20, b.Eval(`document.querySelectorAll("#final ~ .hits li").length`), 0)
	b.Shoot("hit", false)
}

func themes(t *testing.T, b *browser, file string) {
	background := `getComputedStyle(document.body).backgroundColor`
	b.open(file, "?3#collection=0")
	light := b.Eval(background)
	b.Eval(`document.getElementById("theme").click()`)
	b.Until(background + ` !== "` + light.(string) + `"`)
	assert.Equal(t, "Theme: dark", b.Eval(`document.getElementById("theme").textContent`))
	b.Shoot("dark", true)
	b.open(file, "?4#collection=0&topic=t07&system="+url.QueryEscape("BM25 > rrf(BM25, model)"))
	b.Until(`document.querySelector("svg.flow") !== null`)
	b.Shoot("topic-dark", true)
	b.Eval(`document.getElementById("theme").click()`)
	b.Eval(`document.getElementById("theme").click()`)
	b.Until(background + ` === "` + light.(string) + `"`)
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.Until(background + ` !== "` + light.(string) + `"`)
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{}}, nil)
}

func fits(t *testing.T, b *browser, file string) {
	b.Size(360, 740, true)
	for name, hash := range map[string]string{"phone-all": "?5", "phone": "?6#collection=0", "phone-topic": "?7#collection=0&topic=t07&system=" + url.QueryEscape("BM25 > rrf(BM25, model)")} {
		b.open(file, hash)
		if name == "phone-topic" {
			b.Until(`document.querySelector("svg.flow") !== null`)
		}
		assert.LessOrEqual(t, b.Eval(`document.documentElement.scrollWidth`), 360., name)
		b.Eval(`(() => { const x = document.getElementById("system") || document.getElementById("flow-system"); if (x) { x.value = [...x.options].find((o) => o.value.includes("phone is wide")).value; x.dispatchEvent(new Event("change")); } })()`)
		b.Until(`document.querySelector("h1") !== null && document.documentElement.scrollWidth <= 360`)
		b.Shoot(name, true)
	}
}

// bare opens a report of one result that holds no stages, rankings, documents or
// comparisons.
func bare(t *testing.T, b *browser) {
	b.Size(1280, 900, false)
	file, _ := written(t, report.Options{}, &experiment.Result{
		Measures: []string{"RR"}, Baseline: "a", Topics: []experiment.Topic{{ID: "1"}},
		Systems: []experiment.System{{Name: "a", Values: [][]float64{{.5}}, Means: []float64{.5}, Unjudged: []float64{0}}},
	})
	b.open(file, "")
	assert.InDelta(t, 1, b.Eval(`document.querySelectorAll("table.systems tbody tr").length`), 0)
	b.open(file, "?8#topic=1")
	b.Until(`document.querySelector(".hits") !== null`)
	assert.Contains(t, b.Eval(`document.body.textContent`), "The result holds no rankings.")
	b.open(file, "?9#topic=none")
	assert.Equal(t, "No topic none", b.Eval(`document.querySelector("h1").textContent`))
}
