// What one agent knows of its run: rules, money, units, its own offers and trades, and the time. All that the trading page shows follows from
// it. Pure: it sends nothing and reads no clock. Amounts are micro-credits.

export const WAITING = "waiting", OPEN = "open", BETWEEN = "between", ENDED = "ended";

/** Periods, trades of a period, and lines of news that are kept. */
const PERIODS_MAX = 200, TRADES_MAX = 1000, NEWS_MAX = 60;
/** Ticks after which an offer that the market does not have, and of which nothing was heard, is given up. */
const LOST_TICKS = 2;

export class Account {
  /** `kept` is what this browser remembers of the agent: see `keep`. */
  constructor(agent, kept = {}) {
    this.agent = agent;
    this.rules = null;
    this.dealt = 0;
    this.valuesPeriod = 0; // newest period of which the values are known
    this.varies = false; // whether values or rules differ between periods
    this.roles = new Map();
    this.balance = null;
    this.books = new Map();
    this.tape = new Map(Object.entries(kept.tape ?? {})); // resource → prices of the period's trades, in order
    this.tick = { number: 0, period: 0, ofPeriod: 0, at: 0 };
    this.phase = WAITING;
    this.answered = -1;
    this.offers = new Map();
    this.news = kept.news ?? [];
    this.questions = [];
    this.missed = null; // a period whose result is not known yet
    this.isReady = kept.isReady === true;
    this.period = kept.period ?? 0;
    this.opened = kept.opened ?? null; // money less debts when the period opened
    this.trades = kept.trades ?? []; // of the period
    this.results = kept.results ?? []; // of the periods that ended
    this.terms = kept.terms ?? null; // what holds in a period, and what of it did not before
  }
  /** What a page that is loaded again cannot ask for. */
  keep() {
    const { isReady, period, opened, trades, results, news, tape, terms } = this;
    return { isReady, terms, period, opened, trades: trades.slice(-TRADES_MAX), results: results.slice(-PERIODS_MAX), news, tape: Object.fromEntries(tape) };
  }

  // What the services answer.

  /** Values and rules of a period; those of an earlier one than is known are late. */
  setValues({ credits, period, roles, rules }) {
    if (period < this.valuesPeriod) return;
    this.dealt = credits;
    this.valuesPeriod = period;
    this.varies ||= period < rules.clock.periods;
    this.rules = rules;
    this.markets = new Map(rules.markets.map((market) => [market.resource, market]));
    this.roles = new Map(roles.map(({ resource, side, units, tax = 0 }) => {
      const values = units.flatMap(({ value, quantity }) => Array(quantity).fill(value)), cost = side === "bid" ? -tax : tax;
      return [resource, { side, tax, values, worths: values.map((value) => value + cost) }];
    }));
    this.noteTerms(period);
  }
  /** Take note of what holds in a period and did not in the one before. */
  noteTerms(period) {
    if (period <= (this.terms?.period ?? -1)) return;
    const of = Object.fromEntries([...this.markets].map(([resource, { price_min, price_max, tax_bid = 0, tax_ask = 0 }]) => {
      const role = this.roles.get(resource), taxes = role ? { [role.side]: role.tax } : { bid: tax_bid, ask: tax_ask };
      return [resource, { limits: [price_min, price_max], taxes, values: role?.values ?? [], isThere: !this.isAbsent }];
    }));
    const before = this.terms?.of ?? of, isOther = (resource, key) => JSON.stringify(before[resource]?.[key]) !== JSON.stringify(of[resource][key]);
    const changed = Object.fromEntries(Object.keys(of).map((resource) => [resource, Object.keys(of[resource]).filter((key) => isOther(resource, key))]));
    this.terms = { period, of, changed };
  }
  setBalance(balance) {
    this.balance = balance;
    if (this.missed) {
      // A period opens with the money that the one before closed with.
      const { period, opened, rows } = this.missed;
      this.results.push({ period, net: this.net, profit: opened === null ? null : this.net - opened, rows });
      this.opened = this.net;
      this.missed = null;
    }
    if (this.phase === BETWEEN || this.phase === ENDED) this.settle();
  }
  setBook(resource, book) {
    this.books.set(resource, book);
    const own = new Set(book.own.map((each) => each.order_id));
    for (const offer of this.offersOn(resource)) {
      const isLost = !offer.isSent || this.tick.number >= offer.tick + LOST_TICKS;
      if (!own.has(offer.id) && isLost) this.offers.delete(offer.id);
    }
    for (const { order_id: id, side, price, quantity } of book.own) this.offers.set(id, { ...this.offers.get(id), id, resource, side, price, quantity, isSent: false });
  }

  // What the clock and the markets tell.

