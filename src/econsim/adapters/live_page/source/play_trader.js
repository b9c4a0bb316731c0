// The agent's own connection: the protocol of an external agent over a websocket, with the agent's credentials and nothing else. Requests with
// typed refusals, messages that are sent again under their id until they are stored, and all that the agent is told.

import { credsAuthenticator, wsconnect } from "@nats-io/nats-core";
import { ENDED, OPEN } from "./play_account.js";

/** Milliseconds to wait for an answer, between two attempts, and of all attempts: a person sees that it takes long. */
const ANSWER_MS = 4000, AGAIN_MS = 250, PATIENCE_MS = 12_000;
/** Milliseconds between two looks whether the run has opened, for the values of a new period, two readings of a book, and of silence after
 * which the newest tick is read. */
const OPENING_MS = 500, VALUES_MS = 100, BOOK_MS = 200, SILENCE_MS = 3000;
const OUTCOMES = ["bid_accepted", "ask_accepted", "order_rejected", "trade_executed", "order_cancelled"];
const LEVELS = 12;
/** Where pages of one agent hear each other, in its account alone; milliseconds between two questions for others, and after which one that says
 * nothing has gone. An answer comes at once, also from a tab out of sight, whose timers are slow. */
const PAGES = "agents.econsim_pages", PAGES_MS = 2000, GONE_MS = 5000;

const encoder = new TextEncoder();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const newId = () => crypto.randomUUID().replaceAll("-", "");

/** A refusal, with its code; `isTemporary` if the same message may pass later. */
export class Refusal extends Error {
  constructor({ code, message, retryable = false, retry_after_ms: wait = null }) {
    super(message);
    Object.assign(this, { code, isTemporary: retryable, wait });
  }
}

const NOBODY = { code: "no_service_answers", message: "the run does not answer", retryable: true };
const SILENT = { code: "outcome_is_unknown", message: "no answer came", retryable: true };

export class Trader {
  /** Acts for the account's agent; `tell` is told the state of the connection, `touch` that something changed. */
  constructor(account, words, { tell, touch }) {
    Object.assign(this, { account, words, tell, touch });
    this.due = new Map(); // what is read soon → its timer
    this.readAt = new Map();
    this.underWay = new Set(); // commands about orders that are not stored yet
    this.shown = null;
    this.client = null;
    this.doesPass = false;
    this.id = newId();
    this.twins = new Map(); // other page of the agent → when it was heard
  }

