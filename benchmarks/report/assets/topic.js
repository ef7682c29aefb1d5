const topicPage = (now) => {
  const { result } = now;
  const index = result.topics.findIndex((t) => t.id === now.topic);
  if (index < 0) return [h("h1", { tabindex: -1 }, "No topic " + now.topic), h("p", {}, h("a", { href: link({ topic: null }) }, "Back to all topics"))];
  const topic = result.topics[index];
  const step = (by) => {
    const other = result.topics[index + by];
    return other ? h("a", { href: link({ topic: other.id }), rel: by < 0 ? "prev" : "next" }, by < 0 ? "‹ " + other.id : other.id + " ›") : null;
  };
  const body = h("div", { id: "topic-body" }, h("p", { class: "note" }, "Unpacking ..."));
  detailsOf(result, index).then((details) => body.replaceChildren(...topicBody(now, index, details)), (error) => body.replaceChildren(h("p", { class: "warnings" }, "The rankings of this topic cannot be shown: " + error.message)));
  return [
    h("nav", { class: "steps", "aria-label": "topics, also with the left and right arrow keys; escape goes back" }, h("a", { href: link({ topic: null }) }, "← " + (result.collection || "all topics")), step(-1), step(1)),
    h("header", { class: "lead" }, h("p", { class: "facts" }, "Topic " + topic.id), h("h1", { tabindex: -1 }, topic.text || "Topic " + topic.id)),
    h("section", { "aria-labelledby": "values" }, h("h2", { id: "values" }, "Systems on this topic"), valuesOf(now, index)),
    body,
  ];
};

// valuesOf lists what every system reached on the topic.
const valuesOf = (now, index) => {
  const { result, measure, system } = now;
  const order = result.systems.map((_, i) => i).sort((a, b) => result.systems[b].values[measure][index] - result.systems[a].values[measure][index] || a - b);
  const most = Math.max(1e-9, ...result.systems.map((x) => x.values[measure][index]));
  const id = result.topics[index].id;
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "values of the systems" }, h("table", { class: "values" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "System"), h("th", { scope: "col", class: "meter" }, h("span", { class: "hidden" }, "bar")), result.measures.map((m, i) => h("th", { scope: "col", class: "number" }, i === measure ? m : h("a", { href: link({ measure: m }) }, m))), h("th", { scope: "col", class: "number" }, "Difference"))),
    h("tbody", {}, order.map((i) => {
      const x = result.systems[i];
      const d = difference(result, i, measure, index);
      const trouble = (x.failures || []).includes(id) ? "failed, counted 0" : (x.degraded || []).includes(id) ? "degraded" : "";
      return h("tr", { class: (i === 0 ? "baseline " : "") + (i === system ? "chosen" : "") },
        h("th", { scope: "row" }, h("a", { href: link({ system: x.name }), "aria-current": i === system ? "true" : null }, breakable(x.name)), i === 0 && h("span", { class: "flag" }, "baseline"), trouble && h("span", { class: "flag bad" }, trouble)),
        h("td", { class: "meter" }, s("svg", { width: 90, height: 8, "aria-hidden": "true" }, s("rect", { class: "bar-tie", width: 90, height: 8, rx: 2 }), s("rect", { class: "bar-value", width: (90 * x.values[measure][index]) / most, height: 8, rx: 2 }))),
        result.measures.map((_, j) => h("td", { class: "number " + (j === measure ? "strong" : "") }, value4(x.values[j][index]))),
        h("td", { class: "number " + (d > 0 ? "gain" : d < 0 ? "loss" : "") }, i === 0 ? "–" : signed(d)));
    }))));
};

const gradeOf = (details, id) => {
  if (!details.judged.has(id)) return { kind: "unjudged", mark: "?", text: "not judged" };
  const grade = details.judged.get(id);
  if (grade <= 0) return { kind: "grade0", mark: String(grade), text: "grade " + grade };
  const most = Math.max(...details.judged.values());
  return { kind: "grade" + Math.max(1, Math.ceil((3 * grade) / most)), mark: String(grade), text: "grade " + grade };
};
const badge = (grade) => h("span", { class: "badge " + grade.kind, title: grade.text }, grade.mark, h("span", { class: "hidden" }, " " + grade.text));

