// What the page does with scripts: a number tells where it comes from, and the reader may choose light or dark.
// Without scripts nothing is lost but this: every table names its sources in a line below it.
"use strict";
(() => {
  const LABELS = [
    ["checkpoint", "checkpoint"], ["interval", "interval"], ["items", "items"], ["clusters", "clusters"], ["method", "method"],
    ["signature", "computed as"], ["file", "file"], ["at", "place in it"], ["fact", "in facts.json"],
  ];
  const table = JSON.parse(document.getElementById("notes").textContent);
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // One card for all notes. It holds text alone: nothing of a note is ever read as HTML.
  const card = make("div", { id: "note", role: "dialog", hidden: true });
  card.setAttribute("aria-label", "Where this number comes from");
  document.body.append(card);
  let shown = null;
  let waiting = 0;

  function fill(number) {
    const said = {};
    for (const [key, index] of Object.entries(table.notes[number.dataset.n])) said[key] = table.texts[index];
    const list = make("dl");
    for (const [key, label] of LABELS) {
      if (said[key]) list.append(make("dt", { textContent: label }), make("dd", { textContent: said[key] }));
    }
    const parts = [make("p", { className: "value", textContent: number.textContent }), list];
    if (said.command) {
      const button = make("button", { type: "button", textContent: "Copy" });
      const answer = make("span", { role: "status" });
      button.addEventListener("click", async () => {
        answer.textContent = (await copied(said.command)) ? " copied" : " not copied: select it and copy it yourself";
      });
      parts.push(
        make("p", { className: "again" }, "The command that makes it again: ", button, answer),
        make("code", { textContent: said.command }),
      );
    }
    card.replaceChildren(...parts);
  }

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Pages opened from disk may have no clipboard of the newer kind.
      const field = make("textarea", { value: text });
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  function show(number) {
    clearTimeout(waiting);
    if (shown === number) return;
    hide();
    shown = number;
    number.classList.add("shown");
    fill(number);
    card.hidden = false;
    const place = number.getBoundingClientRect();
    const width = card.offsetWidth;
    const height = card.offsetHeight;
    const left = Math.max(8, Math.min(place.left, document.documentElement.clientWidth - width - 8));
    const below = place.bottom + 8 + height < window.innerHeight || place.top < height + 8;
    card.style.left = `${left + window.scrollX}px`;
    card.style.top = `${(below ? place.bottom + 6 : place.top - height - 6) + window.scrollY}px`;
  }

  function hide() {
    clearTimeout(waiting);
    if (!shown) return;
    shown.classList.remove("shown");
    shown = null;
    card.hidden = true;
  }

  // A moment's delay, so that a pointer that only passes by shows nothing, and one on its way to the card keeps it.
  const later = (what, wait) => {
    clearTimeout(waiting);
    waiting = setTimeout(what, wait);
  };
  const numberOf = (event) => event.target.closest?.(".n");
  document.addEventListener("pointerover", (event) => {
    const number = numberOf(event);
    if (number) later(() => show(number), 120);
    else if (card.contains(event.target)) clearTimeout(waiting);
    else if (shown && !card.contains(document.activeElement) && shown !== document.activeElement) later(hide, 300);
  });
  document.addEventListener("click", (event) => {
    const number = numberOf(event);
    if (number) show(number);
    else if (!card.contains(event.target)) hide();
  });

  // Numbers of one paragraph, list item or table are one stop of the tab key; arrows go from one to the next.
  const groups = new Map();
  for (const number of document.querySelectorAll(".n")) {
    const home = number.closest("table, p, li") ?? document.body;
    if (!groups.has(home)) groups.set(home, []);
    groups.get(home).push(number);
    number.tabIndex = groups.get(home).length === 1 ? 0 : -1;
  }
  document.addEventListener("focusin", (event) => {
    const number = numberOf(event);
    if (number) show(number);
    else if (!card.contains(event.target)) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown) {
      if (card.contains(event.target)) shown.focus(); // first: a number that gets the focus shows its note
      hide();
      return;
    }
    const number = numberOf(event);
    if (!number) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      show(number);
      card.querySelector("button")?.focus();
      return;
    }
    const own = groups.get(number.closest("table, p, li") ?? document.body);
    const row = number.closest("tr");
    const column = number.closest("td")?.cellIndex;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const line = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    let next = step ? own[own.indexOf(number) + step] : null;
    if (line && row) next = row[line]?.cells[column]?.querySelector(".n");
    if (!next) return;
    event.preventDefault();
    number.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // Light, dark, or as the system has it. Storage may be refused to a page from disk; then the choice ends with it.
  const remembered = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("aftertune-theme");
      localStorage.setItem("aftertune-theme", value);
    } catch {
      return null;
    }
    return value;
  };
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const toggle = make("button", { type: "button" });
  const named = () => {
    toggle.textContent = dark() ? "Light page" : "Dark page";
  };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  toggle.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    remembered(root.dataset.theme);
    named();
  });
  named();

  // What is folded: all at once by a button, and on paper, where nobody can open anything.
  const folds = [...document.querySelectorAll("main details")];
  const closedFolds = () => folds.filter((fold) => !fold.open);
  const opener = make("button", { type: "button" });
  const offer = () => {
    opener.textContent = closedFolds().length ? "Open all" : "Close all";
  };
  const open = (some, all) => {
    for (const fold of some) fold.open = all;
    offer();
  };
  opener.addEventListener("click", () => open(folds, closedFolds().length > 0));
  for (const fold of folds) fold.addEventListener("toggle", offer);
  offer();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = closedFolds();
    open(closed, true);
  });
  addEventListener("afterprint", () => open(closed, false));

  // The contents: a button on a narrow page, and a mark at the part that is being read.
  const nav = document.querySelector("nav");
  const list = document.getElementById("contents");
  const menu = make("button", { type: "button", className: "menu", textContent: "Contents" });
  menu.setAttribute("aria-controls", "contents");
  const unfold = (shown) => {
    list.classList.toggle("shown", shown);
    menu.setAttribute("aria-expanded", String(shown));
  };
  unfold(false);
  menu.addEventListener("click", () => unfold(!list.classList.contains("shown")));
  list.addEventListener("click", (event) => event.target.closest("a") && unfold(false));
  root.classList.add("scripted");
  list.before(menu); // so that the tab key goes on from it to what it shows
  nav.append(make("div", { className: "tools" }, opener, toggle));
  const links = new Map([...list.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const parts = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const above = parts.filter((part) => part.getBoundingClientRect().top < 64).pop();
    // At the end of the page its last parts are all in sight: the one that was asked for is read, else the last.
    const atEnd = innerHeight + scrollY >= root.scrollHeight - 2;
    const asked = parts.find((part) => part.id === location.hash.slice(1) && part.getBoundingClientRect().top >= 0);
    const read = atEnd ? (asked ?? parts.at(-1)) : above;
    for (const [id, link] of links) {
      if (read?.id === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let due = false;
  addEventListener("scroll", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      mark();
    });
  }, { passive: true });
  addEventListener("hashchange", mark);
  mark();

  // Long tables are sorted by a column: by its numbers where its cells begin with one, else by its words.
  const LONG = 10;
  const valueOf = (row, column) => {
    const text = row.cells[column].textContent.trim();
    // A p-value may be <0.0001; a hash or a version is a word, whatever it begins with.
    const found = /^<?([+\u2212-]?[\d,]*\.?\d+)(?![\w.])/.exec(text);
    return [found ? Number(found[1].replaceAll(",", "").replace("\u2212", "-")) : Infinity, text];
  };
  for (const table of document.querySelectorAll("main > .scroll > table, main details > .scroll > table")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length <= LONG) continue;
    for (const head of table.tHead.rows[0].cells) {
      if (!head.textContent.trim()) continue;
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [valueOf(row, head.cellIndex), row]);
        rows.sort(([[a, x]], [[b, y]]) => (a === b ? x.localeCompare(y) : a < b ? -1 : 1));
        if (down) rows.reverse();
        body.append(...rows.map(([, row]) => row));
        groups.get(table)?.sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
      });
    }
  }
})();
