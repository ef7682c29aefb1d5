// whisker draws an interval on the scale that all rows share.
const whisker = (result, x, m) => {
  const c = x.compared[m];
  if (!c) return "–";
  const all = result.systems.map((y) => y.compared[m]).filter(Boolean);
  const low = Math.min(0, ...all.map((y) => y.low));
  const high = Math.max(0, ...all.map((y) => y.high));
  const width = 132;
  const at = (v) => 4 + ((width - 8) * (v - low)) / (high - low || 1);
  const kind = c.mark ? (c.mean > 0 ? "gain" : "loss") : "open";
  return [
    s("svg", { class: "whisker " + kind, width, height: 18, role: "img", "aria-label": "from " + signed(c.low) + " to " + signed(c.high) },
      s("line", { class: "zero", x1: at(0), x2: at(0), y1: 0, y2: 18 }),
      s("line", { class: "range", x1: at(c.low), x2: at(c.high), y1: 9, y2: 9 }),
      s("line", { class: "range", x1: at(c.low), x2: at(c.low), y1: 5, y2: 13 }),
      s("line", { class: "range", x1: at(c.high), x2: at(c.high), y1: 5, y2: 13 }),
      s("circle", { class: "dot", cx: at(c.mean), cy: 9, r: 4 })),
    h("span", { class: "sub" }, signed(c.low) + " to " + signed(c.high)),
  ];
};

const widthOf = (least) => Math.max(least, Math.min(1468, document.documentElement.clientWidth - 32));

// ticks returns about n round values between low and high.
const ticks = (low, high, n) => {
  const raw = (high - low) / n || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw) || raw;
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) list.push(Math.abs(v) < step / 1e6 ? 0 : v);
  return { list, digits: Math.max(0, -Math.floor(Math.log10(step))) + (step / power === 2.5 ? 1 : 0) };
};