const nameOf = (details, id) => {
  const d = details.documents.get(id);
  return d && d.title ? d.title : d && d.text ? shorten(d.text, 90) : id;
};

const topicBody = (now, index, details) => {
  const { result, system } = now;
  const x = result.systems[system];
  const [columns, names] = flowOf(now, details);
  const own = details.columns[system];
  const last = own[own.length - 1] || [];
  const missed = [...details.judged].filter(([id, grade]) => grade > 0 && !last.some((hit) => hit.id === id)).sort((a, b) => b[1] - a[1]);
  const shown = missed.slice(0, 50);
  return [
    h("section", { "aria-labelledby": "flow" },
      h("h2", { id: "flow" }, "How documents moved"),
      h("div", { class: "controls" }, h("label", {}, "System", h("select", { id: "flow-system", onchange: (e) => go({ system: e.target.value }) }, result.systems.map((y, i) => h("option", { value: y.name, selected: i === system }, y.name)))), beside(now)),
      legend(details),
      columns.length ? h("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": "rank flow" }, flowPlot(details, columns, names)) : h("p", { class: "note" }, "The result holds no rankings."),
      h("p", { class: "readout", id: "flow-readout", "aria-live": "polite" }, "Each line is a document: point at one, or move through them with the arrow keys; Enter shows its text and the arithmetic of its score.")),
    now.other >= 0 && now.other !== system && documentByDocument(now, details),
    h("section", { "aria-labelledby": "final" }, h("h2", { id: "final" }, "The ranking of " + x.name), last.length === 0 && h("p", { class: "note" }, "Nothing was returned."), h("ol", { class: "hits" }, last.map((hit) => entry(now, details, own, hit.id, hit.rank)))),
    missed.length > 0 && h("section", { "aria-labelledby": "missed" }, h("h2", { id: "missed" }, plural(missed.length, "relevant document is", "relevant documents are") + " not among these"), h("ol", { class: "hits" }, shown.map(([id]) => entry(now, details, own, id, null))), missed.length > shown.length && h("p", { class: "note" }, "and " + (missed.length - shown.length) + " more")),
  ].filter(Boolean);
};

// beside chooses what the flow leads to: the system's own stages, another system's
// ranking, or those of all.
const beside = (now) => {
  const { result, system } = now;
  if (result.systems.length < 2) return null;
  const chosen = now.everyone ? "*" : now.other >= 0 && now.other !== system ? result.systems[now.other].name : "";
  return h("label", {}, "Beside", h("select", { id: "flow-with", onchange: (e) => go({ with: e.target.value || null }) },
    h("option", { value: "", selected: chosen === "" }, "its own stages"), h("option", { value: "*", selected: chosen === "*" }, "the rankings of all systems"),
    result.systems.map((y, i) => (i === system ? null : h("option", { value: y.name, selected: chosen === y.name }, y.name)))));
};

// flowOf returns the rankings that the flow shows, and their names.
const flowOf = (now, details) => {
  const { result, system } = now;
  const final = (i) => details.columns[i][details.columns[i].length - 1] || [];
  const several = now.everyone ? result.systems.map((_, i) => i) : now.other >= 0 && now.other !== system ? [system, now.other] : null;
  if (!several) return [details.columns[system], result.systems[system].columns];
  return [several.map(final), several.map((i) => ({ name: result.systems[i].name, input: false }))];
};

