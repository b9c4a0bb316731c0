// The parts of the page, each shown from the state of the economy at one place of the run. Every text goes in as text, never as markup.

import { DepthChart, PriceChart } from "./charts.js";
import { STATES, THINKS, FAILED, SUSPENDED } from "./economy.js";
import { partsOf } from "./log.js";
import { inOrder } from "./sentences.js";
import { byId, element } from "./shell.js";
import { put, Table } from "./table.js";

/** Spans of a tick that are shown, and letters of an event's data. */
const SPANS_MAX = 300, DATA_MAX = 20_000;
/** Milliseconds until verdicts that could not be had are asked for again, and between two questions for those so far. */
const AGAIN_MS = 5000, SO_FAR_MS = 1000;
/** Milliseconds between two sortings of the agents, drawings of a tick, and drawings of the charts, while a run goes on; and times as long as it took
 * that a sorting is not done again. */
const SORT_MS = 250, TICK_MS = 250, CHART_MS = 90, SORT_PAUSE = 25;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const number = (value) => whole.format(value).replaceAll(",", " ");
const cents = (micros) => (micros / 1e6).toFixed(4);
const amount = (micros) => money.format(micros / 1e6).replaceAll(",", " ");

const STATE_SIGNS = ["·", "◔", "✓", "✕", "✕"];

/** Market: price against the equilibrium, and the book. */
export class MarketPanel {
  constructor(app) {
    this.app = app;
    this.price = new PriceChart(byId("price"));
    this.depth = new DepthChart(byId("depth"));
    this.market = null;
    this.tabs = [];
  }
  reset() {
    this.price.reset();
    this.depth.reset();
    this.seen = null;
  }
  choose(market) {
    this.market = market;
    this.reset();
    for (const tab of this.tabs) tab.setAttribute("aria-selected", String(tab.textContent === market));
    this.app.touch();
  }
  chooseNext() {
    const names = [...this.app.economy.series.keys()];
    if (names.length) this.choose(names[(names.indexOf(this.market) + 1) % names.length]);
  }
  show(now) {
    const { economy, equilibria } = this.app, names = [...economy.series.keys()];
    for (const name of names.slice(this.tabs.length)) {
      const tab = byId("markets").appendChild(element("button", "", name));
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", "false");
      tab.addEventListener("click", () => this.choose(name));
      this.tabs.push(tab);
    }
    if (!this.market && names.length) this.choose(names[0]);
    if (!this.market) return;
    const series = economy.series.get(this.market), book = economy.state.book(this.market), equilibrium = equilibria.get(this.market) ?? (() => null);
    const even = equilibrium(economy.state.period || 1);
    const count = series.records.countUpTo(economy.state.at - 1);
    const range = even ? `equilibrium ${priceRange(even)} (dashed${even.free ? `; ${priceRange(even.free)} without price limits and tax` : ""})` : "";
    const last = book.last === null ? "no trade yet" : `last ${amount(book.last)}`;
    put(byId("market-facts"), `${last}${range ? ` · ${range}` : ""} · ${number(book.trades)} trades, ${number(book.volume)} units · shaded: lowest to highest of a tick`);
    const side = (value) => (value === null ? "none" : amount(value));
    put(byId("book-facts"), book.orders.size ? `best bid ${side(book.bid)} · best ask ${side(book.ask)} · ${number(book.orders.size)} orders` : "the book is empty");
    const seen = `${this.market} ${economy.state.at}`;
    if (seen === this.seen) return;
    if (this.seen && this.app.isLive && now - this.chartedAt < CHART_MS) return this.app.note();
    this.chartedAt = now;
    this.seen = seen;
    this.price.show(series, count, equilibrium);
    byId("depth").classList.toggle("empty", book.orders.size === 0);
    this.depth.show(book.levels);
  }
}

const priceRange = ({ low, high }) => (low === null ? "none" : low === high ? amount(low) : `${amount(low)} to ${amount(high)}`);