// scatter shows what each system is worth beside what it takes.
const scatter = (now) => {
  const { result, measure } = now;
  const width = widthOf(300);
  const height = width < 600 ? 260 : 320;
  const left = 56;
  const right = 16;
  const values = result.systems.map((x) => x.means[measure]);
  const times = result.systems.map((x) => Math.max(x.cost.mean || 0, 0.001));
  const pad = (Math.max(...values) - Math.min(...values)) * 0.12 || 0.01;
  const [low, high] = [Math.min(...values) - pad, Math.max(...values) + pad];
  const [short, long] = [Math.log10(Math.min(...times)) - 0.15, Math.log10(Math.max(...times)) + 0.15];
  const px = (t) => left + ((width - left - right) * (Math.log10(t) - short)) / (long - short || 1);
  const py = (v) => height - 40 - ((height - 56) * (v - low)) / (high - low || 1);
  const grid = ticks(low, high, 5);
  const decades = [];
  for (let e = Math.floor(short); e <= Math.ceil(long); e += 1) for (const k of [1, 2, 5]) { const v = k * 10 ** e; if (Math.log10(v) >= short && Math.log10(v) <= long) decades.push(v); }
  const readout = h("p", { class: "readout", id: "scatter-readout" }, "Each dot is a system: point at one, or move through them with the arrow keys. ▲ and ▼ mark what remains after correction.");
  const tell = (i) => {
    const x = result.systems[i];
    const c = x.compared[measure];
    readout.textContent = x.name + ": " + result.measures[measure] + " " + value4(values[i]) + (c ? " (" + signed(c.mean) + ")" : ", the baseline") + ", " + milliseconds(x.cost.mean) + " for a topic" + (x.cost.ofCache ? ", " + plural(x.cost.ofCache, "topic", "topics") + " of cached scores" : "") + (x.cost.price ? ", price " + fixed(x.cost.price, 4) : "");
  };
  const order = result.systems.map((_, i) => i).sort((a, b) => times[a] - times[b]);
  const dots = result.systems.map((x, i) => {
    const c = x.compared[measure];
    const kind = i === 0 ? "base" : c && c.mark ? (c.mean > 0 ? "gain" : "loss") : "open";
    const shape = kind === "gain" ? s("path", { d: "M0,-7 L6.5,5 L-6.5,5 Z" }) : kind === "loss" ? s("path", { d: "M0,7 L6.5,-5 L-6.5,-5 Z" }) : kind === "base" ? s("rect", { x: -5, y: -5, width: 10, height: 10 }) : s("circle", { r: 5 });
    return s("a", { href: link({ system: x.name }), class: "point " + kind + (i === now.system ? " chosen" : ""), transform: "translate(" + px(times[i]) + "," + py(values[i]) + ")", tabindex: i === order[0] ? 0 : -1, "aria-label": x.name + ", " + value4(values[i]) + ", " + milliseconds(x.cost.mean), onfocus: () => tell(i), onmouseenter: () => tell(i) },
      s("circle", { class: "halo", r: 12 }), shape);
  });
  const names = dotNames(result, (i) => [px(times[i]), py(values[i])], width - right, [16, height - 40]);
  const keys = (e) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    const at = order.findIndex((i) => dots[i] === document.activeElement);
    if (!step || at < 0) return;
    e.preventDefault();
    const next = order[Math.min(order.length - 1, Math.max(0, at + step))];
    dots[order[at]].setAttribute("tabindex", -1);
    dots[next].setAttribute("tabindex", 0);
    dots[next].focus();
  };
  return [s("svg", { class: "scatter", viewBox: "0 0 " + width + " " + height, width, height, role: "group", "aria-label": result.measures[measure] + " against time for a topic", onkeydown: keys },
    grid.list.map((v) => [s("line", { class: "grid", x1: left, x2: width - right, y1: py(v), y2: py(v) }), s("text", { class: "tick end", x: left - 8, y: py(v) + 4 }, fixed(v, Math.max(2, grid.digits)))]),
    decades.filter((_, i) => width > 600 || i % 2 === 0).map((v) => [s("line", { class: "grid", x1: px(v), x2: px(v), y1: 16, y2: height - 40 }), s("text", { class: "tick middle", x: px(v), y: height - 24 }, v >= 1000 ? v / 1000 + " s" : Number(v.toPrecision(1)) + " ms")]),
    s("text", { class: "tick", x: left, y: height - 6 }, "time for a topic, logarithmic"), s("text", { class: "tick", x: 4, y: 12 }, result.measures[measure]), names, dots), readout];
};

// dotNames puts the systems' names beside their dots, where they do not cover one
// another: for a page on paper, which cannot be pointed at. On a screen they show
// where they are few.
const dotNames = (result, place, edge, [top, bottom]) => {
  const taken = [];
  const order = result.systems.map((_, i) => i).sort((a, b) => place(a)[1] - place(b)[1]);
  return s("g", { class: "dot-names" + (result.systems.length <= 8 && edge > 600 ? " few" : ""), "aria-hidden": "true" }, order.map((i) => {
    const [x, y] = place(i);
    const text = shorten(result.systems[i].name, 44) + (result.systems[i].cost.ofCache ? " (cached)" : "");
    const wide = text.length * 6.4;
    const left = x + 15 + wide > edge;
    const from = left ? Math.max(2, x - 15 - wide) : x + 15;
    const hits = (at) => taken.some((t) => Math.abs(t.y - at) < 12 && t.from < from + wide && from < t.from + t.wide);
    let at = Math.max(top, Math.min(bottom, y + 4));
    for (let step = 1; hits(at) && step < 60; step += 1) {
      const next = y + 4 + (step % 2 ? 1 : -1) * 12 * Math.ceil(step / 2);
      if (next >= top && next <= bottom) at = next;
    }
    taken.push({ from, wide, y: at });
    return [Math.abs(at - y - 4) > 6 ? s("line", { class: "leader", x1: x, y1: y, x2: left ? from + wide : from, y2: at - 4 }) : null, s("text", { class: "dot-name", x: from, y: at }, text)];
  }));
};