// documentByDocument sets the rankings of two systems side by side.
const documentByDocument = (now, details) => {
  const { result, system, other } = now;
  const [a, b] = [system, other].map((i) => details.columns[i][details.columns[i].length - 1] || []);
  const ids = [...a, ...b].map((hit) => hit.id).filter((id, i, all) => all.indexOf(id) === i);
  const place = (list, id) => rankIn(list, id) || Infinity;
  ids.sort((x, y) => Math.min(place(a, x), place(b, x)) - Math.min(place(a, y), place(b, y)) || place(a, x) - place(a, y));
  const [first, second] = [result.systems[system].name, result.systems[other].name];
  const common = ids.filter((id) => rankIn(a, id) && rankIn(b, id)).length;
  const cell = (list, id) => { const rank = rankIn(list, id); return h("td", { class: "number" }, rank || (list.length ? "> " + list.length : "–")); };
  const move = (id) => {
    const [x, y] = [rankIn(a, id), rankIn(b, id)];
    if (!x) return h("span", { class: "gain" }, "new");
    if (!y) return h("span", { class: "loss" }, "gone");
    return x === y ? "stays" : h("span", { class: x > y ? "gain" : "loss" }, (x > y ? "up " : "down ") + Math.abs(x - y));
  };
  return h("section", { "aria-labelledby": "pair" }, h("h2", { id: "pair" }, "Document by document"),
    h("p", { class: "note" }, "What " + second + " makes of the ranking of " + first + ": " + plural(common, "document", "documents") + " of " + ids.length + " are in both of what this file shows."),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "two rankings, document by document" }, h("table", { class: "pair" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "number" }, breakable(first)), h("th", { scope: "col", class: "number" }, breakable(second)), h("th", { scope: "col" }, "Move"), h("th", { scope: "col" }, "Grade"), h("th", { scope: "col" }, "Document"))),
      h("tbody", {}, ids.map((id) => {
        const d = details.documents.get(id);
        return h("tr", {}, cell(a, id), cell(b, id), h("td", {}, move(id)), h("td", {}, badge(gradeOf(details, id))),
          h("th", { scope: "row" }, d && d.text ? h("details", {}, h("summary", {}, nameOf(details, id), " ", h("span", { class: "sub" }, id)), h("p", { class: "text" }, d.text)) : id));
      })))));
};

const legend = (details) => {
  const kinds = new Map();
  for (const list of details.columns) for (const column of list) for (const hit of column) { const g = gradeOf(details, hit.id); kinds.set(g.kind + g.mark, g); }
  return h("p", { class: "legend" }, [...kinds.entries()].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, g]) => h("span", {}, badge(g), " " + g.text)));
};

const rankIn = (column, id) => { const hit = column.find((y) => y.id === id); return hit ? hit.rank : 0; };

// entry is one document with what every part of the system made of it.
const entry = (now, details, columns, id, rank) => {
  const d = details.documents.get(id);
  const grade = gradeOf(details, id);
  const names = now.result.systems[now.system].columns;
  const first = columns.length ? rankIn(columns[0], id) : 0;
  const moved = rank && first ? first - rank : 0;
  return h("li", { value: rank, class: rank ? null : "missed" }, h("details", { id: "hit-" + id },
    h("summary", {}, badge(grade), h("span", { class: "name" }, nameOf(details, id)), h("span", { class: "sub" }, nameOf(details, id) === id ? "not in this file" : id, rank && columns.length > 1 ? (first === 0 ? " · from below" : moved > 0 ? " · up " + moved : moved < 0 ? " · down " + -moved : " · stays") : "")),
    h("p", { class: "text" }, d && d.text ? d.text : "The text is not in this file."),
    h("table", { class: "arithmetic" }, h("thead", {}, h("tr", {}, ["In", "Rank", "Score", "Why"].map((t, i) => h("th", { scope: "col", class: i === 1 || i === 2 ? "number" : null }, t)))), h("tbody", {}, columns.map((column, i) => {
      const hit = column.find((y) => y.id === id);
      return h("tr", { class: names[i].input ? "input" : null }, h("th", { scope: "row" }, (names[i].input ? "↳\u00a0" : "") + names[i].name), h("td", { class: "number" }, hit ? hit.rank : column.length ? "> " + column.length : "–"), h("td", { class: "number" }, hit ? score(hit.score) : "–"), h("td", { class: "why" }, hit ? [hit.status && h("span", { class: "flag" }, hit.status), i > 0 && hit.why !== "" && columns[i - 1].some((y) => y.id === id && y.why === hit.why) ? "as before" : hit.why] : ""));
    })))));
};