  /** A tick opened at a moment; false for one that was known. */
  openTick({ tick, data }, at) {
    if (tick <= this.tick.number || this.phase === ENDED) return false;
    if (data.period > this.period) this.openPeriod(data.period);
    this.tick = { number: tick, period: data.period, ofPeriod: data.tick_of_period, at };
    // A page that is loaded again between two periods reads the last tick of the one that is over.
    const isOver = this.results.at(-1)?.period === data.period;
    this.phase = isOver ? BETWEEN : OPEN;
    if (isOver) this.closedAt = at;
    return true;
  }
  /** A period opened: units were dealt, and money is what it was. */
  openPeriod(period) {
    if (this.phase === ENDED || (period <= this.period && this.phase !== WAITING)) return;
    this.phase = OPEN;
    if (period === this.period) return; // this browser has seen it open
    this.tape.clear();
    const last = this.results.at(-1);
    // This page did not hear that the period before closed.
    this.missed = this.period && last?.period !== this.period ? { period: this.period, opened: this.opened, rows: this.soldRows() } : null;
    this.opened = period === 1 ? this.dealt : last?.period === period - 1 ? last.net : null;
    this.period = period;
    this.trades = [];
  }
  /** A period closed; its result follows with the next balance. */
  closePeriod(period, at) {
    if (period < this.period || this.phase === ENDED) return;
    this.phase = BETWEEN;
    this.closedAt = at;
    this.offers.clear();
  }
  end() {
    this.phase = ENDED;
    this.offers.clear();
  }
  settle() {
    if (!this.period || this.results.at(-1)?.period === this.period) return;
    const { net } = this;
    this.results.push({ period: this.period, net, profit: this.opened === null ? null : net - this.opened, rows: this.soldRows() });
  }
  /** What became of orders; returns a line for each that the person is told. */
  takeOutcome(resource, { type, tick, data }, words, decimals = 2) {
    const price = (micros) => (micros / 1e6).toFixed(decimals);
    for (const item of data.items) {
      const { order_id: id, side, quantity } = item;
      if (type === "market.trade_executed") {
        const isBuyer = item.buyer === this.agent;
        if (this.trades.some((each) => each.id === item.trade_id)) continue;
        this.trades.push({ id: item.trade_id, resource, side: isBuyer ? "bid" : "ask", price: item.price, quantity, tick });
        this.fill(isBuyer ? item.bid_id : item.ask_id, quantity);
        this.tell(words.traded(isBuyer ? "bid" : "ask", quantity, price(item.price)), "good");
      } else if (type === "market.order_cancelled") {
        this.offers.delete(id);
        if (item.reason !== "cancelled_by_agent" && item.reason !== "period_closed") this.tell(words.gone(side, quantity, item.reason), "quiet");
      } else if (type === "market.order_rejected") {
        if (item.verb === "cancel") this.change(id, { isLeaving: false });
        else this.offers.delete(id);
        this.tell(words.refused(item.verb, item.code), "bad");
      } else {
        this.offers.set(id, { id, resource, side, price: item.price, quantity, tick, isSent: false });
      }
    }
  }
  fill(id, quantity) {
    const offer = this.offers.get(id);
    if (!offer) return;
    if (offer.quantity > quantity) this.offers.set(id, { ...offer, quantity: offer.quantity - quantity, isSent: false });
    else this.offers.delete(id);
  }
  takeTape(resource, { period, tape }) {
    if (period < this.period) return;
    const known = this.tape.get(resource) ?? [];
    for (const { price, traded } of tape) if (traded && known.length < TRADES_MAX) known.push(price);
    this.tape.set(resource, known);
  }

  // What the person does.

  /** An offer was sent, and nothing is known of it yet. */
  addSent({ id, resource, side, price, quantity }) {
    this.offers.set(id, { id, resource, side, price, quantity, tick: this.tick.number, isSent: true });
  }
  change(id, more) {
    const offer = this.offers.get(id);
    if (offer) this.offers.set(id, { ...offer, ...more });
  }
  tell(text, kind = "") {
    this.news.unshift({ text, kind, period: this.period, tick: this.tick.ofPeriod });
    this.news.length = Math.min(this.news.length, NEWS_MAX);
  }

  // What follows.