// bars shows every topic's difference to the baseline, sorted.
const bars = (now) => {
  const { result, measure, system } = now;
  const chooser = h("div", { class: "controls" }, h("label", {}, "System", h("select", { id: "system", onchange: (e) => go({ system: e.target.value }) }, result.systems.map((x, i) => (i === 0 && result.systems.length > 1 ? null : h("option", { value: x.name, selected: i === system }, x.name))))));
  const order = result.topics.map((_, t) => t).sort((a, b) => difference(result, system, measure, b) - difference(result, system, measure, a) || a - b);
  const all = order.map((t) => difference(result, system, measure, t));
  const width = widthOf(300);
  const height = 220;
  const left = 48;
  const low = Math.min(-0.02, all[all.length - 1]);
  const high = Math.max(0.02, all[0]);
  const py = (v) => 10 + ((height - 20) * (high - v)) / (high - low);
  const step = (width - left - 8) / order.length;
  const readout = h("p", { class: "readout", id: "bar-readout", "aria-live": "polite" });
  const cursor = s("rect", { class: "cursor", y: 0, width: Math.max(step, 2), height });
  let at = 0;
  const point = (i) => {
    at = Math.min(order.length - 1, Math.max(0, i));
    const t = order[at];
    cursor.setAttribute("x", left + at * step - (Math.max(step, 2) - step) / 2);
    readout.replaceChildren(h("a", { href: link({ topic: result.topics[t].id }) }, "Topic " + result.topics[t].id), ": " + shorten(result.topics[t].text, 110) + " · " + value4(result.systems[0].values[measure][t]) + " → " + value4(result.systems[system].values[measure][t]) + " (" + signed(all[at]) + ")");
  };
  const open = () => go({ topic: result.topics[order[at]].id });
  const from = (e) => Math.floor((((e.clientX - plot.getBoundingClientRect().left) * width) / plot.getBoundingClientRect().width - left) / step);
  const keys = (e) => {
    const moves = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: order.length - 1, PageDown: at + 10, PageUp: at - 10 };
    if (e.key === "Enter" || e.key === " ") { e.preventDefault(); open(); }
    if (e.key in moves) { e.preventDefault(); point(moves[e.key]); }
  };
  const plot = s("svg", { class: "bars", id: "bars-plot", viewBox: "0 0 " + width + " " + height, width, height, tabindex: 0, role: "application", "aria-label": "Differences of " + result.systems[system].name + " to " + result.baseline + " on " + result.topics.length + " topics, best first. Arrow keys move, Enter opens the topic.", "aria-describedby": "bar-readout", onkeydown: keys, onmousemove: (e) => point(from(e)), onclick: (e) => { point(from(e)); open(); }, onfocus: () => point(at) },
    ticks(low, high, 5).list.map((v) => [s("line", { class: v === 0 ? "axis" : "grid", x1: left, x2: width - 8, y1: py(v), y2: py(v) }), s("text", { class: "tick end", x: left - 6, y: py(v) + 4 }, (v > 0 ? "+" : "") + fixed(v, 2))]),
    cursor,
    all.map((d, i) => s("rect", { class: d > 0 ? "bar-gain" : d < 0 ? "bar-loss" : "bar-tie", x: left + i * step, width: Math.max(0.6, step - (step > 4 ? 1 : 0)), y: d === 0 ? py(0) - 1 : Math.min(py(d), py(0)), height: d === 0 ? 2 : Math.max(1, Math.abs(py(d) - py(0))) })));
  point(0);
  const c = result.systems[system].compared[measure];
  return [chooser, h("p", { class: "note" }, result.systems[system].name + " minus " + result.baseline + ", " + result.measures[measure] + (c ? ": " + c.wins + " wins, " + c.ties + " ties, " + c.losses + " losses; mean " + signed(c.mean) + ", 95 % interval " + signed(c.low) + " to " + signed(c.high) + "." : ".")), plot, readout];
};

