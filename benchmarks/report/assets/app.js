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
addEventListener("hashchange", arrive);
setTheme(remembered());
arrive();
