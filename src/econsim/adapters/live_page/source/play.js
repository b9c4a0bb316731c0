// The trading page: one agent's own account in a browser. It opens the session that the page's key stands for, connects as the agent, and does
// what the person says: one key, one offer.

import { Account, ENDED } from "./play_account.js";
import { Refusal, Trader } from "./play_trader.js";
import { View } from "./play_view.js";
import { amount, decimalsOf, priceOf, Words } from "./play_words.js";
import { byId, Command, keepTheme, listKeys, turnTheme } from "./shell.js";
import { put } from "./table.js";

/** Milliseconds between two drawings of the time, in which a warned order must be repeated to be sent, and before another try to connect. */
const TIME_MS = 200, WARNED_MS = 6000, AGAIN_MS = 2000;
const KEPT = "econsim-play";
const AGAIN = "run `econsim play` again and open the address that it prints";

class App {
  constructor() {
    this.account = new Account("");
    this.command = new Command("econsim play", "econsim-play-key", () => AGAIN);
    this.connection = "connecting";
    this.market = null;
    this.dismissed = 0; // the newest period whose result was put away
    this.warning = null;
    this.isTouched = false;
    this.view = new View(this);
    this.bind();
    setInterval(() => this.touch(), TIME_MS);
    this.touch();
  }

