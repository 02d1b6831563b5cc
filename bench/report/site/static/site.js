// Sorting, filtering and searching, on pages that can be read without any of it.
"use strict";
(() => {
  const bare = (text) => text.replace(/[^\p{L}\p{N}]+/gu, "");
  const fold = (text) => text.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);

  // Light or dark: what the reader chose, else what the system says.
  const page = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  if (stored()) page.dataset.theme = stored();
  const isDark = () => page.dataset.theme
    ? page.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.getElementById("theme").addEventListener("click", () => {
    page.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", page.dataset.theme); } catch { /* private window */ }
  });

  // The switch of language keeps the place on the page.
  const other = document.getElementById("switch");
  other?.addEventListener("click", () => { other.hash = location.hash; });

  // Sorting: a press on a heading; cells without a value come last in either direction.
  const valueOf = (row, column, numeric) => {
    const value = row.cells[column].dataset.value ?? row.cells[column].textContent;
    return numeric ? (value === "" ? NaN : Number(value)) : value;
  };
  const compare = (a, b, numeric) => numeric
    ? (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0) || a - b
    : (a === "") - (b === "") || a.localeCompare(b, undefined, { numeric: true });
  const sort = (table, heading) => {
    const column = heading.cellIndex;
    const numeric = heading.dataset.sort === "number";
    const down = heading.getAttribute("aria-sort") === "ascending";
    const empty = (value) => (numeric ? Number.isNaN(value) : value === "");
    const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row, column, numeric), row]);
    rows.sort(([a], [b]) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b);
      return down ? -compare(a, b, numeric) : compare(a, b, numeric);
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button")?.addEventListener("click", () => sort(table, heading));
    }
  }

  // Filtering: a form hides items of the list or table that it names.
  const texts = new WeakMap();
  const textOf = (item) => {
    if (!texts.has(item)) {
      const folded = fold(item.dataset.search ?? item.textContent).join(" ");
      texts.set(item, [folded, bare(folded)]);
    }
    return texts.get(item);
  };
  const contains = (item, words) => {
    const [text, plain] = textOf(item);
    return words.every((word) => text.includes(word) || (bare(word).length > 2 && plain.includes(bare(word))));
  };
  const fits = (item, data) => {
    if (!contains(item, fold(String(data.get("text") ?? "")))) return false;
    for (const key of ["kind", "family", "origin", "severity"]) {
      if (data.get(key) && item.dataset[key] !== data.get(key)) return false;
    }
    if (data.get("errata") && !("errata" in item.dataset)) return false;
    return !(data.get("rows") && !("rows" in item.dataset));
  };
  const showColumns = (table, form) => {
    for (const box of form.querySelectorAll('[name="column"]')) {
      for (const cell of table.querySelectorAll(`[data-key="${box.value}"]`)) cell.hidden = !box.checked;
    }
  };
  const filter = (form) => {
    const list = document.getElementById(form.dataset.for);
    const items = list.tBodies ? [...list.tBodies[0].rows] : [...list.children];
    const data = new FormData(form);
    const calibration = form.elements.calibration;
    let shown = 0;
    for (const item of items) {
      const hide = calibration && !calibration.checked && item.classList.contains("calibration");
      item.hidden = hide || !fits(item, data);
      shown += !item.hidden;
    }
    const output = form.querySelector("output");
    output.textContent = output.dataset.template.replace("#", shown);
    const nothing = document.querySelector(".nothing");
    if (nothing) nothing.hidden = shown > 0;
    if (list.tBodies) showColumns(list, form);
  };
  for (const form of document.querySelectorAll("form[data-for]")) {
    form.addEventListener("input", () => filter(form));
    form.addEventListener("submit", (event) => event.preventDefault());
    filter(form); // a browser that goes back keeps what was chosen
  }

  // An address that ends in the name of a folded entry opens it.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    target.hidden = false;
    target.closest("details")?.setAttribute("open", "");
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
})();