// topicList is the same as a table that can be searched.
const topicList = (now) => {
  const { result, measure, system } = now;
  const words = view.topics.toLowerCase().split(/\s+/).filter(Boolean);
  const keys = { id: (t) => t, base: (t) => result.systems[0].values[measure][t], value: (t) => result.systems[system].values[measure][t], difference: (t) => difference(result, system, measure, t) };
  const rows = result.topics.map((_, t) => t).filter((t) => words.every((w) => (result.topics[t].id + " " + result.topics[t].text).toLowerCase().includes(w)));
  rows.sort((a, b) => (keys[view.topicSort](a) - keys[view.topicSort](b)) * (view.topicDown ? -1 : 1) || a - b);
  const again = (key) => {
    document.getElementById("topic-rows").replaceChildren(...topicRows(now, rows));
    return key;
  };
  const head = [["id", "Topic"], ["base", breakable(result.baseline)], ["value", breakable(result.systems[system].name)], ["difference", "Difference"]].map(([key, label]) => h("th", { scope: "col", class: key === "id" ? null : "number", "aria-sort": view.topicSort === key ? (view.topicDown ? "descending" : "ascending") : "none" }, h("button", { type: "button", "data-key": "topic-" + key, onclick: () => { if (view.topicSort === key) view.topicDown = !view.topicDown; else { view.topicSort = key; view.topicDown = key !== "id"; } redrawTopics("topic-" + key); } }, label, h("span", { class: "arrow", "aria-hidden": "true" }, view.topicSort === key ? (view.topicDown ? " ↓" : " ↑") : ""))));
  return [
    h("div", { class: "controls" }, h("label", {}, "Find a topic", h("input", { id: "topic-filter", type: "search", value: view.topics, oninput: (e) => { view.topics = e.target.value; view.shown = 15; redrawTopics("topic-filter"); } })), h("span", { class: "note", id: "topic-count" }, rows.length + " of " + plural(result.topics.length, "topic", "topics"))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "topics" }, h("table", { class: "topics" }, h("thead", {}, h("tr", {}, head)), h("tbody", { id: "topic-rows" }, topicRows(now, rows)))),
    rows.length > view.shown && h("button", { type: "button", id: "more-topics", onclick: () => { view.shown += 200; again(); if (view.shown >= rows.length) document.getElementById("more-topics").remove(); } }, "Show more"),
  ];
};

// hardest lists the topics by what all systems together reach on them, the lowest
// first, with every system's value.
const hardest = (now) => {
  const { result, measure } = now;
  const mean = (t) => result.systems.reduce((sum, x) => sum + x.values[measure][t], 0) / result.systems.length;
  const order = result.topics.map((_, t) => t).sort((a, b) => mean(a) - mean(b) || a - b);
  const most = Math.max(1e-9, ...result.systems.flatMap((x) => x.values[measure]));
  const zero = order.filter((t) => result.systems.every((x) => x.values[measure][t] === 0)).length;
  const rows = order.slice(0, view.hardest).map((t) => h("tr", {}, h("th", { scope: "row" }, h("a", { href: link({ topic: result.topics[t].id }) }, result.topics[t].id), " ", h("span", { class: "query" }, shorten(result.topics[t].text, 90))),
    h("td", { class: "number strong" }, value4(mean(t))),
    result.systems.map((x) => { const v = x.values[measure][t]; return h("td", { class: "number heat" + Math.min(4, Math.max(0, Math.ceil((4 * v) / most))) }, value4(v)); })));
  return [
    h("p", { class: "note" }, result.measures[measure] + (zero ? "; " + plural(zero, "topic is", "topics are") + " 0 for every system" : "") + ". The mean of all systems decides the order; the darker, the higher."),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "topics, hardest first" }, h("table", { class: "hardest" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Topic"), h("th", { scope: "col", class: "number" }, "Mean"), result.systems.map((x) => h("th", { scope: "col", class: "number" }, breakable(x.name))))),
      h("tbody", {}, rows))),
    order.length > view.hardest && h("button", { type: "button", id: "more-hardest", onclick: () => { view.hardest += 200; document.getElementById("hardest-list").replaceChildren(...hardest(where()).filter(Boolean)); } }, "Show more"),
  ];
};