  /** Act for the agent until the connection is closed for good; raises Error if there is none. */
  async trade(session) {
    this.client = await wsconnect({
      servers: session.sockets, authenticator: credsAuthenticator(encoder.encode(session.creds)), name: `econsim-play-${session.agent}`,
      ignoreClusterUpdates: true, maxReconnectAttempts: -1, reconnectTimeWait: 1000,
    });
    const closed = this.client.closed().then((error) => {
      throw error ?? new Error("the connection was closed");
    });
    closed.catch(() => {});
    this.watch();
    this.listen();
    this.tell("connected");
    this.askTwins();
    const asking = setInterval(() => this.askTwins(), PAGES_MS);
    let looking;
    try {
      await Promise.race([this.untilOpen(), closed]);
      await Promise.race([this.refresh(), closed]);
      looking = setInterval(() => this.look().catch(() => {}), SILENCE_MS);
      await closed;
    } finally {
      clearInterval(looking);
      clearInterval(asking);
      // The account has few connections, and the page is about to make another one.
      this.client.close().catch(() => {});
    }
  }
  async watch() {
    for await (const { type } of this.client.status()) {
      if (type === "disconnect" || type === "staleConnection") this.tell("disconnected", "the connection is lost");
      if (type === "reconnect") {
        this.tell("connected");
        this.refresh().catch(() => {});
      }
    }
  }
  listen() {
    const { account } = this, on = (subject, take) => this.client.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        take(message.json(), message.subject.split(".").at(-1), message.subject.split(".")[1]);
        this.touch();
      },
    });
    on("clock.ticked", (event) => this.takeTick(event));
    on("clock.period_opened", ({ data }) => {
      account.openPeriod(data.period);
      this.refresh().catch(() => {});
    });
    on("clock.period_closed", ({ data }) => {
      account.closePeriod(data.period, performance.now());
      this.soon("balance", 0);
    });
    on("run.closed", () => this.end());
    on("market.*.tick_cleared", ({ data }, _last, resource) => {
      account.takeTape(resource, data);
      if (resource === this.shown || account.offersOn(resource).length) this.soon(resource, BOOK_MS);
    });
    for (const outcome of OUTCOMES) on(`market.${outcome}.*`, (event, resource) => {
      account.takeOutcome(resource, event, this.words, this.decimals?.(resource));
      this.soon("balance", 60);
      this.soon(resource, BOOK_MS);
    });
    on(PAGES, ({ page, asks }) => {
      if (page === this.id) return;
      this.twins.set(page, performance.now());
      if (asks) this.client.publish(PAGES, JSON.stringify({ page: this.id }));
    });
    on("social.question", () => this.soon("social", 0));
    on("social.message", ({ sender, text }) => account.tell(`${sender} writes: ${text}`));
  }

  /** Ask for other pages of the agent, and forget those that have gone. */
  askTwins() {
    for (const [page, at] of this.twins) if (performance.now() - at > GONE_MS) this.twins.delete(page);
    this.client.publish(PAGES, JSON.stringify({ page: this.id, asks: true }));
    this.touch();
  }

  /** Wait until the run answers. */
  async untilOpen() {
    while (true) {
      try {
        this.account.setValues(await this.ask("market.account.get_values"));
        return this.touch();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (await this.stored("state.closed")) return this.end();
        if (!error.isTemporary) throw error;
        await pause(OPENING_MS);
      }
    }
  }
  /** Ask for all that a page which was away cannot know. */
  async refresh() {
    const { account } = this;
    if (!account.rules) return;
    const [ticked, answered, closed] = await Promise.all(["state.tick", "state.answered", "state.closed"].map((name) => this.stored(name)));
    if (answered) {
      account.answered = Math.max(account.answered, answered.data.tick);
      account.isReady = true;
    }
    if (closed) this.end();
    if (ticked) this.takeTick(ticked);
    this.learnValues().catch(() => {});
    for (const what of ["balance", "social", ...account.markets.keys()]) this.soon(what, 0);
    this.touch();
  }
  /** Ask for the agent's values until they are those of the open period: the ledger hears of it a moment later, or is starting again. */
  async learnValues() {
    const { account } = this;
    if (this.isLearning) return;
    this.isLearning = true;
    try {
      do {
        const found = await this.ask("market.account.get_values").catch(() => null);
        if (found) account.setValues(found);
        this.touch();
        if (!account.knowsValues) await pause(VALUES_MS);
      } while (!account.knowsValues && account.phase !== ENDED && !this.client.isClosed());
    } finally {
      this.isLearning = false;
    }
    await this.passByItself();
  }
  async look() {
    const { account } = this;
    if (account.phase === ENDED || performance.now() - account.tick.at < SILENCE_MS) return;
    const [ticked, closed] = await Promise.all([this.stored("state.tick"), this.stored("state.closed")]);
    if (closed) this.end();
    else if (ticked) this.takeTick(ticked);
  }
  takeTick(event) {
    const { account } = this, before = account.period;
    if (!account.rules || !account.openTick(event, performance.now())) return;
    if (account.period !== before) this.refresh().catch(() => {});
    if (account.isLockStep) this.soon("balance", 0);
    this.passByItself().catch(() => {});
    this.touch();
  }
  /** Be done with the tick if the person wants no ticks, or has nothing to trade in the period. */
  async passByItself() {
    const { account } = this;
    if (account.isLockStep && (this.doesPass || (account.knowsValues && account.isAbsent))) await this.pass();
  }
  end() {
    this.account.end();
    this.soon("balance", 0);
    this.touch();
  }
  /** Read something in a while, once for all who want it until then. */
  soon(what, ms) {
    if (this.due.has(what)) return;
    this.due.set(what, setTimeout(() => {
      this.due.delete(what);
      this.read(what).then(() => this.touch(), () => {});
    }, ms));
  }
  async read(what) {
    const { account } = this;
    if (what === "balance") return account.setBalance(account.phase === ENDED ? await this.lastBalance() : await this.ask("market.account.get_balance"));
    if (what === "social") {
      const { questions } = await this.ask("social.read_changes");
      account.questions = questions.filter(({ asked, audience, state }) => audience === "agent" && asked === account.agent && state === "waiting");
      return;
    }
    account.setBook(what, await this.ask(`market.${what}.get_book`, { levels: LEVELS }));
  }
  /** The balance of a run that has closed, as it is stored. */
  async lastBalance() {
    const found = await this.stored("state.balance");
    return { credits: { posted: found.posted, pending: found.pending ?? 0 }, debt: found.debt ?? 0, holdings: {} };
  }

  // What the agent sends.

  async place(resource, side, price, quantity, kind = "limit") {
    const id = `${this.account.agent}.${newId()}`;
    this.account.addSent({ id, resource, side, price, quantity });
    this.touch();
    try {
      await this.command(`market.${resource}.place_${side}`, { command_id: newId(), order_id: id, price, quantity, kind });
    } catch (error) {
      if (error.code !== SILENT.code) this.account.offers.delete(id);
      throw error;
    }
  }
  async cancel({ id, resource }) {
    this.account.change(id, { isLeaving: true });
    this.touch();
    try {
      await this.command(`market.${resource}.cancel_order`, { command_id: newId(), order_id: id });
    } catch (error) {
      this.account.change(id, { isLeaving: false });
      throw error;
    }
  }
  /** Say that the agent is ready: the waiting room of a run waits for it. */
  async getReady() {
    if (!this.account.tick.number && this.account.rules.clock.join_ms) await this.answerTick(0);
    this.account.isReady = true;
    this.touch();
  }
  /** Send a command about an order. */
  async command(subject, body) {
    const sent = this.send(subject, body);
    this.underWay.add(sent);
    try {
      await sent;
    } finally {
      this.underWay.delete(sent);
    }
  }
  /** Tell the clock that the agent is done with the open tick, once the orders are stored that it sent before: they belong to the tick. */
  async pass() {
    const { account } = this, { number } = account.tick;
    await Promise.allSettled(this.underWay);
    if (account.phase === OPEN && account.tick.number === number && account.answered < number) await this.answerTick(number);
  }
  async answerTick(tick) {
    const before = this.account.answered;
    this.account.answered = Math.max(before, tick);
    this.touch();
    try {
      await this.send(`agent.${this.account.agent}.cycle_completed`, { event_id: newId(), data: { tick } });
    } catch (error) {
      this.account.answered = before;
      throw error;
    }
  }
  async answerQuestion(question, answer) {
    await this.ask("social.end_question", { question_id: question.question_id, answer });
    this.account.questions = this.account.questions.filter((each) => each !== question);
    this.touch();
  }

  /** Ask a service; raises Refusal. */
  async ask(subject, body = {}) {
    let message;
    try {
      message = await this.client.request(subject, JSON.stringify(body), { timeout: ANSWER_MS });
    } catch (error) {
      throw new Refusal(error?.isNoResponders?.() || error?.cause?.name === "NoRespondersError" ? NOBODY : SILENT);
    }
    const answer = message.json();
    if (message.headers?.get("status") === "error") throw new Refusal(answer.refusal ?? answer.error);
    return answer;
  }
  /** Send a message that has its id until it is stored. */
  async send(subject, body) {
    const end = performance.now() + PATIENCE_MS;
    while (true) {
      try {
        return await this.ask(subject, body);
      } catch (error) {
        const wait = (error.wait ?? AGAIN_MS) * (1 + Math.random());
        if (!error.isTemporary || performance.now() + wait > end) throw error;
        await pause(wait);
      }
    }
  }
  /** A value that the server keeps for the agent; undefined if there is none. */
  async stored(name) {
    const message = await this.client.request(name, "", { timeout: ANSWER_MS }).catch(() => null);
    return message?.headers?.has("Nats-Sequence") ? message.json() : undefined;
  }
}
