package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/benchmarks/report"
)

// E12: no head of a table is cut or broken within a word, at any width.
const brokenHeads = `(() => {
  const bad = [];
  for (const th of document.querySelectorAll("th")) {
    if (th.getClientRects().length === 0) continue;
    const walker = document.createTreeWalker(th, NodeFilter.SHOW_TEXT);
    const inBody = th.closest("tbody") !== null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest(".hidden, .query, .sub, details, svg") || (inBody && th.closest(".topics, .hardest, .pair"))) continue;
      for (const word of node.data.matchAll(/[^\s\u200b]+/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const rects = [...range.getClientRects()].filter((r) => r.width > 0.5);
        const lines = new Set(rects.map((r) => Math.round(r.top / 4)));
        if (lines.size > 1) bad.push("broken: " + word[0]);
        const box = th.getBoundingClientRect();
        for (const r of rects) if (r.left < box.left - 1 || r.right > box.right + 1) bad.push("sticks out: " + word[0]);
      }
    }
    const table = th.closest("table");
    const scroll = th.closest(".scroll");
    if (!scroll && table.getBoundingClientRect().right > document.documentElement.clientWidth + 1) bad.push("outside of the page: " + th.textContent);
  }
  return bad.join("|");
})()`

func TestE12HeadsKeepTheirWordsAtEveryWidth(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	r := sample(t, "first", 40)
	file, _ := written(t, report.Options{}, r)
	many := sample(t, "second", 25)
	all, _ := written(t, report.Options{}, r, many)
	for _, width := range []int{360, 500, 721, 900, 1024, 1280, 1366, 1440, 1600, 1920, 2560} {
		b.Size(width, 900, false)
		for name, place := range map[string][2]string{
			"overview":   {file, "?a#collection=0"},
			"everywhere": {all, "?b"},
			"topic":      {file, "?c#topic=t07&with=BM25"},
		} {
			b.open(place[0], place[1])
			if name == "topic" {
				b.Until(`document.querySelector(".pair") !== null`)
			}
			b.Eval(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`)
			assert.Empty(t, b.Eval(brokenHeads), "%s at %d px", name, width)
			if name == "overview" && width >= 1280 {
				assert.Equal(t, true, b.Eval(`(() => { const x = document.querySelector("#table .scroll"); return x.scrollWidth <= x.clientWidth; })()`), "no head is beyond the edge at %d px", width)
			}
			assert.LessOrEqual(t, b.Eval(`document.documentElement.scrollWidth`), float64(width), "%s at %d px", name, width)
		}
	}
	b.Size(1280, 900, false)
	b.open(file, "?g#collection=0")
	b.Shoot("heads", false)
	// The control: the style that was here breaks heads, and the check sees it.
	b.Size(1280, 900, false)
	b.open(file, "?d#collection=0")
	b.Eval(`document.querySelectorAll("thead button").forEach((x) => { x.style.overflowWrap = "anywhere"; x.style.wordBreak = "break-all"; x.style.width = "30px"; })`)
	assert.Contains(t, b.Eval(brokenHeads), "broken: ")
	b.NoComplaints()
}

func TestE12OnPaperTheDotsHaveNames(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	b.Size(1280, 900, false)
	file, _ := written(t, report.Options{}, sample(t, "first", 40))
	b.open(file, "#collection=0")
	shown := `[...document.querySelectorAll(".dot-name")].filter((x) => x.getClientRects().length > 0).map((x) => x.textContent)`
	b.Call("Emulation.setEmulatedMedia", map[string]any{"media": "print"}, nil)
	b.Until(shown + `.length === 6`)
	assert.Contains(t, b.Eval(shown+`.join("|")`), "BM25 > rrf(BM25, model)")
	assert.Equal(t, true, b.Eval(`(() => { const r = [...document.querySelectorAll(".dot-name")].map((x) => x.getBoundingClientRect()); return r.every((a, i) => r.every((b, j) => i >= j || a.right < b.left || b.right < a.left || a.bottom - 3 < b.top || b.bottom - 3 < a.top)); })()`), "no name covers another")
	b.Shoot("print", true)
	b.Call("Emulation.setEmulatedMedia", map[string]any{"media": ""}, nil)
	b.NoComplaints()
}

func TestE12TheKeyboardLeadsThroughTheTopics(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	b.Size(1280, 900, false)
	file, _ := written(t, report.Options{}, sample(t, "first", 40), sample(t, "second", 25))
	b.open(file, "#collection=0&topic=t07")
	b.Eval(`document.querySelector("h1").focus()`)
	b.Press("ArrowRight")
	b.Until(`location.hash.includes("topic=t08")`)
	b.Press("ArrowLeft", "ArrowLeft")
	b.Until(`location.hash.includes("topic=t06")`)
	b.Until(`document.activeElement.tagName === "H1" && document.querySelector(".lead .facts").textContent === "Topic t06"`) // a screen reader reads the new topic's heading
	b.Until(`document.querySelector("svg.flow") !== null`)
	b.Eval(`document.querySelector("svg.flow .path").focus()`)
	b.Press("ArrowRight")
	assert.Contains(t, b.Eval(`location.hash`), "topic=t06", "in the plot the arrows move in the plot")
	b.Press("Escape")
	b.Until(`!location.hash.includes("topic=") && document.querySelector("h1").textContent === "first"`)
	b.Eval(`(() => { const f = document.getElementById("filter"); f.focus(); f.value = "rrf"; f.dispatchEvent(new Event("input")); })()`)
	b.Press("Escape")
	b.Until(`document.getElementById("filter").value === "" && document.querySelectorAll("table.systems tbody tr").length === 6`)
	b.Press("Escape", "Escape")
	b.Until(`document.querySelector("table.all") !== null`)
	for _, place := range []string{"", "#collection=0", "#collection=0&topic=t07&with=*"} {
		b.open(file, "?e"+place)
		assert.Empty(t, b.Eval(unnamed), "every control, region and picture has a name for a screen reader: %s", place)
	}
	b.NoComplaints()
}

// unnamed lists what a screen reader could not name, and heads that skip a level.
const unnamed = `(() => {
  const bad = [];
  const name = (x) => (x.getAttribute("aria-label") || (x.labels && [...x.labels].map((l) => l.textContent).join("")) || (x.getAttribute("aria-labelledby") && document.getElementById(x.getAttribute("aria-labelledby")) || {}).textContent || x.textContent || "").trim();
  for (const x of document.querySelectorAll("button, a[href], select, input, [role=region], [role=group], [role=application], [role=img], [role=button], section, nav")) if (!name(x)) bad.push(x.outerHTML.slice(0, 80));
  let level = 0;
  for (const x of document.querySelectorAll("h1, h2, h3")) { const n = Number(x.tagName[1]); if (n > level + 1) bad.push("head " + x.textContent); level = n; }
  for (const x of document.querySelectorAll("table")) if (!x.querySelector("th[scope=col]")) bad.push("a table without column heads");
  return bad.join("|");
})()`

func TestE8TwoRunsDocumentByDocument(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	b.Size(1280, 900, false)
	file, _ := written(t, report.Options{}, sample(t, "first", 40))
	b.open(file, "#topic=t07&system=BM25")
	b.Until(`document.getElementById("flow-with") !== null`)
	b.Eval(`(() => { const x = document.getElementById("flow-with"); x.value = "BM25 > model"; x.dispatchEvent(new Event("change")); })()`)
	b.Until(`document.querySelector(".pair tbody tr") !== null`)
	assert.Equal(t, "BM25|BM25 > model", b.Eval(`[...document.querySelectorAll("svg.flow .column")].map((x) => x.textContent).join("|")`), "the flow leads from one to the other")
	assert.Equal(t, true, b.Eval(`(() => { const rows = [...document.querySelectorAll(".pair tbody tr")]; return rows.length >= 20 && rows.every((r) => { const [x, y, m] = [...r.children].map((c) => c.textContent); const up = Number(x) - Number(y); return x.startsWith(">") ? m === "new" : y.startsWith(">") ? m === "gone" : up === 0 ? m === "stays" : m === (up > 0 ? "up " : "down ") + Math.abs(up); }); })()`))
	b.Shoot("pair", true)
	b.Eval(`(() => { const x = document.getElementById("flow-with"); x.value = "*"; x.dispatchEvent(new Event("change")); })()`)
	b.Until(`document.querySelectorAll("svg.flow .column").length === 6`)
	b.Eval(`(() => { const x = document.getElementById("flow-with"); x.value = ""; x.dispatchEvent(new Event("change")); })()`)
	b.Until(`document.querySelectorAll("svg.flow .column").length === 1`)

	b.open(file, "?f#")
	means := `[...document.querySelectorAll(".hardest tbody tr")].map((r) => Number(r.children[1].textContent))`
	assert.Equal(t, true, b.Eval(means+`.every((x, i, all) => i === 0 || x >= all[i - 1])`), "hardest first")
	assert.InDelta(t, 15, b.Eval(means+`.length`), 0)
	b.Eval(`document.getElementById("more-hardest").click()`)
	b.Until(means + `.length === 40`)
	b.NoComplaints()
}
