// The economy after any number of records: books, prices, accounts, what agents do. Pure: a state is folded from records, copies of it
// are kept on the way, and going back means to start from the nearest copy.

import { partsOf, Column } from "./log.js";

/** Copies kept at most; when there are more, every other one goes and the distance doubles. */
const COPIES_MAX = 48;
/** Records between two copies at first: as many as are folded again in a frame or two. */
const DISTANCE = 4000;

const MOVING = new Set(["transfer", "post"]);
export const WAITS = 0, THINKS = 1, ACTED = 2, FAILED = 3, SUSPENDED = 4;
export const STATES = ["waits", "thinks", "acted", "set aside", "suspended"];
const COLUMNS = ["credits", "debt", "cost", "trades", "calls", "orders", "state"];

class Book {
  constructor() {
    this.orders = new Map();
    this.levels = { bid: new Map(), ask: new Map() };
    this.bid = this.ask = this.last = null;
    this.trades = this.volume = 0;
  }
  copy() {
    const made = Object.assign(new Book(), this);
    // An order is never changed in place, so the copy may share them.
    made.orders = new Map(this.orders);
    made.levels = { bid: new Map(this.levels.bid), ask: new Map(this.levels.ask) };
    return made;
  }
  add(id, side, price, quantity, agent) {
    this.orders.set(id, { side, price, quantity, agent });
    this.change(side, price, quantity);
  }
  /** Take units of an order off the book, all by default; return its agent if nothing is left. */
  take(id, quantity = Infinity) {
    const order = this.orders.get(id);
    if (!order) return -1;
    const taken = Math.min(quantity, order.quantity);
    this.change(order.side, order.price, -taken);
    if (taken < order.quantity) {
      this.orders.set(id, { ...order, quantity: order.quantity - taken });
      return -1;
    }
    this.orders.delete(id);
    return order.agent;
  }
  change(side, price, quantity) {
    const levels = this.levels[side], left = (levels.get(price) ?? 0) + quantity;
    if (left > 0) levels.set(price, left);
    else levels.delete(price);
  }
}

class State {
  constructor() {
    this.at = 0; // records that are folded
    this.period = 0;
    this.tick = 0;
    this.status = "";
    this.count = 0; // agents
    this.books = new Map();
    for (const name of COLUMNS) this[name] = new Float64Array(256);
  }
  copy() {
    const made = Object.assign(new State(), this);
    for (const name of COLUMNS) made[name] = this[name].slice(0, Math.max(256, this.count));
    made.books = new Map([...this.books].map(([name, book]) => [name, book.copy()]));
    return made;
  }
  book(resource) {
    let found = this.books.get(resource);
    if (!found) this.books.set(resource, (found = new Book()));
    return found;
  }
  /** Make room for so many agents. */
  widen(count) {
    if (count > this.credits.length)
      for (const name of COLUMNS) {
        const wider = new Float64Array(2 * count);
        wider.set(this[name]);
        this[name] = wider;
      }
    if (count > this.count) this.count = count;
  }
}

/** Prices of one market, a row a batch; rows are only added, so what was known at a record is the beginning. */
class Series {
  constructor() {
    this.records = new Column();
    for (const name of ["ticks", "periods", "prices", "lows", "highs"]) this[name] = [];
    this.low = this.high = null;
  }
}

/**
 * What tells the equilibrium of a market in a period, from stretches of periods in which it is the same: its lowest and highest price, null
 * where there is none, and in `free` those without price limits and tax, if they are others.
 */
export function equilibriumOf(stretches) {
  const found = stretches.map(([first, low, high, freeLow, freeHigh]) => ({
    first, even: low === null && freeLow === null ? null : { low, high, free: low === freeLow && high === freeHigh ? null : { low: freeLow, high: freeHigh } },
  }));
  const known = new Map(); // by period
  return (period) => {
    if (!known.has(period)) known.set(period, found.findLast(({ first }) => first <= period)?.even ?? null);
    return known.get(period);
  };
}

export class Economy {
  constructor(log) {
    this.log = log;
    this.agents = []; // names
    this.numbers = new Map();
    this.groups = [];
    this.series = new Map();
    this.lists = { trades: new Column(), calls: new Column() }; // facts
    this.tickStarts = new Column(); // records
    this.state = new State();
    this.copies = [this.state.copy()];
    this.distance = DISTANCE;
    this.scenario = null;
    this.period = 1; // of the newest tick that was indexed
    this.closedAt = -1;
    this.entries = 0; // newest entry of the ledger
    this.lastEntry = Infinity;
  }

  /** Take in a record that was just added to the log: what only grows. */
  index(record, event) {
    const { data } = event, first = this.log.firstFacts.at(record);
    switch (event.type) {
      case "system.opened": return this.open(data.scenario);
      case "system.ticked": this.period = data.period; return this.tickStarts.push(record);
      case "system.closed": this.closedAt = record; this.lastEntry = data.journal_sequence; return;
      case "market.transfer_posted": case "market.transfer_refused": this.entries = Math.max(this.entries, data.sequence); return;
      case "system.invoked": return this.list("calls", first, data.items.length);
      case "mcp.completed": case "mcp.failed": return this.list("calls", first, 1);
      case "market.trade_executed": {
        this.list("trades", first, data.items.length);
        const series = this.seriesOf(record);
        for (const { price } of data.items) {
          series.low = series.low === null ? price : Math.min(series.low, price);
          series.high = series.high === null ? price : Math.max(series.high, price);
        }
        return;
      }
      case "market.price_updated": {
        const series = this.seriesOf(record);
        series.records.push(record);
        series.ticks.push(event.tick);
        series.prices.push(data.volume ? data.price : null);
        series.lows.push(series.low);
        series.highs.push(series.high);
        series.periods.push(this.period);
        series.low = series.high = null;
      }
    }
  }
  seriesOf(record) {
    const resource = this.log.entity(record);
    let found = this.series.get(resource);
    if (!found) this.series.set(resource, (found = new Series()));
    return found;
  }
  list(name, first, count) {
    for (let each = 0; each < count; each++) this.lists[name].push(first + each);
  }
  open(scenario) {
    this.scenario = scenario;
    this.groups = scenario.agents.map((each) => each.name);
    for (const { resource } of scenario.markets) if (!this.series.has(resource)) this.series.set(resource, new Series());
  }