const topicRows = (now, rows) => rows.slice(0, view.shown).map((t) => {
  const { result, measure, system } = now;
  const d = difference(result, system, measure, t);
  return h("tr", {}, h("th", { scope: "row" }, h("a", { href: link({ topic: result.topics[t].id }) }, result.topics[t].id), " ", h("span", { class: "query" }, shorten(result.topics[t].text, 120))),
    h("td", { class: "number" }, value4(result.systems[0].values[measure][t])), h("td", { class: "number" }, value4(result.systems[system].values[measure][t])), h("td", { class: "number " + (d > 0 ? "gain" : d < 0 ? "loss" : "") }, signed(d)));
});

const redrawTopics = (focus) => {
  const caret = document.activeElement && document.activeElement.selectionStart;
  document.getElementById("topic-list").replaceChildren(...topicList(where()).filter(Boolean));
  const again = document.getElementById(focus) || document.querySelector('[data-key="' + focus + '"]');
  if (again) again.focus();
  if (again && again.type === "search" && Number.isInteger(caret)) again.setSelectionRange(caret, caret);
};

// reliability draws how often documents of a probability are relevant: on the
// diagonal it is what the probability says. Dots are as large as their bins are full.
const reliability = (x) => {
  const { bins, documents, brier, ece } = x.calibration;
  const [left, size, pad] = [40, 240, 12];
  const px = (v) => left + v * size;
  const py = (v) => pad + (1 - v) * size;
  const most = Math.max(...bins.map((b) => b[2]));
  const ticksAt = [0, 0.25, 0.5, 0.75, 1];
  const summary = "ECE " + fixed(ece, 3) + ", Brier " + fixed(brier, 3) + ", over " + plural(documents, "judged document", "judged documents");
  return h("div", { class: "reliability" }, h("h3", {}, "Do its probabilities come true?"), h("p", { class: "note" }, summary + "; unjudged documents are left out."),
    s("svg", { viewBox: "0 0 " + (left + size + 16) + " " + (size + 56), width: left + size + 16, height: size + 56, role: "img", "aria-label": "Reliability diagram of " + x.name + ": " + summary },
      ticksAt.map((v) => [s("line", { class: "grid", x1: px(0), x2: px(1), y1: py(v), y2: py(v) }), s("line", { class: "grid", x1: px(v), x2: px(v), y1: py(0), y2: py(1) }),
        s("text", { class: "tick end", x: left - 6, y: py(v) + 4 }, fixed(v, 2)), s("text", { class: "tick middle", x: px(v), y: py(0) + 16 }, fixed(v, 2))]),
      s("line", { class: "zero", x1: px(0), x2: px(1), y1: py(0), y2: py(1) }),
      s("text", { class: "tick", x: left, y: py(0) + 36 }, "mean probability; share of relevant documents upwards"),
      bins.map((b) => s("circle", { class: "bin", cx: px(b[3]), cy: py(b[4]), r: 3 + 7 * Math.sqrt(b[2] / most) }))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "reliability of " + x.name }, h("table", { class: "bins" },
      h("thead", {}, h("tr", {}, ["Probability", "Documents", "Mean", "Relevant"].map((t, i) => h("th", { scope: "col", class: i ? "number" : null }, t)))),
      h("tbody", {}, bins.map((b) => h("tr", {}, h("th", { scope: "row" }, fixed(b[0], 1) + " to " + fixed(b[1], 1)), h("td", { class: "number" }, count(b[2])), h("td", { class: "number" }, fixed(b[3], 3)), h("td", { class: "number" }, fixed(b[4], 3))))))));
};
