// The run as far as it was read: records in the order of the log, the facts in them, the ids that stand for facts, and causes.
// Pure: the same ideas as econsim.domain.audit (facts, causality), for a browser.

/** Facts that stay decoded at a time; more are decoded again when they are looked at. */
const DECODED_MAX = 2048;

const UNCAUSED = new Set([
  "system.commanded", "system.trust_changed", "system.changed", "system.buried", "system.retried", "system.dropped",
  "system.rejected", "system.suspended", "system.connection_changed",
]);
const TASK_STEPS = new Set(["system.task_offered", "system.task_advanced", "system.task_settled"]);
const SOCIAL_BEGINNINGS = new Set([
  "system.question_asked", "system.task_delegated", "system.task_refused", "system.message_posted", "system.consent_changed",
]);
const PARTIES = ["agent", "buyer", "seller", "holder", "asker", "asked", "answered_by", "sender", "recipient", "delegator", "taker"];

/** A column of numbers that grows. */
export class Column {
  constructor(Kind = Int32Array) {
    this.Kind = Kind;
    this.values = new Kind(1024);
    this.length = 0;
  }
  push(value) {
    if (this.length === this.values.length) {
      const wider = new this.Kind(2 * this.length);
      wider.set(this.values);
      this.values = wider;
    }
    this.values[this.length++] = value;
  }
  at(index) {
    return this.values[index];
  }
  /** Number of values up to a limit, in a column that never falls. */
  countUpTo(limit) {
    let low = 0, high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.values[middle] <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Words by number, so that a fact keeps four bytes of each. */
class Words {
  constructor() {
    this.list = [];
    this.numbers = new Map();
  }
  number(word) {
    let found = this.numbers.get(word);
    if (found === undefined) this.numbers.set(word, (found = this.list.push(word) - 1));
    return found;
  }
}

export function actorOf(item, fallback) {
  if ("trade_id" in item) return item.taker === "bid" ? item.buyer : item.seller;
  return item.agent ?? item.holder ?? item.transfers?.[0]?.debit ?? fallback;
}

/** The items or chains of an event, each a fact; null for an event that is one itself. */
export function partsOf(data) {
  if (Array.isArray(data.items)) return data.items;
  return Array.isArray(data.chains) ? data.chains : null;
}

export class RunLog {
  constructor() {
    this.texts = [];
    this.sequences = new Column(Float64Array);
    this.ticks = new Column();
    this.firstFacts = new Column();
    this.subjects = new Column();
    this.records = new Column(); // of each fact
    this.places = new Column(); // of each fact in its record, -1 for a record that is one
    this.types = new Column();
    this.actors = new Column();
    this.typeWords = new Words();
    this.actorWords = new Words();
    this.subjectWords = new Words();
    this.entities = []; // by number of a subject's word
    this.events = new Map(); // event id → record
    this.names = new Map(); // id of an order, trade, call, … → fact
    this.weakNames = new Map(); // the same, unless it stands for another
    this.byTick = new Map();
    this.repeats = 0;
    this.unreadable = 0;
    this.tick = 0;
    this.decoded = new Map();
  }

  /** Number of records. */
  get length() {
    return this.sequences.length;
  }
  /** Number of facts. */
  get factCount() {
    return this.records.length;
  }

  /** Add the next stored message; return its decoded event, or null for a repeat or for what is no event. */
  add(sequence, subject, text) {
    let event, parts;
    try {
      event = JSON.parse(text);
      parts = partsOf(event.data);
      if (typeof event.event_id !== "string" || typeof event.type !== "string") throw new TypeError();
    } catch {
      this.unreadable++;
      return null;
    }
    if (this.events.has(event.event_id)) {
      this.repeats++;
      return null;
    }
    const record = this.length;
    if (event.type === "system.ticked") this.tick = event.tick;
    else if (!event.tick && UNCAUSED.has(event.type)) event.tick = this.tick;
    this.events.set(event.event_id, record);
    this.texts.push(text);
    this.sequences.push(sequence);
    this.ticks.push(event.tick);
    this.subjects.push(this.subjectNumber(subject));
    this.firstFacts.push(this.factCount);
    const ofTick = this.byTick.get(event.tick);
    if (ofTick) ofTick.push(record);
    else this.byTick.set(event.tick, [record]);
    const type = this.typeWords.number(event.type);
    // The same text for each event of a type is compared faster than an equal one.
    event.type = this.typeWords.list[type];
    if (parts === null) this.addFact(record, -1, type, event.actor, event.data, event);
    else parts.forEach((part, place) => this.addFact(record, place, type, actorOf(part, event.actor), part, event));
    return event;
  }

  addFact(record, place, type, actor, data, event) {
    const fact = this.factCount;
    this.records.push(record);
    this.places.push(place);
    this.types.push(type);
    this.actors.push(this.actorWords.number(String(actor)));
    switch (event.type) {
      case "market.bid_accepted": case "market.ask_accepted": return this.names.set(data.order_id, fact);
      case "market.trade_executed": return this.names.set(data.trade_id, fact);
      case "system.invoked": case "mcp.completed": case "mcp.failed": return this.names.set(data.id, fact);
      case "system.question_asked": return this.names.set(data.question_id, fact);
      case "system.task_delegated": return this.names.set(data.task_id, fact);
      case "system.ticked": return this.names.set(`tick.${event.tick}`, fact);
      case "system.opened": return this.names.set("endow", fact);
      case "system.period_opened": return this.names.set(`deal.${data.period}`, fact);
      case "system.period_closed": return this.names.set(`redeem.${data.period}`, fact);
      case "market.order_rejected": return this.setWeak(data.order_id, fact);
    }
    if ("cause" in data && "id" in data) this.setWeak(data.id, fact);
  }
  setWeak(name, fact) {
    if (!this.weakNames.has(name)) this.weakNames.set(name, fact);
  }

  /** The whole event of a record. */
  event(record) {
    let found = this.decoded.get(record);
    if (found === undefined) {
      found = JSON.parse(this.texts[record]);
      found.tick = this.ticks.at(record);
      if (this.decoded.size >= DECODED_MAX) this.decoded.delete(this.decoded.keys().next().value);
      this.decoded.set(record, found);
    }
    return found;
  }

  /** One fact with all that is known of it. */
  fact(index) {
    const record = this.records.at(index), place = this.places.at(index), event = this.event(record);
    return {
      index, record, place, event,
      id: place < 0 ? event.event_id : `${event.event_id}.${place}`,
      type: event.type,
      subject: this.subject(record),
      entity: this.entity(record),
      tick: event.tick,
      actor: this.actorWords.list[this.actors.at(index)],
      time: event.occurred_at,
      data: place < 0 ? event.data : partsOf(event.data)[place],
    };
  }
  subjectNumber(subject) {
    const number = this.subjectWords.number(subject);
    if (number === this.entities.length) this.entities.push(subject.split(".")[1]);
    return number;
  }
  /** Name of the entity that a record's subject has. */
  entity(record) {
    return this.entities[this.subjects.at(record)];
  }
  /** Milliseconds at which a record happened. */
  time(record) {
    return Date.parse(this.event(record).occurred_at);
  }
  subject(record) {
    return this.subjectWords.list[this.subjects.at(record)];
  }
  type(index) {
    return this.typeWords.list[this.types.at(index)];
  }

  /** The fact that an id stands for; undefined if the log has none. */
  find(name) {
    if (!name) return undefined;
    const found = this.names.get(name) ?? this.weakNames.get(name);
    if (found !== undefined) return found;
    const [event, place] = name.split("."), record = this.events.get(event);
    return record === undefined ? undefined : this.firstFacts.at(record) + Number(place ?? 0);
  }

  /** The cause of a fact; undefined for the root, and where the log has a gap. */
  cause(fact) {
    const nearest = this.find(namedCause(fact));
    return nearest === undefined || nearest === fact.index ? this.find(fact.event.causation_id) : nearest;
  }

  /** A fact, its cause, the cause of that, and so on to the root. */
  chain(index) {
    const steps = new Set();
    while (index !== undefined && !steps.has(index)) {
      steps.add(index);
      index = this.cause(this.fact(index));
    }
    return [...steps];
  }
}

function namedCause({ type, tick, data, event }) {
  if (type === "market.trade_executed") return data.taker === "bid" ? data.bid_id : data.ask_id;
  if (type === "market.order_cancelled") return data.order_id;
  if (type === "system.question_ended") return data.question_id;
  if (TASK_STEPS.has(type)) return data.task_id;
  if (SOCIAL_BEGINNINGS.has(type) && !event.causation_id) return tick ? `tick.${tick}` : "endow";
  const named = data.cause ?? event.causation_id;
  if (named) return named;
  if (type === "system.ticked" || type === "system.period_closed") return `deal.${data.period}`;
  return type === "system.period_opened" || type === "system.closed" ? "endow" : undefined;
}

/** Whether an agent is a fact's actor or takes part in it. */
export function concerns(fact, agent) {
  if (fact.actor === agent || PARTIES.some((party) => fact.data[party] === agent)) return true;
  return Boolean(fact.data.transfers?.some((each) => each.debit === agent || each.credit === agent));
}

/** The facts that match a filter, found a slice at a time; grows with the log. */
export class Selection {
  constructor(log, { type = "", agent = "", text = "" } = {}) {
    this.log = log;
    this.type = type.trim().toLowerCase();
    this.agent = agent.trim();
    this.text = text.trim().toLowerCase();
    this.isWhole = !this.type && !this.agent && !this.text;
    this.found = new Column();
    this.next = 0;
    this.wanted = []; // by number of a type's word
  }
  get isDone() {
    return this.isWhole || this.next >= this.log.factCount;
  }
  /** Look at more facts, until a moment. */
  advance(until) {
    while (!this.isDone) {
      for (let some = 0; some < 256 && this.next < this.log.factCount; some++, this.next++)
        if (this.fits(this.next)) this.found.push(this.next);
      if (performance.now() > until) return;
    }
  }
  fits(index) {
    const { log } = this, type = log.types.at(index);
    this.wanted[type] ??= fitsType(log.typeWords.list[type], this.type) ? 1 : 0;
    if (!this.wanted[type]) return false;
    if (!this.agent && !this.text) return true;
    const record = log.records.at(index), whole = log.texts[record];
    if (this.agent && !whole.includes(JSON.stringify(this.agent))) return false;
    if (this.text && !whole.toLowerCase().includes(this.text)) return false;
    if (log.places.at(index) < 0 && !this.agent) return true;
    const fact = log.fact(index);
    if (this.agent && !concerns(fact, this.agent)) return false;
    return !this.text || fact.place < 0 || `${fact.id} ${JSON.stringify(fact.data)}`.toLowerCase().includes(this.text);
  }
  /** Number of facts that match, up to a fact. */
  count(limit) {
    return this.isWhole ? limit : this.found.countUpTo(limit - 1);
  }
  at(place) {
    return this.isWhole ? place : this.found.at(place);
  }
}

function fitsType(type, wanted) {
  return type.startsWith(wanted) || type.slice(type.indexOf(".") + 1).startsWith(wanted);
}
