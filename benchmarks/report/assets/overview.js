// The order and the filter of a table outlive a redrawing.
const view = { sort: "given", down: true, filter: "", marked: false, topics: "", topicSort: "difference", topicDown: true, shown: 15, hardest: 15, warnings: false };

const columnsOf = (result, m) => {
  const any = (pick) => result.systems.some((x) => pick(x) > 0);
  const compared = (x) => x.compared[m];
  return [
    { key: "name", label: "System", of: (x) => x.name.toLowerCase(), text: true },
    ...result.measures.map((name, i) => ({ key: "m" + i, label: name, of: (x) => x.means[i], cell: (x) => figure(x, i, i === m), number: true, strong: i === m })),
    { key: "difference", label: "Difference", of: (x) => (compared(x) ? compared(x).mean : 0), cell: (x) => (compared(x) ? signed(compared(x).mean) : "–"), number: true },
    { key: "interval", label: "95 % interval", of: (x) => (compared(x) ? compared(x).low : 0), cell: (x) => whisker(result, x, m) },
    { key: "wins", label: "Wins / ties / losses", of: (x) => (compared(x) ? compared(x).wins - compared(x).losses : 0), cell: (x) => tally(compared(x)) },
    { key: "p", label: "Corrected p", of: (x) => (compared(x) ? compared(x).corrected : 2), cell: (x) => marked(compared(x)), number: true, up: true },
    { key: "unjudged", label: "Unjudged", of: (x) => x.unjudged[m], cell: (x) => percent(x.unjudged[m]), number: true, up: true },
    any((x) => x.ceiling + 1) && { key: "ceiling", label: "Ceiling", hint: "share of the relevant documents among the candidates that the last reranker was given: no reranking brings in what is not there", of: (x) => x.ceiling, cell: ceiling, number: true },
    ran(result) && { key: "time", label: "Time / topic", hint: "mean; median and 95th percentile below", of: (x) => x.cost.mean, cell: latency, number: true, up: true },
    any((x) => x.cost.calls || x.cost.tokens || x.cost.cached || x.cost.price) && { key: "cost", label: "Cost", hint: "price, where there is one, or tokens; then tokens, calls, and scores that were known before", of: (x) => x.cost.price || x.cost.tokens, cell: spent, number: true, up: true },
  ].filter(Boolean);
};

const figure = (x, i, wide) => [
  value4(x.means[i]),
  x.spread && x.spread[i] ? h("span", { class: "sub" }, value4(x.spread[i][0]) + " to " + value4(x.spread[i][1]) + " in " + x.repeats + " repeats") : null,
  wide ? null : mark(x.compared[i]),
];

// mark is the only sign of significance, and it needs a corrected p.
const mark = (c) => (c && c.mark ? h("span", { class: "mark " + (c.mean > 0 ? "gain" : "loss"), title: "corrected p = " + pValue(c.corrected) }, c.mean > 0 ? " ▲" : " ▼", h("span", { class: "hidden" }, c.mean > 0 ? "better" : "worse", " than the baseline")) : null);

const marked = (c) => (c ? [pValue(c.corrected), mark(c), h("span", { class: "sub" }, "p ", pValue(c.p), " alone"), c.remark ? h("span", { class: "flag bad" }, "not marked: " + c.remark) : null] : "baseline");

const ceiling = (x) => (x.ceiling < 0 ? "–" : [percent(x.ceiling), h("span", { class: "sub" }, "of " + x.ceilingDepth)]);

const latency = (x) => [milliseconds(x.cost.mean), h("span", { class: "sub" }, milliseconds(x.cost.p50) + ", " + milliseconds(x.cost.p95)), x.cost.ofCache ? h("span", { class: "sub" }, plural(x.cost.ofCache, "topic", "topics") + " of cached scores") : null];

const spent = (x) => {
  const c = x.cost;
  const parts = [c.price ? plural(c.tokens, "token", "tokens") : null, c.calls ? plural(c.calls, "call", "calls") : null, c.cached ? count(c.cached) + " cached" : null].filter(Boolean);
  return [c.price ? fixed(c.price, 4) : c.tokens ? count(c.tokens) + " tokens" : "–", parts.map((text) => h("span", { class: "sub" }, text))];
};

