// A table of any length that has elements only for the rows in sight.

const ROW_PX = 26;
/** Rows that can be scrolled to: browsers cannot make an element much higher. Those that come after are found with a filter or by going back. */
const ROWS_MAX = 400_000;

export class Table {
  /**
   * `columns`: name, class, width, `paint(cell, item)` of each, and `from`: pixels of the table from which on it is shown; `choose` is told
   * the item of a row that is clicked, `sort` the place of a name that is.
   */
  constructor(element, { columns, choose, sort = null, label }) {
    this.element = element;
    this.columns = columns;
    this.choose = choose;
    this.rows = [];
    element.tabIndex = 0;
    element.setAttribute("role", "grid");
    element.setAttribute("aria-label", label);
    this.names = element.appendChild(this.line("names"));
    this.nameCells = columns.map(({ name, kind }, place) => {
      const cell = this.names.appendChild(document.createElement("span"));
      cell.className = kind ?? "";
      cell.setAttribute("role", "columnheader");
      if (!sort) cell.textContent = name;
      else {
        const button = cell.appendChild(document.createElement("button"));
        button.type = "button";
        button.textContent = name;
        button.addEventListener("click", () => sort(place));
      }
      return cell;
    });
    this.body = element.appendChild(document.createElement("div"));
    this.body.className = "body";
    new ResizeObserver(() => this.fit()).observe(element);
    this.fit();
  }
  /** Show as many columns as there is room for. */
  fit() {
    this.width = this.element.clientWidth;
    this.shownColumns = this.columns.map(({ from = 0 }) => this.width >= from);
    this.template = this.columns.filter((_, place) => this.shownColumns[place]).map(({ width }) => width).join(" ");
    this.layOut(this.names, this.nameCells);
    for (const { row, cells } of this.rows) this.layOut(row, cells);
  }
  layOut(row, cells) {
    row.style.gridTemplateColumns = this.template;
    for (const [place, cell] of cells.entries()) cell.style.display = this.shownColumns[place] ? "" : "none";
  }
  line(kind) {
    const row = document.createElement("div");
    row.className = `row ${kind}`;
    row.setAttribute("role", "row");
    return row;
  }
  makeRow() {
    const row = this.body.appendChild(this.line(""));
    const made = { row, item: undefined, cells: [] };
    for (const { kind } of this.columns) {
      const cell = row.appendChild(document.createElement("span"));
      cell.className = kind ?? "";
      cell.setAttribute("role", "gridcell");
      made.cells.push(cell);
    }
    row.addEventListener("click", () => this.choose?.(made.item));
    this.layOut(row, made.cells);
    this.rows.push(made);
  }

  /** Show so many rows; `at(row)` gives the item of a row, the newest is row 0 and stays where it is looked at as others come. */
  show(count, at, chosen, isStack = true) {
    const shown = Math.min(count, ROWS_MAX);
    if (shown !== this.shown) {
      this.body.style.height = `${shown * ROW_PX}px`;
      if (isStack && this.element.scrollTop > 0 && shown > this.shown) this.element.scrollTop += (shown - this.shown) * ROW_PX;
      this.shown = shown;
      this.element.setAttribute("aria-rowcount", String(count));
    }
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_PX) - 2);
    const fitting = Math.min(shown - first, Math.ceil(this.element.clientHeight / ROW_PX) + 4);
    while (this.rows.length < fitting) this.makeRow();
    for (const [place, made] of this.rows.entries()) {
      const { row } = made, isShown = place < fitting;
      if (row.style.display !== (isShown ? "grid" : "none")) row.style.display = isShown ? "grid" : "none";
      if (!isShown) continue;
      const top = `${(first + place) * ROW_PX}px`;
      if (row.style.top !== top) row.style.top = top;
      made.item = at(first + place);
      row.classList.toggle("chosen", made.item === chosen);
      for (const [number, { paint }] of this.columns.entries()) if (this.shownColumns[number]) paint(made.cells[number], made.item);
    }
  }
}

/** Set a cell's text, if it is another one. */
export function put(cell, text, kind) {
  const wanted = String(text);
  if (cell.textContent !== wanted) cell.textContent = wanted;
  if (kind !== undefined && cell.className !== kind) cell.className = kind;
}
