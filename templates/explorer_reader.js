// The list of items and the item to read. Nothing of an item is ever read as HTML: all of it becomes text.

const ROW = 72; // pixels that a row of the list is high; explorer.css has the same
const PAGE = 8; // rows that Page Up and Page Down move by
const BEYOND = 5; // rows that are drawn above and below those in sight
const TITLE = 240; // characters of a text that a row of the list holds
const INPUT = 400; // characters of an input that stands above the answers; a longer one is read in the prompt
// Signs that hide, or that turn the direction of what stands beside them, are shown by their number instead.
const SIGNS = new RegExp(
  "([\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\xad\\u061c\\u200b\\u200e\\u200f" +
    "\\u202a-\\u202e\\u2066-\\u2069\\ufeff\\u{e0000}-\\u{e007f}])",
  "u",
);

function make(name, properties = {}, ...children) {
  const { role, aria = {}, ...own } = properties;
  const element = Object.assign(document.createElement(name), own);
  if (role) element.setAttribute("role", role);
  for (const [key, value] of Object.entries(aria)) element.setAttribute(`aria-${key}`, value);
  element.append(...children.filter((child) => child != null));
  return element;
}
const unseen = (text) => make("span", { className: "unseen" }, text);
const decoration = (text) => make("span", { aria: { hidden: "true" } }, text);
const counted = (number) => number.toLocaleString("en-GB");

// Puts text into an element: signs that hide are shown, and what is searched for is marked.
function filled(element, text, mark = "") {
  const low = text.toLowerCase();
  const exact = mark && low.length === text.length; // else the places in the two differ
  let at = 0;
  while (at < text.length) {
    const next = exact ? low.indexOf(mark, at) : -1;
    element.append(...shown(text.slice(at, next < 0 ? undefined : next)));
    if (next < 0) break;
    at = next + mark.length;
    element.append(make("mark", {}, ...shown(text.slice(next, at))));
  }
  return element;
}

