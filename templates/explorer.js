// The explorer's controls, keys and links. It stands in one function with explorer_items.js and explorer_reader.js.

const ORDERS = {
  data: "as in the data",
  loss: "largest loss first",
  gain: "largest gain first",
  short: "shortest prompt first",
  long: "longest prompt first",
};

const query = make("input", {
  type: "search",
  placeholder: "in prompts and answers",
  autocomplete: "off",
  spellcheck: false,
});
const controls = make("form", { className: "controls", role: "search", aria: { label: "Filter the items" } });
const selects = {};
const ends = ["from", "to"].map((end) => rangeEnd("Prompt length", end, end));
const sureEnds = ["from", "to"].map((end) => rangeEnd("Confidence", end, `sure${end === "from" ? "From" : "To"}`));
const sums = make("div", { className: "sums", tabIndex: 0, role: "group", aria: { label: "Score of these items" } });
const outcome = make("p", { className: "refused outcome", role: "status" });
let chips = [];

function labelled(text, field) {
  return make("label", {}, make("span", {}, text), field);
}

function choose(name, text, options) {
  if (options.length < 3) return null; // all, and one more: there is nothing to choose from
  selects[name] = make("select", {}, ...options.map(([value, said]) => make("option", { value }, said)));
  selects[name].addEventListener("change", () => {
    wanted[name] = selects[name].value;
    if (name === "order") active = -1; // who asks for an order wants its first ones
    apply();
  });
  return labelled(text, selects[name]);
}

function rangeEnd(name, end, key) {
  const label = { label: `${name} ${end}` };
  const input = make("input", { type: "number", min: "0", step: "any", inputMode: "decimal", aria: label });
  input.addEventListener("input", () => {
    wanted[key] = input.value === "" ? NOTHING_ASKED[key] : Number(input.value);
    apply();
  });
  return input;
}

function chip(bit, { name, sign, says }) {
  const input = make("input", { type: "radio", name: "explorer-move", checked: bit === 0 });
  const number = make("b");
  input.addEventListener("change", () => {
    wanted.move = bit;
    apply();
  });
  const parts = [input, sign ? decoration(sign) : null, make("span", {}, name), number];
  const element = make("label", { className: `chip ${name.replace(" ", "-")}`, title: says }, ...parts);
  return { bit, input, number, element };
}

function buildControls() {
  const listed = (values) => [...new Set(values)].map((value) => [value, value]);
  const checkpoints = (task) => task.sides.filter((_, side) => side && task.scored[side]);
  const seen = rows.moves.reduce((all, one) => all | one, 0);
  chips = [chip(0, { name: "all", says: "whatever became of it" }), ...MOVES.map((move, at) => chip(1 << at, move))];
  for (const { bit, element } of chips) element.hidden = bit > 0 && !(seen & bit);
  const fields = make(
    "div",
    { className: "fields" },
    choose("task", "Task", [["", "all"], ...listed(tasks.map((task) => task.name))]),
    choose("checkpoint", "Checkpoint", [["", "all"], ...listed(tasks.flatMap(checkpoints))]),
    choose("label", "Label", [["", "any"], ...listed(tasks.flatMap((task) => task.labels))]),
    choose("overlap", "Overlap with training", overlapOptions()),
    lengthRange(),
    rows.sure.some((value) => !Number.isNaN(value)) ? range("Confidence of the answer, %", sureEnds, [0, 100]) : null,
    choose("order", "Order", Object.entries(ORDERS)),
  );
  const clear = make("button", { type: "reset", className: "plain" }, "Clear all");
  const legend = make("legend", { className: "unseen" }, "How the answer moved");
  controls.append(
    make("div", { className: "finder" }, labelled("Search", query), clear),
    make("fieldset", { className: "moves" }, legend, ...chips.map(({ element }) => element)),
    make("details", { open: isWide() }, make("summary", {}, "More filters, and the order"), fields),
  );
}

function overlapOptions() {
  const known = [...new Set(rows.overlap)];
  if (known.every((bits) => bits === null)) return [];
  const met = [...grades.entries()].filter(([at]) => known.some((bits) => bits & (1 << at)));
  const unknown = known.includes(null) ? [["unknown", "not measured"]] : [];
  return [["", "any"], ["none", "none"], ["some", "some"], ...met.map(([at, name]) => [String(at), name]), ...unknown];
}

