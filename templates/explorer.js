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
const ends = ["from", "to"].map(lengthEnd);
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

function lengthEnd(end) {
  const label = { label: `Prompt length ${end}` };
  const input = make("input", { type: "number", min: "0", inputMode: "numeric", aria: label });
  input.addEventListener("input", () => {
    wanted[end] = input.value === "" ? NOTHING_ASKED[end] : Number(input.value);
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
  [ends[0].placeholder, ends[1].placeholder] = [String(least), String(most)];
  const name = `Prompt length in ${[...new Set(tasks.map((task) => task.unit))].join(" or ")}`;
  const fields = make("span", {}, ends[0], " to ", ends[1]);
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
  query.value = ends[0].value = ends[1].value = "";
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
  list.hidden = view.length === 0;
  nothing.hidden = view.length > 0;
  space.style.height = `${view.length * ROW}px`;
  const place = view.indexOf(active);
  if (place < 0) list.scrollTop = 0;
  return select(Math.max(0, place));
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
  tool.hidden = false;
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
    make("div", { className: "count" }, status, keys),
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
