const themes = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const remembered = () => { try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; } };
const setTheme = (name) => {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try { localStorage.setItem("theme", name); } catch { /* a file may not be allowed to remember */ }
};
const nextTheme = (e) => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const order = dark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
  const name = order[(order.indexOf(document.documentElement.dataset.theme || "auto") + 1) % order.length];
  setTheme(name);
  e.currentTarget.textContent = themes[name];
  announce(themes[name]);
};

const tabs = (now) => (page.results.length < 2 ? null : h("nav", { class: "tabs", "aria-label": "collections" },
  h("a", { href: link({ collection: "all", topic: null, system: null }), "aria-current": now.all ? "page" : null }, "All"),
  page.results.map((r, i) => h("a", { href: link({ collection: String(i), topic: null, system: null }), "aria-current": !now.all && i === now.index ? "page" : null }, r.collection || r.name || "Result " + (i + 1)))));

const app = document.getElementById("app");
let shown = "";
let drawn = null;

const redraw = (focus) => {
  const now = where();
  const content = now.topic !== null ? topicPage(now) : now.all ? everywhere(now) : overview(now);
  document.title = (now.topic !== null ? "Topic " + now.topic + " · " : "") + page.title;
  app.replaceChildren(
    h("a", { class: "skip", href: "#main", onclick: (e) => { e.preventDefault(); document.querySelector("h1").focus(); } }, "Skip to the content"),
    h("div", { class: "top" }, tabs(now) || h("span", { class: "brand" }, page.title), h("button", { type: "button", id: "theme", onclick: nextTheme }, themes[document.documentElement.dataset.theme || "auto"])),
    h("main", { id: "main" }, content),
    h("div", { id: "live", class: "hidden", role: "status", "aria-live": "polite" }));
  if (focus) {
    const element = document.getElementById(focus);
    if (element) element.focus();
  }
};

// A new place begins at its top; another measure or system stays where it is.
const arrive = () => {
  if (location.hash === drawn) return; // two steps in one moment come as two events
  drawn = location.hash;
  const now = where();
  const place = (now.all ? "all" : now.index) + " " + now.topic;
  const moved = shown !== "" && place !== shown;
  const focused = document.activeElement ? document.activeElement.id : "";
  const at = scrollY;
  shown = place;
  redraw(moved ? "" : focused);
  if (moved) {
    scrollTo(0, 0);
    const head = document.querySelector("h1");
    if (head) head.focus({ preventScroll: true });
  } else scrollTo(0, at);
};

let waiting = 0;
let lastWidth = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (document.documentElement.clientWidth === lastWidth) return; // a phone's address bar came or went
  lastWidth = document.documentElement.clientWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => redraw(document.activeElement ? document.activeElement.id : ""), 150);
});
// Escape goes up: from a topic to its collection, from a collection to all of them;
// in a field it empties the field first. On a topic's page the left and right arrow
// keys go to its neighbours, unless they mean something where the focus is.
const keyed = (e) => {
  if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || e.defaultPrevented) return;
  const at = document.activeElement;
  const typing = at && at.matches("input, select, textarea");
  if (e.key === "Escape") {
    if (typing && at.type === "search" && at.value !== "") { at.value = ""; at.dispatchEvent(new Event("input")); return; }
    if (typing) { at.blur(); return; }
    const now = where();
    if (now.topic !== null) go({ topic: null, with: null });
    else if (!now.all && page.results.length > 1) go({ collection: "all", system: null });
    return;
  }
  const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
  const { topic, result } = where();
  if (!step || topic === null || typing || (at && at.closest("svg, .scroll"))) return;
  const neighbour = result.topics[result.topics.findIndex((t) => t.id === topic) + step];
  if (neighbour) { e.preventDefault(); go({ topic: neighbour.id }); }
};
addEventListener("keydown", keyed);
addEventListener("hashchange", arrive);
setTheme(remembered());
arrive();