function lengthRange() {
  let [least, most] = [Infinity, 0];
  for (const task of tasks) {
    for (const length of task.length) [least, most] = [Math.min(least, length), Math.max(most, length)];
  }
  const name = `Prompt length, ${[...new Set(tasks.map((task) => task.unit))].join(" or ")}`;
  return range(name, ends, [least, most]);
}

function range(name, [from, to], [least, most]) {
  [from.placeholder, to.placeholder] = [String(least), String(most)];
  const fields = make("span", {}, from, " to ", to);
  return make("div", { className: "range", role: "group", aria: { label: name } }, make("span", {}, name), fields);
}

let soon = 0;
query.addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(() => {
    wanted.query = query.value.trim().toLowerCase();
    apply();
  }, 60); // a word is often typed faster than it is searched for
});
controls.addEventListener("submit", (event) => event.preventDefault());
controls.addEventListener("reset", (event) => {
  event.preventDefault();
  showAll();
  apply();
});

function showAll() {
  Object.assign(wanted, NOTHING_ASKED);
  for (const field of [query, ...ends, ...sureEnds]) field.value = "";
  for (const [name, select] of Object.entries(selects)) select.value = wanted[name];
  chips[0].input.checked = true;
}

let turn = 0;
async function apply() {
  const mine = ++turn;
  if (wanted.query) {
    try {
      await loadAll((number) => {
        status.textContent = `Reading texts: ${number} of ${chunks.length} parts`;
      });
    } catch (error) {
      return fail(error);
    }
    if (mine !== turn) return undefined; // something else was asked for meanwhile
  }
  const { all, moved } = filter();
  for (const [at, { number }] of chips.entries()) number.textContent = counted(at ? moved[at - 1] : all);
  const what = items.task.length === rows.item.length ? "items" : "pairs of an item and a checkpoint";
  status.textContent = `${counted(view.length)} of ${counted(rows.item.length)} ${what}`;
  sums.replaceChildren(...sumsOfView());
  sums.hidden = sums.childElementCount === 0;
  outcome.textContent =
    chosenByOutcome() && !sums.hidden ? "Selected on the outcome: this score is not an estimate of the model's score." : "";
  outcome.hidden = !outcome.textContent;
  list.hidden = view.length === 0;
  nothing.hidden = view.length > 0;
  space.style.height = `${view.length * ROW}px`;
  const place = view.indexOf(active);
  if (place < 0) list.scrollTop = 0;
  return select(Math.max(0, place));
}

// A table of what the items in view score, a line a task and model.
function sumsOfView() {
  const found = scoresInView();
  if (!found.length) return [];
  const cell = (name, text, properties = {}) => filled(make(name, properties), text);
  const heads = ["model", "score", "95 % interval", "items", "method"].map((text) => cell("th", text, { scope: "col" }));
  const lines = found.map(({ task, side, metric, scale, value, n, clusters, ends: interval, method }) => {
    const shown = (number) => number.toFixed(scale === 100 ? 2 : 3).replace("-", "−");
    const of = task.cluster?.by ? ` (${counted(clusters)} of ${task.cluster.by})` : "";
    const cells = [
      shown(value),
      interval ? `[${shown(interval[0])}, ${shown(interval[1])}]` : "none",
      counted(n) + of,
      method ?? "no interval: this page does not say which items share a cluster",
    ];
    const name = `${tasks.length > 1 ? `${task.name}, ` : ""}${metric}: ${nameOf(task, side)}`;
    return make("tr", {}, cell("th", name, { scope: "row" }), ...cells.map((text) => cell("td", text)));
  });
  return [make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines))];
}

// ---- The items in view as CSV: RFC 4180, with a mark of UTF-8 for spreadsheets, and nothing that one computes

