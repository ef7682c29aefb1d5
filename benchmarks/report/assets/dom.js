// Elements are made here and nowhere else, from names and text nodes: no string
// ever becomes markup.
const SVG = "http://www.w3.org/2000/svg";

const make = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
};

const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

// Numbers are shown with as many digits as they deserve, and never as "-0".
const fixed = (v, digits) => {
  if (v === null || v === undefined) return "–";
  const text = v.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
};
const value4 = (v) => fixed(v, 4);
const signed = (v) => (v === null || v === undefined ? "–" : (v > 0 && Number(v.toFixed(4)) !== 0 ? "+" : "") + fixed(v, 4));
const percent = (v) => (v === null || v === undefined ? "–" : fixed(100 * v, 1) + " %");
const pValue = (p) => (p === null || p === undefined ? "–" : p < 0.0001 ? "< 0.0001" : fixed(p, 4));
const score = (v) => (v === null || v === undefined ? "–" : String(Number(v.toPrecision(5))).replace("-", "−"));
const milliseconds = (v) => {
  if (v === null || v === undefined) return "–";
  if (v >= 10000) return fixed(v / 1000, 1) + " s";
  return fixed(v, v >= 100 ? 0 : v >= 1 ? 1 : 2) + " ms";
};
const count = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : many);
const shorten = (text, most) => {
  const letters = Array.from(text);
  return letters.length <= most ? text : letters.slice(0, most - 1).join("").trimEnd() + "…";
};

// breakable lets a long name go on in a new line behind a separator, and nowhere
// within a word, unless the word is longer than any head should be.
const breakable = (text) => String(text).split(/(?<=[/_.,:;=+)>-])(?=[^\s/_.,:;=+)>-])/u)
  .flatMap((part) => ([...part].length > 30 && !/\s/u.test(part) ? part.match(/.{1,20}/gsu) : [part]))
  .flatMap((part, i) => (i === 0 ? [part] : [h("wbr"), part]));

// announce tells people who do not see the screen what has changed.
const announce = (text) => {
  const region = document.getElementById("live");
  if (region) region.textContent = text;
};