  /** Trade until the run ends, over restarts of the server and new credentials. */
  async start() {
    while (this.account.phase !== ENDED) {
      try {
        const session = await this.command.ask("/session");
        if (!this.trader) this.meet(session);
        await this.trader.trade(session);
      } catch (error) {
        // A browser keeps to itself why a websocket was refused, and its library waits for an agent that is not let in until its time is up.
        const isUnknown = !error?.message || error.message === "timeout";
        this.tellConnection("closed", isUnknown ? "the server has gone, does not know this agent any more, or has four pages or bots of it already" : error.message);
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
  /** Take note of whom the page is for. */
  meet({ run, agent, refusals }) {
    this.place = `${KEPT}:${run}:${agent}`;
    this.account = new Account(agent, this.remembered());
    this.dismissed = this.account.results.at(-1)?.period ?? 0;
    document.title = `${agent} · ${run} · econsim`;
    this.words = new Words(refusals);
    this.trader = new Trader(this.account, this.words, { tell: (state, reason) => this.tellConnection(state, reason), touch: () => this.touch() });
    this.trader.decimals = (resource) => this.decimals(resource);
  }
  /** What this browser remembers of the agent in its run. */
  remembered() {
    try {
      return JSON.parse(localStorage.getItem(this.place)) ?? {};
    } catch {
      return {};
    }
  }
  tellConnection(state, reason = "") {
    this.connection = state;
    this.trouble = state === "connected" ? "" : `Not connected: ${reason}. Another try follows.`;
    this.touch();
  }
  /** Draw at the next frame. */
  touch() {
    if (this.isTouched) return;
    this.isTouched = true;
    requestAnimationFrame(() => {
      this.isTouched = false;
      this.follow();
      this.view.draw(performance.now());
    });
  }
  /** What follows from what happened: the market shown, what is kept, and the note. */
  follow() {
    const { account } = this;
    if (account.rules && !account.isReady && !account.rules.instructions && !account.rules.clock.join_ms) account.isReady = true;
    if (account.rules && !this.market) this.choose([...account.roles.keys()][0] ?? [...account.markets.keys()][0]);
    if (this.warning && performance.now() > this.warning.until) this.warning = null;
    const twin = this.trader?.twins.size ? `${account.agent} is open in another tab or browser, too. Both act for the same agent: close one of them.` : "";
    const note = byId("note"), text = account.phase === ENDED ? "" : this.trouble || twin;
    put(note, text);
    note.hidden = !text;
    if (!account.rules) return;
    const kept = JSON.stringify(account.keep());
    if (kept !== this.kept) localStorage.setItem(this.place, (this.kept = kept));
  }

  // What the parts of the page ask.

  decimals(resource) {
    const { markets, roles } = this.account;
    return Math.max(decimalsOf(markets?.get(resource)?.tick_size ?? 10_000), ...Object.values(this.account.terms?.of[resource]?.taxes ?? {}).map((tax) => decimalsOf(Math.abs(tax))));
  }
  get doesPass() {
    return Boolean(this.trader?.doesPass);
  }
  /** Whether periods have a pause between them, in which their results are shown. */
  get pauses() {
    return !this.account.isLockStep && this.account.rules?.clock.pause_ms > 0;
  }
  /** The sides on which the agent can act on the market shown. */
  sides() {
    const role = this.account.roles.get(this.market), { free } = this.account.held(this.market);
    if (!role) return { bid: true, ask: free > 0 };
    return { bid: role.side === "bid", ask: role.side === "ask" || free > 0 };
  }

  // What the person does.

  choose(market) {
    this.market = market;
    if (this.trader) {
      this.trader.shown = market;
      this.trader.soon(market, 0);
    }
    this.redraw();
  }
  chooseNext() {
    const names = [...(this.account.markets?.keys() ?? [])];
    if (names.length > 1) this.choose(names[(names.indexOf(this.market) + 1) % names.length]);
  }
  say(text, kind = "bad") {
    this.account.tell(text, kind);
    this.touch();
  }
  async trying(work) {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.say(`Refused: ${this.words.reason(error.code)}.`);
    }
  }
  get quantity() {
    const text = byId("quantity").value.trim();
    return /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : null;
  }
  /** Take the best offer of the other side, or nothing. */
  take(side) {
    const { account, market } = this, quote = account.books.get(market)?.quote ?? {}, price = side === "bid" ? quote.ask : quote.bid;
    if (byId(side === "bid" ? "buy" : "sell").disabled || byId(side === "bid" ? "buy" : "sell").hidden) return;
    this.order(side, price, 1, "immediate_or_cancel");
  }
  offer(side) {
    const { account, market } = this, price = priceOf(byId("price").value), { tick_size: grid, price_min: low, price_max: high } = account.markets.get(market);
    if (!account.canTrade) return;
    const wrong = (text) => this.say(text);
    if (price === null) return wrong("Write a price, such as 2.40.");
    if (price % grid) return wrong(`Prices are multiples of ${amount(grid, this.decimals(market))}.`);
    if (price < low || price > high) return wrong(`Prices go from ${amount(low, this.decimals(market))} to ${amount(high, this.decimals(market))}.`);
    if (this.quantity === null) return wrong("Write a whole number of units.");
    this.order(side, price, this.quantity, "limit");
  }
  /** Send an order; one that would lose must be given twice. */
  order(side, price, quantity, kind) {
    const { account, market } = this, lost = account.loss(market, side, price, quantity, kind !== "limit"), key = JSON.stringify([market, side, price, quantity, kind]);
    if (lost && this.warning?.key !== key) {
      const what = `${side === "bid" ? "Buying" : "Selling"} ${quantity === 1 ? "a unit" : `${quantity} units`} at ${amount(price, this.decimals(market))}`;
      this.warning = { key, until: performance.now() + WARNED_MS, text: `${what} would lose ${amount(lost, this.decimals(market))}. Do the same again to do it anyway.` };
      return this.touch();
    }
    this.warning = null;
    this.say(`Sent: ${side} for ${quantity} at ${amount(price, this.decimals(market))}${account.isLockStep ? "; the market looks at it when the tick ends" : ""}.`, "quiet");
    this.trying(this.trader.place(market, side, price, quantity, kind));
  }
  cancel(offer) {
    if (offer && !offer.isLeaving) this.trying(this.trader.cancel(offer));
  }
  getReady() {
    if (!byId("ready").hidden && !byId("gate").hidden) this.trying(this.trader.getReady());
  }
  /** Put a result away, or else be done with the tick. */
  goOn() {
    const period = this.account.results.at(-1)?.period;
    // A second key may come before the page is drawn again.
    if (!byId("between").hidden && !byId("go-on").hidden && this.dismissed < period) {
      this.dismissed = period;
      return this.touch();
    }
    if (this.account.isAwaited) this.trying(this.trader.pass());
  }
  passAlways(does) {
    if (!this.account.isLockStep) return;
    this.trader.doesPass = does;
    if (does) this.trying(this.trader.pass());
    this.touch();
  }
  answer(question, text) {
    this.trying(this.trader.answerQuestion(question, text));
  }
  step(grids) {
    const { tick_size: grid, price_min: low, price_max: high } = this.account.markets.get(this.market), quote = this.account.books.get(this.market)?.quote ?? {};
    const from = priceOf(byId("price").value) ?? quote.last ?? quote.bid ?? quote.ask ?? low;
    byId("price").value = amount(Math.min(high, Math.max(low, Math.round(from / grid + grids) * grid)), this.decimals(this.market));
  }
  showRules() {
    if (!this.account.rules) return;
    byId("rules-text").replaceChildren(...this.view.instructions());
    byId("rules-again").showModal();
  }
  turnTheme() {
    turnTheme();
    this.redraw();
  }
  /** Draw the charts anew, as after a change of colours. */
  redraw() {
    this.view.reset();
    this.touch();
  }

  bind() {
    const keys = [
      ["b", "b", "buy one unit at the best ask", () => this.take("bid")],
      ["s", "s", "sell one unit at the best bid", () => this.take("ask")],
      ["o", "o", "write an offer; ↑ ↓ change the price, Enter sends it", () => byId("price").select()],
      ["x", "x", "take your newest offer back", () => this.cancel([...this.account.offers.values()].filter((each) => !each.isLeaving).at(-1))],
      [" ", "space", "done with this tick; put a result away", () => this.goOn()],
      ["p", "p", "pass every tick by itself, or stop that", () => this.passAlways(!this.doesPass)],
      ["Enter", "enter", "start, when you have read the instructions", () => this.getReady()],
      ["m", "m", "the next market", () => this.chooseNext()],
      ["i", "i", "the instructions", () => this.showRules()],
      ["t", "t", "light or dark", () => this.turnTheme()],
      ["?", "?", "these keys", () => byId("help").showModal()],
    ];
    listKeys(keys);
    addEventListener("keydown", (event) => {
      const { target } = event, isField = target instanceof HTMLInputElement && target.type !== "checkbox";
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || document.querySelector("dialog[open]")) return;
      if (isField && event.key === "Escape") return target.blur();
      if (isField || (target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter"))) return;
      const found = keys.find(([key]) => key === event.key);
      if (!found) return;
      event.preventDefault();
      found[3]();
    });
    byId("price").addEventListener("keydown", (event) => {
      const grids = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!grids) return;
      event.preventDefault();
      this.step(grids);
    });
    byId("offer").addEventListener("submit", (event) => {
      event.preventDefault();
      // Enter sends the first button's side, also if it is hidden.
      const wanted = event.submitter?.value ?? "bid", can = this.sides();
      this.offer(can[wanted] ? wanted : wanted === "bid" ? "ask" : "bid");
    });
    byId("buy").addEventListener("click", () => this.take("bid"));
    byId("sell").addEventListener("click", () => this.take("ask"));
    byId("pass").addEventListener("click", () => this.trying(this.trader.pass()));
    byId("always").addEventListener("change", (event) => this.passAlways(event.target.checked));
    byId("ready").addEventListener("click", () => this.getReady());
    byId("go-on").addEventListener("click", () => this.goOn());
    byId("rules-open").addEventListener("click", () => this.showRules());
    byId("theme").addEventListener("click", () => this.turnTheme());
    byId("help-open").addEventListener("click", () => byId("help").showModal());
  }
}

const app = new App();
keepTheme(() => app.redraw());
app.start();