function shown(text) {
  return text.split(SIGNS).map((part, at) => {
    if (at % 2 === 0) return part;
    const name = `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    return make("span", { className: "sign", title: "a sign that does not show by itself" }, name);
  });
}

// ---- The list: only the rows in sight exist, and the active one, which assistive technology has to find

const status = make("p", { className: "status", role: "status" });
const space = make("div", { className: "space", role: "presentation" });
const list = make(
  "div",
  { className: "list", role: "listbox", tabIndex: 0, aria: { label: "Items", describedby: "explorer-keys" } },
  space,
);
const nothing = make("p", { className: "nothing", hidden: true }, "No item fits these filters.");
const detail = make("article", { className: "detail", tabIndex: 0, aria: { label: "The chosen item" } });
let active = -1; // a row; not a place in the view
const drawn = { first: 0, last: 0 }; // places of the view

const firstSeen = () => Math.floor(list.scrollTop / ROW);
const lastSeen = () => Math.min(view.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW));

function scrolled() {
  if (firstSeen() < drawn.first || lastSeen() > drawn.last) draw();
}

function draw() {
  const first = Math.max(0, firstSeen() - BEYOND);
  const last = Math.min(view.length, lastSeen() + BEYOND);
  Object.assign(drawn, { first, last });
  const places = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  const own = view.indexOf(active);
  if (own >= 0 && (own < first || own >= last)) places.push(own);
  space.style.height = `${view.length * ROW}px`;
  space.replaceChildren(...places.map(drawRow));
  if (own >= 0) list.setAttribute("aria-activedescendant", `explorer-row-${active}`);
  else list.removeAttribute("aria-activedescendant");
  const needed = new Set(places.map((place) => items.chunk[rows.item[view[place]]]));
  const missing = [...needed].filter((number) => !chunks[number].texts);
  if (missing.length) Promise.all(missing.map(loaded)).then(draw, fail);
}

function drawRow(place) {
  const row = view[place];
  const task = taskOf(rows.item[row]);
  const texts = textsOf(rows.item[row]);
  const side = rows.side[row];
  const title = texts ? texts[0].slice(0, TITLE) || "(no text)" : "…";
  const about = [];
  if (tasks.length > 1 && !wanted.task) about.push(task.name);
  if (task.sides.length > 2 && !wanted.checkpoint) about.push(task.sides[side]);
  const option = make(
    "div",
    {
      id: `explorer-row-${row}`,
      className: "row",
      role: "option",
      aria: { selected: String(row === active), setsize: view.length, posinset: place + 1 },
    },
    make("span", { className: "line" }, badge(row), filled(make("span", { className: "title", dir: "auto" }), title)),
    make(
      "span",
      { className: "line second" },
      texts && exchange(texts[3], side),
      filled(make("span", { className: "about" }), about.join(" · ")),
    ),
  );
  option.style.top = `${place * ROW}px`;
  option.addEventListener("click", () => open(place));
  return option;
}

function exchange(sides, side) {
  const told = (one) => {
    const text = one ? one[0].trim().slice(0, TITLE) || "(empty)" : "(not scored)";
    return filled(make("span", { className: "told", dir: "auto" }), text);
  };
  if (!side) return make("span", { className: "exchange" }, told(sides[0]));
  const between = [unseen(" before, after: "), decoration("→")];
  return make("span", { className: "exchange" }, told(sides[0]), ...between, told(sides[side]));
}

function badge(row) {
  const at = MOVES.findIndex((_, number) => rows.moves[row] & (1 << number));
  if (at >= 0) return mark(MOVES[at].name.replace(" ", "-"), MOVES[at].sign, MOVES[at].name);
  if (!Number.isNaN(rows.change[row])) return mark("", "=", "same");
  return mark("", "", rows.side[row] ? "not compared" : "base alone");
}

const mark = (kind, sign, text) =>
  make("span", { className: `badge ${kind}` }, sign ? decoration(`${sign} `) : null, text);

// Makes the row at a place of the view the active one, brings it into sight and shows it to read.
function select(place) {
  active = view[place] ?? -1;
  const top = place * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  draw();
  read();
}

const isWide = () => matchMedia("(min-width: 60rem)").matches; // explorer.css has the same

function open(place) {
  tool.classList.add("reading");
  select(place);
  (isWide() ? list : detail).focus({ preventScroll: isWide() });
}

function back() {
  tool.classList.remove("reading");
  list.focus();
  select(Math.max(0, view.indexOf(active)));
}

// ---- One item, to read

function read() {
  if (active < 0) return detail.replaceChildren(make("p", { className: "nothing" }, "No item is chosen."));
  const item = rows.item[active];
  const texts = textsOf(item);
  if (!texts) return loaded(items.chunk[item]).then(() => active >= 0 && rows.item[active] === item && read(), fail);
  const task = taskOf(item);
  const own = items.own[item];
  const [title, prompt, gold, sides] = texts;
  const name = `${task.name}, item ${task.names[own]}`;
  detail.setAttribute("aria-label", name);
  const parts = [
    bar(task, own),
    make("h3", {}, badge(active), filled(make("span", {}), name)),
    title.length <= INPUT && filled(make("p", { className: "input", dir: "auto" }), title, wanted.query),
    make("h4", {}, gold.length > 1 ? "Gold answers" : "Gold answer"),
    make("ul", { className: "gold" }, ...goldAnswers(gold, sides[rows.side[active]])),
    make("h4", {}, "Answers", make("small", {}, " underlined: not in the gold answer")),
    make("div", { className: "answers" }, ...sides.map((side, at) => side && card(task, own, at, side, gold))),
    refusal(task),
    scoreTable(task, sides),
    make("h4", {}, "Prompt", make("small", {}, ` ${counted(task.length[own])} ${task.unit}`)),
    prompt
      ? filled(make("pre", { dir: "auto" }), prompt, wanted.query)
      : make("p", {}, "The samples do not hold it."),
    ...shared(task, own),
  ];
  detail.replaceChildren(...parts.filter(Boolean));
  detail.scrollTop = 0;
  return undefined;
}

function bar(task, own) {
  const at = view.indexOf(active);
  return make(
    "div",
    { className: "bar" },
    button("‹ List", back, { className: "plain back" }),
    button("‹ Previous", () => step(-1), { disabled: at <= 0 }),
    button("Next ›", () => step(1), { disabled: at >= view.length - 1 }),
    link(task, own),
  );
}

function button(text, act, properties) {
  const made = make("button", { type: "button", className: "plain", ...properties }, text);
  made.addEventListener("click", act);
  return made;
}

function step(by) {
  const pressed = [...detail.querySelectorAll("button")].indexOf(document.activeElement);
  select(view.indexOf(active) + by);
  // The buttons are new ones: that which was pressed keeps the focus, or the item has it where there is no next.
  const again = detail.querySelectorAll("button")[pressed];
  if (again) (again.disabled ? detail : again).focus({ preventScroll: true });
}

function link(task, own) {
  const address = `#item=${encodeURIComponent(task.name)}/${encodeURIComponent(task.names[own])}`;
  const anchor = make("a", { href: address }, "Link to this item");
  const said = make("span", { role: "status", className: "copied" });
  anchor.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(anchor.href);
      said.textContent = "copied";
    } catch {
      said.textContent = "it is in the address bar"; // a page from disk may be refused the clipboard
    }
  });
  return make("span", { className: "link" }, said, " ", anchor);
}