  /** Number of an agent, a new one for a name that was not seen. */
  agent(name) {
    let found = this.numbers.get(name);
    if (found === undefined) this.numbers.set(name, (found = this.agents.push(name) - 1));
    if (found >= this.state.count) this.state.widen(found + 1);
    return found;
  }

  /** Fold the next record; `event` is given if it is at hand. */
  step(event = null) {
    const { state, log } = this, record = state.at;
    this.fold(record, event ?? log.event(record));
    state.at++;
    if (state.at % this.distance === 0 && state.at > this.copies.at(-1).at) this.keep();
  }
  keep() {
    this.copies.push(this.state.copy());
    if (this.copies.length > COPIES_MAX) {
      this.distance *= 2;
      this.copies = this.copies.filter((each) => each.at % this.distance === 0);
    }
  }

  /** Start over from the nearest copy, if a wanted number of records is before the state, or a copy is nearer to it. */
  rewind(wanted) {
    let nearest = this.copies[0];
    for (const each of this.copies) if (each.at <= wanted) nearest = each;
    if (wanted < this.state.at || nearest.at > this.state.at) this.state = nearest.copy();
    this.state.widen(this.agents.length);
  }

  fold(record, event) {
    const { state } = this, { data, type } = event, parts = partsOf(data);
    if (event.tick > state.tick) state.tick = event.tick;
    if (type.startsWith("market.") && type !== "market.transfer_posted" && type !== "market.transfer_refused")
      return this.foldMarket(this.log.entity(record), type, data, parts);
    switch (type) {
      case "market.transfer_posted": return this.post(parts);
      case "system.ticked": state.period = data.period; return;
      case "system.opened": state.status = "running"; return;
      case "system.stopped": state.status = "stopped"; return;
      case "system.resumed": state.status = "running"; return;
      case "system.closed": state.status = data.failure ? "failed" : "closed"; return;
      case "system.invoked":
        for (const item of parts) this.pay(item), state.calls[this.agent(item.agent)]++;
        return;
      case "mcp.completed": case "mcp.failed":
        this.pay(data);
        state.calls[this.agent(data.agent)]++;
        return;
      case "agent.cognitive_cycles_started":
        for (const name of data.agents) this.set(name, THINKS);
        return;
      case "agent.cognitive_cycles_completed":
        for (const item of parts) this.set(item.agent, item.failure ? FAILED : ACTED);
        return;
      case "system.suspended": this.set(data.agent, SUSPENDED);
    }
  }
  pay({ agent, price }) {
    this.state.cost[this.agent(agent)] += price ?? 0;
  }
  set(name, value) {
    this.state.state[this.agent(name)] = value;
  }

  post(chains) {
    const { state } = this;
    for (const { cause, transfers } of chains)
      for (const { kind, debit, credit, asset, amount } of transfers) {
        if (!MOVING.has(kind) || (asset !== "credits" && asset !== "debt")) continue;
        const column = asset === "credits" ? "credits" : "debt";
        // Only agents are dealt money at the opening; services and the treasury are no agents.
        if (cause === "endow") this.agent(credit);
        const from = this.numbers.get(debit), to = this.numbers.get(credit);
        if (from !== undefined) state[column][from] -= amount;
        if (to !== undefined) state[column][to] += amount;
      }
  }

  foldMarket(resource, type, data, parts) {
    const { state } = this, book = state.book(resource);
    switch (type) {
      case "market.bid_accepted": case "market.ask_accepted":
        for (const item of parts) {
          const agent = this.agent(item.agent);
          if (item.replaces) this.off(book.take(item.replaces));
          if (item.kind === "market" || item.price === null) continue;
          book.add(item.order_id, item.side, item.price, item.quantity, agent);
          state.orders[agent]++;
          if (state.state[agent] === WAITS) state.state[agent] = ACTED;
        }
        return;
      case "market.order_cancelled":
        for (const item of parts) this.off(book.take(item.order_id));
        return;
      case "market.trade_executed":
        for (const item of parts) {
          book.trades++;
          book.volume += item.quantity;
          book.last = item.price;
          state.trades[this.agent(item.buyer)]++;
          state.trades[this.agent(item.seller)]++;
          this.off(book.take(item.bid_id, item.quantity));
          this.off(book.take(item.ask_id, item.quantity));
        }
        return;
      case "market.tick_cleared":
        ({ bid: book.bid, ask: book.ask } = data.quote);
    }
  }
  off(agent) {
    if (agent >= 0) this.state.orders[agent]--;
  }

  /** Whether no record can follow. */
  get isWhole() {
    return this.closedAt >= 0 && this.entries >= this.lastEntry;
  }

  groupOf(name) {
    let found = "";
    for (const group of this.groups) if (name === group || (name.startsWith(`${group}_`) && group.length > found.length)) found = group;
    return found;
  }
}
