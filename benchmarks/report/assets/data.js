const page = JSON.parse(document.getElementById("data").textContent);

// The address holds where the reader is:
// #collection=0&topic=ID&system=NAME&with=NAME&measure=NAME. Where "with" names a
// second system, both are compared document by document; "*" stands for all.
const where = () => {
  const params = new URLSearchParams(location.hash.slice(1));
  const number = params.get("collection");
  const all = page.results.length > 1 && (number === null || number === "all") && params.get("topic") === null;
  const index = Math.min(Math.max(Number.parseInt(number, 10) || 0, 0), page.results.length - 1);
  const result = page.results[index];
  const position = (list, name) => Math.max(0, list.indexOf(name));
  const names = result.systems.map((x) => x.name);
  const chosen = params.get("system");
  return {
    all,
    index,
    result,
    measure: position(result.measures, params.get("measure")),
    system: names.includes(chosen) ? names.indexOf(chosen) : best(result, position(result.measures, params.get("measure"))),
    topic: params.get("topic"),
    other: names.indexOf(params.get("with")),
    // Runs from files have no stages of their own to show: all stand side by side.
    everyone: params.get("with") === "*" || (params.get("with") === null && result.systems.length > 1 && result.systems.every((x) => x.columns.length <= 1)),
  };
};

// best is the system that plots begin with: the highest figure that is not the baseline's.
const best = (result, m) => {
  let at = Math.min(1, result.systems.length - 1);
  result.systems.forEach((x, i) => {
    if (i > 0 && x.means[m] > result.systems[at].means[m]) at = i;
  });
  return at;
};

// link returns the address of a place that differs from where the reader is.
const link = (change) => {
  const now = where();
  const next = {
    collection: now.all ? "all" : String(now.index),
    topic: now.topic,
    system: now.result.systems[now.system].name,
    measure: now.result.measures[now.measure],
    with: now.everyone ? "*" : now.other < 0 ? null : now.result.systems[now.other].name,
    ...change,
  };
  const params = new URLSearchParams();
  if (next.topic !== null && next.topic !== undefined) params.set("topic", next.topic);
  if (page.results.length > 1) params.set("collection", next.collection);
  if (next.system !== null) params.set("system", next.system);
  if (next.with && next.topic !== null && next.topic !== undefined) params.set("with", next.with);
  params.set("measure", next.measure);
  return "#" + params.toString();
};
const go = (change) => { location.hash = link(change); };

// Topics are packed some at a time; a block is unpacked when one of them is opened.
const unpacked = new Map();
const unpack = (number) => {
  if (!unpacked.has(number)) unpacked.set(number, inflate(document.getElementById("block-" + number).textContent));
  return unpacked.get(number);
};
const inflate = async (text) => {
  if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot unpack topics: it is older than 2023");
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
};

// detailsOf returns what the page of one topic needs: judgements, documents and
// for each system its rankings as lists of {id, title, text, score, why, status}.
const detailsOf = async (result, index) => {
  const block = await unpack(result.first + Math.floor(index / result.perBlock));
  const topic = block.topics[index % result.perBlock];
  const judged = new Map(Object.entries(topic.judged || {}));
  const documents = new Map(block.documents.map(([id, title, text]) => [id, { id, title, text }]));
  const rankings = topic.rankings.map((list) => list.map(([at, points, why, status], i) => {
    const [id] = block.documents[at];
    return { id, rank: i + 1, score: points, why: why || "", status: status || "" };
  }));
  const columns = topic.systems.map((numbers) => numbers.map((n) => (n < 0 ? [] : rankings[n])));
  return { judged, documents, columns };
};

const difference = (result, system, m, t) => result.systems[system].values[m][t] - result.systems[0].values[m][t];

// ran reports whether anything is known of what the systems took: runs from files
// come without times.
const ran = (result) => result.systems.some((x) => x.cost.mean > 0 || x.cost.calls > 0);