const nameOf = (task, side) => (side ? task.sides[side] : "base");

// The gold answers; of the one that is nearest to the chosen model's answer, the words that this lacks are marked.
function goldAnswers(gold, side) {
  const compared = side && differing(side[0].trim(), gold);
  return gold.map((one, place) => {
    const element = make("li", { dir: "auto" });
    if (compared?.place !== place) return filled(element, one, wanted.query);
    return filledWords(element, one, compared.right, compared.missing, { className: "lacking" });
  });
}

function card(task, own, at, [answer, choices], gold) {
  const right = task.right[at][own];
  const heading = make("h5", {}, filled(make("span", {}), nameOf(task, at)));
  if (right !== null) {
    const verdict = right ? mark("fixed", "✓", "correct") : mark("broken", "✗", "wrong");
    heading.append(Object.assign(verdict, { title: `by ${task.metrics[task.verdict].label}` }));
  }
  const trimmed = answer.trim();
  const compared = differing(trimmed, gold);
  const said = !trimmed
    ? make("p", { className: "answer none" }, "(empty)")
    : filledWords(make("p", { className: "answer", dir: "auto" }), trimmed, compared?.own ?? [], compared?.extra ?? [], {
        className: "differs",
      });
  // Of texts that share no word the marks and the sentence would say the same as the two texts do.
  const difference = compared?.cost && compared.extra.includes(false) ? differenceSaid(compared) : "";
  const sure = task.confidence?.[at]?.[own];
  const likely = choices.map(([choice, value]) =>
    make("li", {}, filled(make("span", { dir: "auto" }), choice), ` ${value.toFixed(2).replace("-", "−")}`),
  );
  return make(
    "section",
    { className: `answer-of${at === rows.side[active] ? " chosen" : ""}`, aria: { label: nameOf(task, at) } },
    heading,
    said,
    difference ? filled(make("p", { className: "small", dir: "auto" }), difference) : null,
    typeof sure === "number" ? make("p", { className: "small" }, `Confidence ${(100 * sure).toFixed(1)} %`) : null,
    likely.length ? make("p", { className: "small" }, "Log-likelihood of each choice") : null,
    likely.length ? make("ul", { className: "choices" }, ...likely) : null,
  );
}

function refusal(task) {
  const reason = rows.side[active] ? task.refused[rows.side[active] - 1] : null;
  return reason && filled(make("p", { className: "refused" }, "Base and checkpoint are not compared: "), `${reason}.`);
}

function scoreTable(task, sides) {
  const known = [...sides.keys()].filter((at) => sides[at]);
  const concerned = [...task.metrics.keys()].filter((metric) => known.some((at) => sides[at][2][metric] !== null));
  if (!concerned.length) return null;
  const named = (text, scope) => filled(make("th", { scope }), text);
  const head = [named("Scores of the item", "col"), ...known.map((at) => named(nameOf(task, at), "col"))];
  const lines = concerned.map((metric) => {
    const cells = known.map((at) => make("td", {}, scored(sides[at][2][metric])));
    return make("tr", {}, named(task.metrics[metric].label, "row"), ...cells);
  });
  return make(
    "div",
    { className: "scroll", tabIndex: 0, role: "group", aria: { label: "Scores of the item" } },
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines)),
  );
}

function scored(value) {
  if (value === null) return "–";
  return value.toLocaleString("en-GB", { maximumFractionDigits: Math.abs(value) > 1 ? 1 : 3 });
}

// What of the item stands among the training rows of each checkpoint.
function shared(task, own) {
  const checkpoints = [...task.sides.keys()].filter((side) => side && task.scored[side]);
  return checkpoints.map((side) => {
    const bits = task.overlap[side - 1][own];
    const of = grades.filter((_, grade) => bits & (1 << grade)).join(", ") || "none";
    const said = bits === null ? " was not measured." : `: ${of}.`;
    return filled(make("p", { className: "small" }), `Overlap with the training rows of ${task.sides[side]}${said}`);
  });
}
