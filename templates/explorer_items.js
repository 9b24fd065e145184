// The items: an index of all of them, their texts in chunks that are unpacked when they are needed, and which of them
// are wanted. Nothing is fetched: chunks lie in the page, or in scripts beside it.

const section = document.getElementById("explorer");
const tool = document.getElementById("explorer-tool");
const fold = document.getElementById("explorer-fold");

// How an answer moved from the base model to a checkpoint. The first four exclude each other, and so do the last two.
const MOVES = [
  { name: "fixed", sign: "+", says: "wrong before, correct after" },
  { name: "broken", sign: "−", says: "correct before, wrong after" },
  { name: "both correct", sign: "✓", says: "correct before and after" },
  { name: "both wrong", sign: "✗", says: "wrong before and after" },
  { name: "better", sign: "▲", says: "a better score after" },
  { name: "worse", sign: "▼", says: "a worse score after" },
];
const [FIXED, BROKEN, RIGHT, WRONG, BETTER, WORSE] = MOVES.map((_, at) => 1 << at);

const items = { task: [], own: [], chunk: [] };
// A row is an item as the base model and one checkpoint answered it.
const rows = { item: [], side: [], moves: [], change: [], overlap: [], sure: [] };
const chunks = [];
let tasks = [];
let grades = [];

function take(index) {
  ({ tasks, grades } = index);
  for (const [number, task] of tasks.entries()) {
    task.first = items.task.length;
    for (const size of task.chunks) {
      chunks.push({ first: items.task.length, texts: null, searched: null, coming: null });
      for (let at = 0; at < size; at++) {
        items.own.push(items.task.length - task.first);
        items.task.push(number);
        items.chunk.push(chunks.length - 1);
      }
    }
    const checkpoints = task.sides.map((_, side) => side).filter((side) => side && task.scored[side]);
    for (let own = 0; own < task.names.length; own++) {
      for (const side of checkpoints.length ? checkpoints : [0]) addRow(task, own, side);
    }
  }
}

function addRow(task, own, side) {
  const compared = side > 0 && task.scored[0] && !task.refused[side - 1];
  const [before, after] = [task.score[0][own], task.score[side][own]];
  const [was, is] = [task.right[0][own], task.right[side][own]];
  let moves = 0;
  let change = NaN;
  if (compared && was !== null && is !== null) moves |= was ? (is ? RIGHT : BROKEN) : is ? FIXED : WRONG;
  if (compared && before !== null && after !== null) {
    const higher = task.metrics[task.primary].higher; // null: no file says it, so nothing is better or worse
    change = higher === null ? NaN : (after - before) * (higher ? 1 : -1);
    moves |= change > 0 ? BETTER : change < 0 ? WORSE : 0;
  }
  rows.item.push(task.first + own);
  rows.side.push(side);
  rows.moves.push(moves);
  rows.change.push(change);
  rows.overlap.push(side ? task.overlap[side - 1][own] : null);
  rows.sure.push(task.confidence?.[side]?.[own] ?? NaN);
}

const taskOf = (item) => tasks[items.task[item]];
const lengthOf = (row) => taskOf(rows.item[row]).length[items.own[rows.item[row]]];

// Returns an item's title, prompt, gold answers and sides; null where its chunk has not been unpacked yet.
function textsOf(item) {
  const chunk = chunks[items.chunk[item]];
  return chunk.texts && chunk.texts[item - chunk.first];
}