const tally = (c) => {
  if (!c) return "–";
  const all = Math.max(1, c.wins + c.ties + c.losses);
  const width = 84;
  const wins = (width * c.wins) / all;
  const losses = (width * c.losses) / all;
  return [
    h("span", { class: "nowrap" }, c.wins + " / " + c.ties + " / " + c.losses),
    s("svg", { class: "tally", width, height: 6, "aria-hidden": "true" },
      s("rect", { class: "bar-tie", width, height: 6, rx: 1 }),
      s("rect", { class: "bar-gain", width: wins, height: 6, rx: 1 }),
      s("rect", { class: "bar-loss", x: width - losses, width: losses, height: 6, rx: 1 })),
  ];
};

const flags = (now, x) => {
  const list = [];
  const { result, measure } = now;
  const others = result.measures.filter((_, i) => i !== measure && x.below[i]);
  if (x.below[measure]) list.push(h("span", { class: "flag bad" }, "below its input " + x.below[measure], others.length ? ", also on " + others.join(", ") : null));
  else if (others.length) list.push(h("span", { class: "flag bad" }, "below an input on " + others.join(", ")));
  if (x.failures && x.failures.length) list.push(h("span", { class: "flag bad" }, "failed on " + plural(x.failures.length, "topic", "topics") + ", counted 0"));
  if (x.degraded && x.degraded.length) list.push(h("span", { class: "flag bad" }, "degraded on " + plural(x.degraded.length, "topic", "topics")));
  if (x.tuning) list.push(h("span", { class: "flag" }, "tuned, measured on held-out topics"));
  return list;
};

const overview = (now) => {
  const { result, measure } = now;
  return [
    h("header", { class: "lead" },
      h("h1", { tabindex: -1 }, result.collection || result.name || "Experiment"),
      h("p", { class: "facts" }, [result.collection && result.name, plural(result.topics.length, "topic", "topics"), result.documents ? plural(result.documents, "document", "documents") : null, "baseline " + result.baseline].filter(Boolean).join(" · "))),
    verdicts(result, measure),
    warnings(result),
    h("section", { "aria-labelledby": "systems" }, h("h2", { id: "systems" }, "Systems"), controls(now), h("div", { id: "table" }, table(now)), h("p", { class: "note" }, result.testing)),
    ran(result) && h("section", { "aria-labelledby": "cost" }, h("h2", { id: "cost" }, "Quality and time"), scatter(now)),
    h("section", { "aria-labelledby": "topics" }, h("h2", { id: "topics" }, "Topic by topic"), h("div", { id: "bars" }, bars(now)), h("div", { id: "topic-list" }, topicList(now))),
    h("section", { "aria-labelledby": "hardest" }, h("h2", { id: "hardest" }, "Per query, hardest first"), h("div", { id: "hardest-list" }, hardest(now))),
    h("section", { "aria-labelledby": "inside" }, h("h2", { id: "inside" }, "Inside the systems"), result.systems.map((x, i) => inside(now, x, i))),
    h("footer", {}, h("h2", {}, "Conventions"), h("p", {}, result.conventions), result.cut && h("p", {}, result.cut), result.licence && h("p", {}, "Licence of the collection: " + result.licence)),
  ];
};

// verdicts says in words what the table shows.
const verdicts = (result, chosen) => h("ul", { class: "verdicts" }, result.measures.map((name, m) => {
  const others = result.systems.filter((x) => x.compared[m]);
  if (others.length === 0) return null;
  const better = others.filter((x) => x.compared[m].mark && x.compared[m].mean > 0).length;
  const worse = others.filter((x) => x.compared[m].mark && x.compared[m].mean < 0).length;
  const open = others.length - better - worse;
  return h("li", { class: m === chosen ? "chosen" : null }, h("strong", {}, name), " ",
    h("span", { class: better ? "gain" : null }, better + " of " + others.length + " better"), ", ",
    h("span", { class: worse ? "loss" : null }, worse + " worse"), ", " + open + " not distinguishable from " + result.baseline);
}));

const warnings = (result) => {
  const list = result.warnings || [];
  if (list.length === 0) return null;
  const few = 4;
  const shown = view.warnings ? list : list.slice(0, few);
  return h("section", { class: "warnings", "aria-labelledby": "warnings" },
    h("h2", { id: "warnings" }, plural(list.length, "warning", "warnings")),
    h("ul", {}, shown.map((text) => h("li", {}, text))),
    list.length > few && h("button", { type: "button", id: "all-warnings", "aria-expanded": String(view.warnings), onclick: () => { view.warnings = !view.warnings; redraw("all-warnings"); } }, view.warnings ? "Show fewer" : "Show all " + list.length));
};