  /** Whether the values that are known are those of the open period. */
  get knowsValues() {
    return this.valuesPeriod >= this.period;
  }
  /** Whether the agent has roles, and no unit to trade in any of them in this period. */
  get isAbsent() {
    return this.roles.size > 0 && [...this.roles.values()].every(({ values }) => values.length === 0);
  }
  get canTrade() {
    return this.phase === OPEN && this.knowsValues && !this.isAbsent;
  }
  get isLockStep() {
    return this.rules?.clock.mode === "lock_step";
  }
  /** Money less debts. */
  get net() {
    return this.balance ? this.balance.credits.posted - this.balance.debt : this.dealt;
  }
  get free() {
    return this.balance ? this.balance.credits.posted - this.balance.credits.pending : this.dealt;
  }
  /** What the units that were traded in the open period will be worth to the agent when it closes, or cost it: the tax was paid with them. */
  get unsettled() {
    let worth = 0;
    for (const [resource, { side, values }] of this.knowsValues ? this.roles : []) {
      const sum = values.slice(0, this.tradedUnits(resource)).reduce((total, each) => total + each, 0);
      worth += side === "bid" ? sum : -sum;
    }
    return worth;
  }
  get earned() {
    return this.net - this.dealt + this.unsettled;
  }
  offersOn(resource) {
    return [...this.offers.values()].filter((each) => each.resource === resource);
  }
  held(resource) {
    const { posted = 0, pending = 0 } = this.balance?.holdings[resource] ?? {};
    return { owned: posted, free: posted - pending };
  }
  /** Units of the role that were bought or sold in this period. */
  tradedUnits(resource) {
    const role = this.roles.get(resource);
    if (!role || this.phase !== OPEN) return 0;
    const { owned } = this.held(resource);
    return Math.max(0, role.side === "bid" ? owned : role.worths.length - owned);
  }
  /** The next unit of the role: its number, its value or cost, and what it is worth after the tax; null without one. */
  nextUnit(resource) {
    const role = this.roles.get(resource), place = this.tradedUnits(resource);
    if (!role || !this.knowsValues || place >= role.worths.length) return null;
    return { number: place + 1, of: role.worths.length, value: role.values[place], worth: role.worths[place] };
  }
  /** Every unit of the role, with the price at which it was traded, if it is known. */
  unitRows(resource) {
    const role = this.roles.get(resource);
    if (!role || !this.knowsValues) return [];
    const prices = this.prices(resource, role.side), count = this.phase === OPEN ? this.tradedUnits(resource) : prices.length;
    return role.worths.map((worth, place) => {
      const price = place < count ? prices[place] : undefined;
      const profit = price === undefined ? undefined : role.side === "bid" ? worth - price : price - worth;
      return { number: place + 1, value: role.values[place], worth, price, profit, isTraded: place < count, isNext: this.phase === OPEN && place === count };
    });
  }
  prices(resource, side) {
    return this.trades.filter((each) => each.resource === resource && each.side === side).flatMap(({ price, quantity }) => Array(quantity).fill(price));
  }
  /** The traded units of all roles, for the result of a period. */
  soldRows() {
    return [...this.roles].flatMap(([resource, { side, tax, worths }]) => this.prices(resource, side).map((price, place) => ({ resource, side, tax, price, worth: worths[place] ?? 0 })));
  }
  /** Profit of the open period so far; null if this browser did not see it open. */
  get profit() {
    if (this.phase !== OPEN) return this.results.at(-1)?.profit ?? (this.phase === WAITING ? 0 : null);
    if (this.opened === null || !this.balance) return null;
    return this.net - this.opened + this.unsettled;
  }
  /** What a trade of so many units at a price would lose on the units that do not gain; 0 if all gain. One at once comes before open offers. */
  loss(resource, side, price, quantity, isAtOnce = false) {
    const role = this.roles.get(resource);
    if (!role || !this.knowsValues) return 0;
    const open = isAtOnce ? 0 : this.offersOn(resource).filter((each) => each.side === side).reduce((sum, each) => sum + each.quantity, 0);
    const traded = this.tradedUnits(resource), sign = side === "bid" ? 1 : -1;
    let lost = 0;
    for (let unit = 0; unit < quantity; unit++) {
      // A unit that is traded back gives up the worth of the one that was traded last.
      const place = side === role.side ? traded + open + unit : traded - 1 - open - unit;
      const worth = role.worths[place] ?? (side === "bid" ? 0 : price);
      lost += Math.max(0, sign * (price - worth));
    }
    return lost;
  }
  /** Milliseconds left in the period, in real time; null in lock-step and outside a period. */
  periodLeft(now) {
    if (this.isLockStep || this.phase !== OPEN || !this.tick.number) return null;
    const { tick_ms: length, ticks_per_period: ticks } = this.rules.clock;
    return (ticks - this.tick.ofPeriod) * length + Math.max(0, length - (now - this.tick.at));
  }
  /** Milliseconds until the next period opens, in real time; null if it is not known. */
  pauseLeft(now) {
    if (this.isLockStep || this.phase !== BETWEEN || !this.rules.clock.pause_ms || this.period >= this.rules.clock.periods) return null;
    return Math.max(0, this.rules.clock.pause_ms - (now - this.closedAt));
  }
  /** Whether the open tick waits for this agent, in lock-step. */
  get isAwaited() {
    return this.isLockStep && this.phase === OPEN && this.tick.number > 0 && this.answered < this.tick.number;
  }
  /** Milliseconds that the tick waits at most; null if it does not wait. */
  deadlineLeft(now) {
    return this.isAwaited && this.rules.deadline_ms ? Math.max(0, this.rules.deadline_ms - (now - this.tick.at)) : null;
  }
}