/** Agents: money, state, work and its cost. */
export class AgentPanel {
  constructor(app) {
    this.app = app;
    this.order = [];
    this.by = 1;
    this.falls = true;
    this.sortedAt = -Infinity;
    this.sortMs = 0;
    this.filter = byId("agents-filter");
    this.filter.addEventListener("input", () => this.again());
    const value = (column) => (agent) => app.economy.state[column][agent];
    const wealth = (agent) => app.economy.state.credits[agent] - app.economy.state.debt[agent];
    const { agents } = app.economy;
    this.values = [(agent) => agents[agent], wealth, value("state"), value("trades"), value("orders"), value("calls"), value("cost")];
    const count = (place) => (cell, agent) => put(cell, number(this.values[place](agent)));
    this.table = new Table(byId("agents"), {
      label: "Agents",
      columns: [
        { name: "agent", width: "minmax(90px, 1.6fr)", paint: (cell, agent) => put(cell, agents[agent]) },
        { name: "wealth", width: "66px", kind: "number", paint: (cell, agent) => put(cell, amount(wealth(agent))) },
        { name: "state", width: "minmax(70px, 1fr)", paint: (cell, agent) => this.paintState(cell, app.economy.state.state[agent]) },
        { name: "trades", width: "44px", from: 340, kind: "number", paint: count(3) },
        { name: "orders", width: "44px", from: 440, kind: "number", paint: count(4) },
        { name: "calls", width: "36px", from: 490, kind: "number", paint: count(5) },
        { name: "cost", width: "52px", kind: "number", paint: (cell, agent) => put(cell, amount(this.values[6](agent))) },
      ],
      choose: (agent) => app.filterAgent(agents[agent]),
      sort: (place) => {
        this.falls = place === this.by ? !this.falls : place !== 0;
        this.by = place;
        this.again();
      },
    });
  }
  again() {
    this.sortedAt = -Infinity;
    this.app.touch();
  }
  paintState(cell, state) {
    const kind = state === THINKS ? "accent-text" : state === FAILED || state === SUSPENDED ? "bad-text" : "quiet-text";
    put(cell, `${STATE_SIGNS[state]} ${STATES[state]}`, kind);
  }
  show(now) {
    const { economy } = this.app;
    const { at } = economy.state;
    if (now - this.sortedAt > Math.max(SORT_MS, SORT_PAUSE * this.sortMs) || (!this.app.isLive && at !== this.sortedFor)) {
      const began = performance.now();
      this.sortedFor = at;
      const wanted = this.filter.value.trim().toLowerCase(), value = this.values[this.by], sign = this.falls ? -1 : 1;
      this.order = [];
      for (let agent = 0; agent < economy.state.count; agent++)
        if (!wanted || economy.agents[agent].toLowerCase().includes(wanted)) this.order.push(agent);
      if (this.by === 0) this.order.sort((a, b) => (value(a) < value(b) ? -sign : sign));
      else this.order.sort((a, b) => sign * (value(a) - value(b)) || a - b);
      this.sortedAt = now;
      this.sortMs = performance.now() - began;
    }
    this.table.show(this.order.length, (row) => this.order[row], undefined, false);
  }
}

/** A list of facts, the newest first. */
class FactList {
  constructor(app, id, options) {
    this.app = app;
    this.table = new Table(byId(id), { ...options, choose: (fact) => app.choose(fact) });
  }
  showFirst(count, at) {
    this.table.show(count, (row) => at(count - 1 - row), this.app.chosen);
  }
}

export class TradePanel extends FactList {
  constructor(app) {
    const fact = (index) => app.log.fact(index);
    super(app, "trades", {
      label: "Trades",
      columns: [
        { name: "tick", width: "36px", kind: "quiet-text", paint: (cell, index) => put(cell, app.log.ticks.at(app.log.records.at(index))) },
        { name: "market", width: "minmax(52px, .6fr)", paint: (cell, index) => put(cell, fact(index).entity) },
        { name: "price", width: "70px", kind: "number", paint: (cell, index) => paintPrice(cell, fact(index).data) },
        { name: "seller → buyer", width: "minmax(0, 2.2fr)", paint: (cell, index) => {
          const { seller, buyer } = fact(index).data;
          put(cell, (cell.title = `${seller} → ${buyer}`));
        } },
      ],
    });
  }
  show() {
    const { trades } = this.app.economy.lists;
    this.showFirst(trades.countUpTo(this.app.factsShown - 1), (place) => trades.at(place));
  }
}

/** Up where a buyer took an ask, down where a seller took a bid. */
function paintPrice(cell, { price, taker, quantity }) {
  const lot = quantity > 1 ? `${number(quantity)} × ` : "";
  put(cell, `${lot}${amount(price)} ${taker === "bid" ? "▲" : "▼"}`, `number ${taker === "bid" ? "bid" : "ask"}`);
}