const controls = (now) => {
  const { result, measure } = now;
  return h("div", { class: "controls" },
    h("label", {}, "Measure", h("select", { id: "measure", onchange: (e) => go({ measure: e.target.value }) }, result.measures.map((name, i) => h("option", { value: name, selected: i === measure }, name)))),
    h("label", {}, "Sort by", h("select", { id: "sort", onchange: (e) => { sortBy(columnsOf(result, measure).find((c) => c.key === e.target.value)); } },
      h("option", { value: "given", selected: view.sort === "given" }, "as given"), columnsOf(result, measure).map((c) => h("option", { value: c.key, selected: view.sort === c.key }, c.label)))),
    h("label", {}, "Find a system", h("input", { id: "filter", type: "search", value: view.filter, oninput: (e) => { view.filter = e.target.value; redrawTable(); } })),
    h("label", { class: "check" }, h("input", { id: "marked", type: "checkbox", checked: view.marked, onchange: (e) => { view.marked = e.target.checked; redrawTable(); } }), "only marked differences"));
};

const sortBy = (column) => {
  if (!column) { view.sort = "given"; view.down = true; } else if (view.sort === column.key) view.down = !view.down;
  else { view.sort = column.key; view.down = !column.up && !column.text; }
  announce("sorted by " + (column ? column.label + (view.down ? ", descending" : ", ascending") : "the given order"));
  redrawTable();
};

const redrawTable = () => {
  const now = where();
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
  document.getElementById("table").replaceChildren(table(now));
  const select = document.getElementById("sort");
  if (select) select.value = view.sort;
  if (focused) {
    const again = document.querySelector('#table [data-key="' + focused + '"]');
    if (again) again.focus();
  }
};

const visible = (now, column) => {
  const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = now.result.systems.map((x, i) => ({ x, i })).filter(({ x }) => words.every((w) => x.name.toLowerCase().includes(w)) && (!view.marked || (x.compared[now.measure] && x.compared[now.measure].mark)));
  if (column) {
    const sign = view.down ? -1 : 1;
    rows.sort((a, b) => {
      const u = column.of(a.x);
      const v = column.of(b.x);
      return u < v ? -sign : u > v ? sign : a.i - b.i;
    });
  }
  return rows;
};

const table = (now) => {
  const columns = columnsOf(now.result, now.measure);
  const column = columns.find((c) => c.key === view.sort);
  const rows = visible(now, column);
  const head = columns.map((c) => h("th", { scope: "col", class: c.number ? "number" : null, "aria-sort": c === column ? (view.down ? "descending" : "ascending") : "none" },
    h("button", { type: "button", "data-key": c.key, title: c.hint, onclick: () => sortBy(c) }, c.label, h("span", { class: "arrow", "aria-hidden": "true" }, c === column ? (view.down ? " ↓" : " ↑") : ""))));
  const body = rows.map(({ x, i }) => h("tr", { class: (i === 0 ? "baseline " : "") + (i === now.system ? "chosen" : ""), "data-system": x.name },
    columns.map((c) => (c.text ? h("th", { scope: "row" },
      h("a", { href: link({ system: x.name }), title: "show this system in the plots below", "aria-current": i === now.system ? "true" : null }, breakable(x.name)), i === 0 && h("span", { class: "flag" }, "baseline"), flags(now, x))
      : h("td", { class: (c.number ? "number " : "") + (c.strong ? "strong" : ""), "data-label": c.label }, c.cell(x))))));
  announce(rows.length + " of " + now.result.systems.length + " systems");
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "table of systems" },
    h("table", { class: "systems" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body.length ? body : h("tr", {}, h("td", { colspan: columns.length }, "No system matches.")))));
};