const FORMULA = /(^|[;,|\r\n])([\s"'\u200c\u200d]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20\u2212])/g;

function csvCell(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value);
  const text = value.trim().replace(FORMULA, "$1$2'");
  return `"${text.replaceAll('"', '""')}"`;
}

function csvRow(row) {
  const item = rows.item[row];
  const task = taskOf(item);
  const own = items.own[item];
  const side = rows.side[row];
  const [title, prompt, gold, sides] = textsOf(item);
  const at = MOVES.findIndex((_, number) => rows.moves[row] & (1 << number));
  const of = (one) => [sides[one]?.[0], task.score[one][own], task.confidence?.[one]?.[own]];
  return [
    task.name, task.names[own], side ? task.sides[side] : "", task.labels[task.label[own]], MOVES[at]?.name,
    task.length[own], task.unit, title, prompt, gold.join(" | "), task.metrics[task.primary]?.label,
    ...of(0), ...(side ? of(side) : [null, null, null]),
  ];
}

const CSV_COLUMNS = [
  "task", "item", "checkpoint", "label", "outcome", "prompt_length", "length_unit", "input", "prompt", "gold_answers",
  "metric", "base_answer", "base_score", "base_confidence", "answer", "score", "confidence",
];

const csvOfView = () =>
  `\ufeff${[CSV_COLUMNS, ...Array.from(view, csvRow)].map((row) => row.map(csvCell).join(",")).join("\r\n")}\r\n`;

async function download() {
  try {
    await loadAll((number) => {
      status.textContent = `Reading texts: ${number} of ${chunks.length} parts`;
    });
  } catch (error) {
    return fail(error);
  }
  const address = URL.createObjectURL(new Blob([csvOfView()], { type: "text/csv;charset=utf-8" }));
  make("a", { href: address, download: "items.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return apply();
}

function fail(error) {
  status.textContent = `${error.message}: keep the folder ${tool.dataset.folder}/ beside this page.`;
}

// ---- Keys, and links to one item

list.addEventListener("scroll", () => requestAnimationFrame(scrolled), { passive: true });
list.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const at = view.indexOf(active);
  const last = view.length - 1;
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + PAGE, PageUp: at - PAGE, Home: 0, End: last };
  if (event.key in steps) select(Math.max(0, Math.min(last, steps[event.key])));
  else if (event.key === "Enter" || event.key === " ") {
    tool.classList.add("reading");
    detail.focus();
  } else return;
  event.preventDefault();
});
tool.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && detail.contains(event.target)) back();
  else if (event.key === "/" && !event.target.matches("input, select")) query.focus();
  else return;
  event.preventDefault();
});

function follow() {
  const asked = /^#item=([^/]*)\/(.*)$/.exec(location.hash);
  if (!asked) return;
  const named = (text) => [...tasks].find((task) => encodeURIComponent(task.name) === text);
  const home = named(asked[1]);
  const own = home ? home.names.findIndex((name) => encodeURIComponent(name) === asked[2]) : -1;
  fold.open = true;
  section.scrollIntoView({ behavior: "instant" });
  if (own < 0) {
    status.textContent = "The address names an item that is not on this page.";
    return;
  }
  showAll();
  active = rows.item.indexOf(home.first + own);
  apply();
  tool.classList.add("reading");
  detail.focus({ preventScroll: true });
}

async function start() {
  section.querySelector(".explorer-without").hidden = true;
  fold.hidden = false;
  tool.append(status);
  if (!globalThis.DecompressionStream) {
    status.textContent = "This browser cannot unpack the items: it has no DecompressionStream. A newer one shows them.";
    return;
  }
  take(await unpacked(section.querySelector(".explorer-index").textContent));
  buildControls();
  const keys = make("p", { id: "explorer-keys", className: "keys" });
  const known = { "↑ ↓": "from item to item", Enter: "reads it", Esc: "back to the list", "/": "search" };
  for (const [key, does] of Object.entries(known)) keys.append(make("span", {}, make("kbd", {}, key), ` ${does}`));
  tool.replaceChildren(
    controls,
    make("div", { className: "count" }, status, button("Download as CSV", download), keys),
    outcome,
    sums,
    make("div", { className: "panes" }, make("div", { className: "left" }, list, nothing), detail),
  );
  new ResizeObserver(draw).observe(list);
  await apply();
  follow();
  window.addEventListener("hashchange", follow);
  if (!tool.dataset.folder) await loadAll();
  tool.dataset.state = "ready";
}

if (tool) {
  start().catch((error) => {
    status.textContent = `The items cannot be shown: ${error.message}`;
  });
}
