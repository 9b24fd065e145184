"use strict";
// Leaderboards can be sorted: a click on a column's head, and another one to turn the order round. Print opens all.
(() => {
  // What a cell is sorted by: the number that it begins with, else its text.
  const keyOf = (cell) => {
    const text = cell.textContent.trim();
    const found = /^[+\u2212-]?[\d,]*\.?\d+/.exec(text);
    return found ? Number(found[0].replaceAll(",", "").replace("\u2212", "-")) : text;
  };
  const compare = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    if (typeof one === "number") return -1;
    return typeof other === "number" ? 1 : one < other ? -1 : one > other ? 1 : 0;
  };
  const sort = (table, column) => {
    const heads = [...table.tHead.rows[0].cells];
    // Columns that keep their widths spare the browser from measuring a thousand rows anew.
    if (table.style.tableLayout !== "fixed") {
      const widths = [table, ...heads].map((element) => element.getBoundingClientRect().width);
      [table, ...heads].forEach((element, at) => (element.style.width = `${widths[at]}px`));
      table.style.tableLayout = "fixed";
    }
    const down = heads[column].getAttribute("aria-sort") === "ascending";
    heads.forEach((head, at) => (at === column ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    const rows = [...table.tBodies[0].rows].map((row, place) => ({ row, place, key: keyOf(row.cells[column]) }));
    rows.sort((one, other) => (down ? -1 : 1) * compare(one.key, other.key) || one.place - other.place);
    table.tBodies[0].append(...rows.map(({ row }) => row));
  };
  // On paper everything is open; afterwards what was closed is closed again.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const fold of closed) fold.open = true;
  });
  window.addEventListener("afterprint", () => closed.forEach((fold) => (fold.open = false)));
  for (const table of document.querySelectorAll("table")) {
    const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
    if (heads.length === 0 || heads[0].textContent !== "rank") continue;
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column));
      head.append(button);
    });
  }
})();