export class CallPanel extends FactList {
  constructor(app) {
    const fact = (index) => app.log.fact(index);
    super(app, "calls", {
      label: "Thoughts and calls of tools",
      columns: [
        { name: "tick", width: "36px", kind: "quiet-text", paint: (cell, index) => put(cell, app.log.ticks.at(app.log.records.at(index))) },
        { name: "agent", width: "minmax(94px, 1fr)", paint: (cell, index) => put(cell, fact(index).actor) },
        { name: "thought or tool", width: "minmax(0, 2fr)", paint: (cell, index) => put(cell, inOrder(callLine(fact(index))), fact(index).data.failure ? "bad-text" : "") },
        { name: "cost", width: "54px", kind: "number", paint: (cell, index) => put(cell, cents(fact(index).data.price)) },
      ],
    });
  }
  show() {
    const { calls } = this.app.economy.lists;
    this.showFirst(calls.countUpTo(this.app.factsShown - 1), (place) => calls.at(place));
  }
}

function callLine({ type, data, entity }) {
  if (type !== "system.invoked") return `⚙ ${entity}.${data.tool} ${data.failure ?? JSON.stringify(data.params)}`;
  if (data.failure) return `✕ ${data.failure.replaceAll("_", " ")}`;
  const asked = (data.tool_calls ?? []).map((call) => `⚙ ${call.name ?? "tool"}`).join(" ");
  return [asked, thoughtLine(data.content ?? "")].filter(Boolean).join(" ") || `${number(data.usage?.output_tokens ?? 0)} tokens, text kept apart`;
}

/** An answer in short: what it does, if it has the form of actions. */
function thoughtLine(content) {
  if (!content.startsWith('{"actions"')) return content;
  try {
    const { actions } = JSON.parse(content);
    return actions.map(({ verb, resource, price, quantity, ...rest }) => [verb, resource, quantity > 1 ? `${quantity} ×` : "", price ?? rest.path ?? rest.order_id].filter(Boolean).join(" ")).join(", ") || "does nothing";
  } catch {
    return content;
  }
}

export class EventPanel extends FactList {
  constructor(app) {
    const fact = (index) => app.log.fact(index);
    super(app, "events", {
      label: "Events",
      columns: [
        { name: "tick", width: "36px", kind: "quiet-text", paint: (cell, index) => put(cell, app.log.ticks.at(app.log.records.at(index))) },
        { name: "time", width: "88px", from: 620, kind: "quiet-text", paint: (cell, index) => put(cell, fact(index).time.slice(11, 23)) },
        { name: "type", width: "minmax(112px, .5fr)", paint: (cell, index) => put(cell, app.log.type(index).replace(/^\w+\./, "")) },
        { name: "actor", width: "minmax(86px, .45fr)", from: 460, paint: (cell, index) => put(cell, fact(index).actor) },
        { name: "what happened", width: "minmax(0, 2fr)", paint: (cell, index) => put(cell, app.describer.describe(fact(index))) },
      ],
    });
    this.types = 0;
  }
  show() {
    const { app } = this, { selection, log } = app, count = selection.count(app.factsShown);
    this.count = count;
    this.showFirst(count, (place) => selection.at(place));
    for (const type of log.typeWords.list.slice(this.types)) {
      const option = byId("types").appendChild(document.createElement("option"));
      option.value = type.replace(/^\w+\./, "");
      this.types++;
    }
    const search = selection.isDone ? "" : ` · searching, ${Math.round((100 * selection.next) / log.factCount)} %`;
    put(byId("events-facts"), `${number(count)} of ${number(app.factsShown)} facts${search}`);
  }
  /** Choose the fact that is some rows after the chosen one; the newest without one. */
  move(rows) {
    const { selection, chosen, factsShown } = this.app, count = selection.count(factsShown);
    if (!count) return;
    let place = count - 1;
    if (chosen !== null) {
      place = selection.isWhole ? chosen : selection.found.countUpTo(chosen) - 1;
      place = Math.min(count - 1, Math.max(0, place - rows));
    }
    this.app.choose(selection.at(place));
    const row = count - 1 - place, { element } = this.table, top = row * 26;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + element.clientHeight - 56) element.scrollTop = top - element.clientHeight + 56;
  }
}