// flowPlot draws the documents as lines through the ranks that they had.
const flowPlot = (details, columns, names) => {
  const small = document.documentElement.clientWidth < 600;
  const row = 24;
  const top = 34;
  const deepest = Math.max(1, ...columns.map((c) => c.length));
  const labels = small ? 150 : 360;
  const wide = Math.max(small ? 84 : 120, Math.min(220, (widthOf(300) - labels - 60) / Math.max(1, columns.length - 1 || 1)));
  const left = 34;
  const width = left + wide * (columns.length - 1) + 24 + labels;
  const height = top + row * (deepest + 1) + 22;
  const px = (c) => left + c * wide;
  const py = (rank) => top + (rank - 1) * row + row / 2;
  const below = deepest + 1.6;
  const ids = [];
  for (const column of [...columns].reverse()) for (const hit of column) if (!ids.includes(hit.id)) ids.push(hit.id);
  const final = columns[columns.length - 1];
  const lost = ids.some((id) => columns.some((c) => rankIn(c, id) === 0));
  const lines = ids.map((id, k) => line(id, k));
  function line(id, k) {
    const grade = gradeOf(details, id);
    const ranks = columns.map((c) => rankIn(c, id));
    const points = ranks.map((r, c) => [px(c), py(r || below), r]);
    const told = names.map((n, c) => n.name + " " + (ranks[c] || "not in the first " + columns[c].length)).join(", ");
    const parts = [];
    for (let c = 1; c < points.length; c += 1) {
      const [[x0, y0, r0], [x1, y1, r1]] = [points[c - 1], points[c]];
      if (!r0 && !r1) continue;
      const bend = (x1 - x0) * 0.45;
      parts.push(s("path", { class: "link" + (r0 && r1 ? "" : " lost"), d: "M" + x0 + "," + y0 + " C" + (x0 + bend) + "," + y0 + " " + (x1 - bend) + "," + y1 + " " + x1 + "," + y1 }));
    }
    const nodes = points.filter(([, , r]) => r).map(([x, y]) => [s("circle", { class: "node", cx: x, cy: y, r: 9 }), s("text", { class: "node-text", x, y: y + 4 }, grade.mark)]);
    const rank = final ? rankIn(final, id) : 0;
    const label = rank ? s("text", { class: "doc", x: px(columns.length - 1) + 18, y: py(rank) + 4 }, shorten(nameOf(details, id), small ? 20 : 48)) : null;
    return s("g", { class: "path " + grade.kind, role: "button", tabindex: k === 0 ? 0 : -1, "data-id": id, "aria-label": nameOf(details, id) + ", " + grade.text + ": " + told, onclick: () => reveal(id), onmouseenter: () => tell(id, told, grade), onfocus: () => tell(id, told, grade) }, parts, nodes, label);
  }
  const tell = (id, told, grade) => { document.getElementById("flow-readout").replaceChildren(badge(grade), " " + shorten(nameOf(details, id), 90) + " (" + id + "): " + told); };
  const keys = (e) => {
    const at = lines.indexOf(document.activeElement);
    if (at < 0) return;
    const moves = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: lines.length - 1 };
    if (e.key === "Enter" || e.key === " ") { e.preventDefault(); reveal(ids[at]); }
    if (!(e.key in moves)) return;
    e.preventDefault();
    const next = Math.min(lines.length - 1, Math.max(0, moves[e.key]));
    lines[at].setAttribute("tabindex", -1);
    lines[next].setAttribute("tabindex", 0);
    lines[next].focus();
  };
  return s("svg", { class: "flow", viewBox: "0 0 " + width + " " + height, width, height, role: "group", "aria-label": "rank flow from " + names.map((n) => n.name).join(" to "), onkeydown: keys },
    names.map((n, c) => [s("text", { class: "column" + (n.input ? " input" : ""), x: px(c), y: 14 }, shorten((n.input ? "↳ " : "") + n.name, Math.floor(wide / 8))), s("line", { class: "grid", x1: px(c), x2: px(c), y1: top, y2: py(deepest) + row / 2 })]),
    Array.from({ length: deepest }, (_, i) => s("text", { class: "tick end", x: left - 14, y: py(i + 1) + 4 }, i + 1)),
    lost && s("text", { class: "tick", x: 4, y: height - 6 }, "dashed, down here: not among the first " + deepest),
    lines);
};

const reveal = (id) => {
  const details = document.getElementById("hit-" + id);
  if (!details) { announce("this document is in none of the lists below"); return; }
  details.open = true;
  details.scrollIntoView({ block: "center" });
  details.querySelector("summary").focus({ preventScroll: true });
};