const inside = (now, x, i) => h("details", { open: false, id: "inside-" + i },
  h("summary", {}, breakable(x.name), x.tuning && h("span", { class: "flag" }, "tuned")),
  x.tuning && h("p", { class: "note" }, x.tuning),
  x.troubles && h("ul", { class: "troubles" }, x.troubles.slice(0, 20).map((f) => h("li", {}, h("a", { href: link({ topic: f.topic, system: x.name }) }, f.topic), " " + f.error)), x.troubles.length > 20 && h("li", {}, "and " + (x.troubles.length - 20) + " more")),
  h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "stages of " + x.name }, h("table", { class: "stages" },
    h("thead", {}, h("tr", {}, ["After stage", ...now.result.measures, "Median", "95th percentile", "Time / topic", "Calls", "Documents", "Tokens", "Cached"].map((t, j) => h("th", { scope: "col", class: j ? "number" : null }, t)))),
    h("tbody", {}, x.stages.flatMap((st) => [
      ...(st.inputs || []).map((input) => h("tr", { class: "input" }, h("th", { scope: "row" }, "↳ input " + input.name), input.means.map((v) => h("td", { class: "number" }, value4(v))), h("td", { colspan: 7 }))),
      h("tr", {}, h("th", { scope: "row" }, st.name, st.shared && h("span", { class: "flag" }, "run once, shared")), st.means.map((v) => h("td", { class: "number" }, value4(v))),
        [milliseconds(st.cost.p50), milliseconds(st.cost.p95), milliseconds(st.cost.mean), count(st.cost.calls), count(st.cost.documents), count(st.cost.tokens), count(st.cost.cached)].map((v) => h("td", { class: "number" }, v))),
    ])))),
  x.calibration && reliability(x),
  h("pre", { class: "tree" }, x.tree));

// The first page of a report on several collections: what holds on all of them.
const everywhere = (now) => {
  const measure = now.result.measures[now.measure];
  const names = [];
  for (const r of page.results) for (const x of r.systems) if (!names.includes(x.name)) names.push(x.name);
  const cell = (r, name) => {
    const m = r.measures.indexOf(measure);
    const x = r.systems.find((y) => y.name === name);
    if (m < 0 || !x) return h("td", { class: "number", "data-label": r.collection || r.name }, "–");
    const c = x.compared[m];
    return h("td", { class: "number", "data-label": r.collection || r.name }, value4(x.means[m]), mark(c), h("span", { class: "sub" }, c ? signed(c.mean) : "baseline"), x.below[m] ? h("span", { class: "flag bad", title: x.below[m] }, "below its input") : null);
  };
  const many = page.results.reduce((n, r) => n + (r.warnings || []).length, 0);
  return [
    h("header", { class: "lead" }, h("h1", { tabindex: -1 }, page.results[0].name || "Experiment"), h("p", { class: "facts" }, plural(page.results.length, "collection", "collections") + " · " + plural(names.length, "system", "systems") + " · baseline " + now.result.baseline)),
    many > 0 && h("p", { class: "warnings small" }, plural(many, "warning", "warnings") + ": each collection's page begins with its own."),
    h("div", { class: "controls" }, h("label", {}, "Measure", h("select", { id: "measure", onchange: (e) => go({ collection: "all", measure: e.target.value }) }, now.result.measures.map((name, i) => h("option", { value: name, selected: i === now.measure }, name))))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "systems on all collections" }, h("table", { class: "systems all" },
      h("caption", { class: "hidden" }, measure + " of every system on every collection"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "System"), page.results.map((r, i) => h("th", { scope: "col", class: "number" }, h("a", { href: link({ collection: String(i), topic: null, measure }) }, breakable(r.collection || r.name)), h("span", { class: "sub" }, plural(r.topics.length, "topic", "topics")))))),
      h("tbody", {}, names.map((name, i) => h("tr", { class: i === 0 ? "baseline" : null }, h("th", { scope: "row" }, breakable(name)), page.results.map((r) => cell(r, name))))))),
    h("p", { class: "note" }, "▲ better and ▼ worse than the baseline of the same collection. " + page.results[0].testing + " Each collection is corrected on its own: among " + page.results.length + ", a mark by chance is up to " + page.results.length + " times as likely as on one."),
    h("ul", { class: "verdicts" }, page.results.map((r) => {
      const m = Math.max(0, r.measures.indexOf(measure));
      const others = r.systems.filter((x) => x.compared[m]);
      const better = others.filter((x) => x.compared[m].mark && x.compared[m].mean > 0).length;
      const worse = others.filter((x) => x.compared[m].mark && x.compared[m].mean < 0).length;
      return h("li", {}, h("strong", {}, r.collection || r.name), " " + better + " of " + others.length + " better, " + worse + " worse, " + (others.length - better - worse) + " not distinguishable");
    })),
  ];
};