/** Why: the chosen fact, its causes up to the run's opening, and all that is known of it. */
export class WhyPanel {
  constructor(app) {
    this.app = app;
    this.shown = null;
    byId("seek-here").addEventListener("click", () => app.seekChosen());
  }
  show() {
    const { chosen, log, describer } = this.app;
    if (chosen === this.shown) return;
    this.shown = chosen;
    byId("seek-here").hidden = chosen === null;
    byId("why-empty").hidden = chosen !== null;
    const parts = [];
    if (chosen !== null) {
      const steps = document.createElement("ol");
      for (const index of log.chain(chosen)) {
        const fact = log.fact(index), button = element("button", "", describer.describe(fact));
        button.type = "button";
        button.append(document.createElement("br"), element("small", "", `tick ${fact.tick} · ${fact.type} · #${log.sequences.at(fact.record)} · ${fact.id}`));
        button.addEventListener("click", () => this.app.choose(index));
        steps.appendChild(document.createElement("li")).append(button);
      }
      const fact = log.fact(chosen);
      parts.push(...this.texts(fact), element("h3", "", "Causes"), steps, ...this.rest(fact));
    }
    byId("why").replaceChildren(...parts);
  }
  /** What an agent thought, was asked or was answered. */
  texts({ type, data }) {
    const parts = [];
    if (type === "system.invoked" && data.text_digest) parts.push(...this.kept(data.text_digest));
    else if (type === "system.invoked") {
      if (data.content) parts.push(...titled("Thought", data.content));
      if (data.tool_calls?.length) parts.push(...titled("Tools it asked for", JSON.stringify(data.tool_calls, null, 1)));
    }
    if (data.result?.content) parts.push(...titled("Answer of the tool", data.result.content.map((each) => each.text ?? JSON.stringify(each)).join("\n")));
    return parts;
  }
  rest({ type, data }) {
    if (type !== "system.invoked") return titled("All that the log has", JSON.stringify(data, null, 1));
    const { prompt: asked, content: _content, ...rest } = data;
    return [...(asked ? titled("What it was asked", prompt(asked)) : []), ...titled("All else that the log has", JSON.stringify(rest, null, 1))];
  }
  /** Elements for a long text, which is read now. */
  kept(digest) {
    const head = element("h3", "", "Thought"), body = element("pre", "", "reading its text …");
    this.app.feed.text(digest).then((text) => {
      const found = text && JSON.parse(text);
      const texts = found ? [found.content, found.tool_calls?.length ? JSON.stringify(found.tool_calls) : "", prompt(found.prompt)] : ["its text is not kept any more"];
      body.textContent = inOrder(texts.filter(Boolean).join("\n\n"));
    }, () => (body.textContent = "its text cannot be read now"));
    return [head, body];
  }
}

function titled(title, text) {
  return [element("h3", "", title), element("pre", "", inOrder(text.length > DATA_MAX ? `${text.slice(0, DATA_MAX)} …` : text))];
}

/** A prompt as a conversation. */
function prompt(text) {
  try {
    return JSON.parse(text).messages.map(({ role, content }) => `${role}: ${content}`).join("\n\n");
  } catch {
    return String(text);
  }
}

/** The events of a tick as a waterfall: each bar begins with its cause and ends when it happened. */
export class WaterfallPanel {
  constructor(app) {
    this.app = app;
    this.shownAt = -Infinity;
    this.seen = "";
  }
  show(now) {
    const { log, economy, isLive } = this.app;
    if (isLive && !economy.isWhole && now - this.shownAt < TICK_MS) return;
    // The newest tick of a run that goes on is not complete.
    const tick = Math.max(isLive && !economy.isWhole ? economy.state.tick - 1 : economy.state.tick, 0);
    const records = log.byTick.get(tick) ?? [], seen = `${tick} ${records.length} ${this.app.chosen}`;
    if (seen === this.seen) return;
    this.seen = seen;
    this.shownAt = now;
    const spans = records.map((record) => spanOf(log, record)).sort((a, b) => a.start - b.start || a.end - b.end || a.record - b.record);
    const shown = spans.slice(0, SPANS_MAX), first = Math.min(...shown.map((each) => each.start)), last = Math.max(...shown.map((each) => each.end));
    const length = Math.max(last - first, 1e-3);
    put(byId("waterfall-title"), `Tick ${tick}`);
    const rest = spans.length > shown.length ? `, the first ${SPANS_MAX} shown` : "";
    put(byId("waterfall-facts"), spans.length ? `${number(spans.length)} events in ${(last - first).toFixed(1)} ms${rest}` : "no events");
    byId("waterfall").replaceChildren(...shown.map((each) => this.row(each, first, length)));
  }
  row({ record, name, kind, start, end }, first, length) {
    const row = element("div", "span"), lane = element("span", "lane"), bar = lane.appendChild(element("span", `bar ${kind}`));
    bar.style.left = `${(100 * (start - first)) / length}%`;
    bar.style.width = `${(100 * (end - start)) / length}%`;
    row.append(element("span", "", name), lane, element("span", "length", `${(end - start).toFixed(1)} ms`));
    row.title = name;
    row.addEventListener("click", () => this.app.choose(this.app.log.firstFacts.at(record)));
    return row;
  }
}