async function unpacked(text) {
  let bytes;
  if (Uint8Array.fromBase64) bytes = Uint8Array.fromBase64(text);
  else {
    const letters = atob(text);
    bytes = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const arrived = new Map();
globalThis.aftertuneItems = (number, text) => arrived.get(number)?.(text);

function packedChunk(number) {
  if (!tool.dataset.folder) return section.querySelectorAll(".explorer-chunk")[number].textContent;
  return new Promise((resolve, reject) => {
    const name = `${tool.dataset.folder}/chunk-${String(number + 1).padStart(4, "0")}.js`;
    const script = document.createElement("script");
    arrived.set(number, resolve);
    script.addEventListener("error", () => reject(new Error(`${name} cannot be read`)));
    script.src = name;
    document.head.append(script);
  });
}

// Resolves once a chunk's texts are there; what failed is tried again the next time.
function loaded(number) {
  const chunk = chunks[number];
  chunk.coming ??= unpackChunk(chunk, number).catch((error) => {
    chunk.coming = null;
    throw error;
  });
  return chunk.coming;
}

async function unpackChunk(chunk, number) {
  const texts = await unpacked(await packedChunk(number));
  chunk.searched = texts.map(([title, prompt, gold, sides]) =>
    [title, prompt, ...gold, ...sides.map((side) => side?.[0] ?? "")].join("\n").toLowerCase(),
  );
  chunk.texts = texts;
}

async function loadAll(say) {
  for (const number of chunks.keys()) {
    if (chunks[number].texts) continue;
    say?.(number);
    await loaded(number);
  }
}

const NOTHING_ASKED = {
  task: "", checkpoint: "", move: 0, label: "", overlap: "", from: 0, to: Infinity, sureFrom: 0, sureTo: 100,
  query: "", order: "data",
};
const wanted = { ...NOTHING_ASKED };
let view = new Uint32Array(); // the rows that are wanted, in their order

// Returns how many rows fit all but the wanted move, and how many of them moved in each way.
function filter() {
  const hits = search(wanted.query);
  const kept = [];
  const moved = new Uint32Array(MOVES.length);
  const asksSure = wanted.sureFrom > 0 || wanted.sureTo < 100; // then items without a confidence do not fit
  let all = 0;
  for (let row = 0; row < rows.item.length; row++) {
    const item = rows.item[row];
    const task = taskOf(item);
    const own = items.own[item];
    if (wanted.task && task.name !== wanted.task) continue;
    if (wanted.checkpoint && task.sides[rows.side[row]] !== wanted.checkpoint) continue;
    if (wanted.label && task.labels[task.label[own]] !== wanted.label) continue;
    if (wanted.overlap && !overlaps(row, wanted.overlap)) continue;
    if (task.length[own] < wanted.from || task.length[own] > wanted.to) continue;
    if (asksSure && !(100 * rows.sure[row] >= wanted.sureFrom && 100 * rows.sure[row] <= wanted.sureTo)) continue;
    if (hits && !hits[item]) continue;
    all += 1;
    for (let at = 0; at < MOVES.length; at++) moved[at] += (rows.moves[row] >> at) & 1;
    if (!wanted.move || rows.moves[row] & wanted.move) kept.push(row);
  }
  view = sorted(Uint32Array.from(kept));
  return { all, moved };
}

const found = { query: "", hits: null };

function search(query) {
  if (!query) return null;
  if (found.query === query) return found.hits;
  const hits = new Uint8Array(items.task.length);
  for (const { first, searched } of chunks) {
    for (let at = 0; at < searched.length; at++) hits[first + at] = searched[at].includes(query) ? 1 : 0;
  }
  return Object.assign(found, { query, hits }).hits;
}

function overlaps(row, asked) {
  const bits = rows.overlap[row];
  if (bits === null) return asked === "unknown";
  return asked === "none" ? bits === 0 : asked === "some" ? bits > 0 : (bits & (1 << Number(asked))) > 0;
}

function sorted(chosen) {
  const change = (row, missing) => (Number.isNaN(rows.change[row]) ? missing : rows.change[row]);
  const key = {
    loss: (row) => change(row, Infinity),
    gain: (row) => -change(row, -Infinity),
    short: lengthOf,
    long: (row) => -lengthOf(row),
  }[wanted.order];
  if (!key) return chosen;
  // By the rank of its key and then by its own place: numbers alone sort faster than by a function that compares two.
  const keys = Float64Array.from(chosen, key);
  const ranks = new Map([...new Set(keys)].sort((one, two) => one - two).map((value, rank) => [value, rank]));
  const places = Float64Array.from(chosen, (row, at) => ranks.get(keys[at]) * rows.item.length + row).sort();
  return Uint32Array.from(places, (place) => place % rows.item.length);
}