function spanOf(log, record) {
  const event = log.event(record), end = log.time(record), parts = partsOf(event.data), entity = log.entity(record);
  const start = event.data.took_ms === undefined ? Math.min(end, log.time(causeOf(log, record, event))) : end - event.data.took_ms;
  const action = event.type.replace(/^\w+\./, ""), count = parts && parts.length > 1 ? ` × ${number(parts.length)}` : "";
  const kind = action.startsWith("transfer") ? "ledger" : event.type.startsWith("market.") ? "market" : "";
  return { record, start, end, kind, name: `${action.replaceAll("_", " ")} · ${entity}${count}` };
}

/** The record that led to another one in the same tick, the tick's opening by default. */
function causeOf(log, record, event) {
  // A ledger's entry names a request of which the log knows nothing, but each of its chains names what it is for.
  const named = log.find(event.causation_id) ?? log.cause(log.fact(log.firstFacts.at(record)));
  for (const fact of [named, log.find(`tick.${event.tick}`)]) {
    const cause = fact === undefined ? undefined : log.records.at(fact);
    if (cause !== undefined && log.ticks.at(cause) === event.tick) return cause;
  }
  return record;
}

/** Outcomes of verdicts: sign and words, and how they are marked. */
const OUTCOMES = {
  true: ["✓ holds for good", ""], false: ["✕ fails for good", "bad"], so_far_true: ["~ holds so far", "quiet"], so_far_false: ["~ fails so far", "quiet"],
  holds: ["✓ holds", ""], fails: ["✕ fails", "bad"], vacuous: ["? vacuous", "bad"], undecidable: ["? undecidable", "bad"],
};

/** What the scenario expects, judged while the run goes on, and at its end with all that is measured; of which event the verdicts are, stands above them. */
export class VerdictPanel {
  constructor(app) {
    this.app = app;
    this.asked = false;
    this.askedAt = -Infinity;
    this.judgedTo = null; // records that the verdicts rest on
    this.of = byId("verdicts-of");
    this.say("judged when the run has closed");
  }
  say(text) {
    byId("verdicts").replaceChildren(element("p", "facts", text));
  }
  show(now) {
    const { economy, feed } = this.app;
    this.showPlace();
    if (!economy.isWhole) {
      if (feed.isCaughtUp && feed.session?.judged && now - this.askedAt > SO_FAR_MS) this.askSoFar(now);
      return;
    }
    if (this.asked) return;
    this.asked = true;
    this.app.command.ask("/verdicts").then(({ verdicts }) => this.list(verdicts, Infinity), (error) => {
      this.say(`the verdicts cannot be had now: ${error.message}`);
      setTimeout(() => {
        this.asked = false;
        this.app.note();
      }, AGAIN_MS);
    });
  }
  /** Ask for the verdicts so far, and again in a while. */
  askSoFar(now) {
    this.askedAt = now;
    this.app.command.ask("/verdicts/so-far").then(({ place, verdicts }) => {
      if (!this.app.economy.isWhole && verdicts.length) this.list(verdicts, this.app.log.sequences.countUpTo(place));
    }, () => {});
    setTimeout(() => this.app.note(), SO_FAR_MS);
  }
  /** Tell of which event the verdicts are: whoever looks back sees an earlier one. */
  showPlace() {
    const { judgedTo, app } = this;
    if (judgedTo === null) return put(this.of, "");
    const judged = Math.min(judgedTo, app.log.length), where = judgedTo === Infinity ? "of the whole run" : `after event ${number(judged)}`;
    put(this.of, app.cursor < judged ? `${where}, not after event ${number(app.cursor)}, which is shown` : where);
  }
  list(verdicts, judgedTo) {
    this.judgedTo = verdicts.length ? judgedTo : null;
    this.showPlace();
    const told = JSON.stringify(verdicts);
    if (told === this.told) return;
    this.told = told;
    if (!verdicts.length) return this.say("the scenario expects nothing");
    const rows = verdicts.map(({ name, outcome, reason, events = [] }) => {
      const row = element("div", "verdict"), [words, kind] = OUTCOMES[outcome];
      row.append(element("span", `pill ${kind}`, words), element("span", "", name), element("small", "", reason));
      for (const event of events) {
        const found = this.app.log.find(event);
        if (found === undefined) continue;
        const link = row.lastChild.appendChild(element("button", "", ` event ${event.slice(0, 8)}`));
        link.type = "button";
        link.addEventListener("click", () => this.app.choose(found));
      }
      return row;
    });
    byId("verdicts").replaceChildren(...rows);
  }
}
