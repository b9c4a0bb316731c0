// The live page: reads a run, keeps what it read, and shows it as it was at one place. Once a frame: take in what came, go to the place, draw.

import { Economy, equilibriumOf } from "./economy.js";
import { Feed, remedy } from "./feed.js";
import { RunLog, Selection } from "./log.js";
import { AgentPanel, CallPanel, EventPanel, MarketPanel, number, TradePanel, VerdictPanel, WaterfallPanel, WhyPanel } from "./panels.js";
import { Describer } from "./sentences.js";
import { byId, Command, keepTheme, listKeys, turnTheme } from "./shell.js";
import { put } from "./table.js";

/** Milliseconds of a frame for taking in events, for going to another place, and for searching: the rest is for drawing. */
const INTAKE_MS = 20, GO_MS = 40, SEARCH_MS = 5;
/** Milliseconds between two drawings while events come that fast: 25 a second are smooth, more would only delay. */
const BUSY_MS = 45;
/** Milliseconds between two drawings of a part that is out of sight; and while events come fast. */
const OUT_OF_SIGHT_MS = 700, FAST_OUT_OF_SIGHT_MS = 3000;
/** Events a second that nobody can read one by one; then, milliseconds between two drawings of a part, and parts that are drawn in one frame. */
const FAST = 1000, FAST_MS = 200, FAST_PARTS = 2;
/** Milliseconds between two measures of the rate. */
const MEASURE_MS = 500;
/** Milliseconds without an event after which the page says so: the run may wait for somebody, or its command may be gone. */
const SILENT_MS = 10_000;

class App {
  constructor() {
    this.log = new RunLog();
    this.economy = new Economy(this.log);
    this.describer = new Describer();
    this.equilibria = new Map();
    this.selection = new Selection(this.log);
    this.isLive = true;
    this.cursor = 0; // records that are shown
    this.chosen = null; // fact
    this.isTouched = this.isAsked = true;
    this.drawnAt = -Infinity;
    this.dueAt = Infinity; // when a part is to be drawn that waits
    this.rate = { at: performance.now(), records: 0, shown: 0, newsAt: performance.now() };
    this.command = new Command("econsim watch", "econsim-key", () => remedy(this.feed.session?.run ?? "RUN"));
    this.feed = new Feed(() => this.openSession(), (state, reason) => this.tellConnection(state, reason), () => this.wake());
    this.events = new EventPanel(this);
    this.markets = new MarketPanel(this);
    this.head = { show: () => this.drawHead() };
    this.panels = new Map([
      [".market", this.markets], [".agents", new AgentPanel(this)], [".trades", new TradePanel(this)], [".calls", new CallPanel(this)],
      [".events", this.events], [".why", new WhyPanel(this)], [".waterfall", new WaterfallPanel(this)], [".verdicts", new VerdictPanel(this)],
    ]);
    this.parts = [this.head, ...this.panels.values()];
    this.inSight = new Set([this.head]);
    const sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.inSight[isIntersecting ? "add" : "delete"](this.panels.get(`.${target.classList[1]}`));
      // The book is drawn with its market.
      this.touch();
    }, { rootMargin: "120px" });
    for (const name of this.panels.keys()) sight.observe(document.querySelector(name));
    this.bind();
  }

  start() {
    this.feed.read();
    this.wake();
  }
  /** Have a frame. Without work there is none: sixty a second that do nothing take a twentieth of a processor, which a run may need. */
  wake() {
    if (this.isAwake) return;
    this.isAwake = true;
    clearTimeout(this.alarm);
    requestAnimationFrame((now) => {
      this.isAwake = false;
      this.frame(now);
      this.rest();
    });
  }
  /** Have the next frame at once if work is left, else when a part is due or the rate is to be measured. */
  rest() {
    const isDone = !this.feed.pages.length && this.economy.state.at === this.cursor && this.selection.isDone && !this.isTouched;
    if (!isDone) return this.wake();
    this.alarm = setTimeout(() => this.wake(), Math.min(MEASURE_MS, this.dueAt - performance.now()));
  }

  async openSession() {
    const session = await this.command.ask("/session");
    this.describer = new Describer(session);
    this.findEquilibria();
    document.title = `${session.run} · econsim`;
    put(byId("title"), session.run);
    put(byId("about"), session.title);
    this.touch();
    return session;
  }
  /** Have the equilibria when they are found: those of many agents take a while. */
  async findEquilibria() {
    const found = await this.command.ask("/equilibria").catch(() => null); // The next session asks again.
    if (!found) return;
    this.equilibria = new Map(Object.entries(found).map(([resource, stretches]) => [resource, equilibriumOf(stretches)]));
    this.redraw();
  }
  tellConnection(state, reason = "") {
    this.connection = state;
    put(byId("note"), state === "connected" ? "" : `Not connected: ${reason}. ${this.log.length ? "What was read stays; another" : "Another"} try follows.`);
    this.touch();
  }

  /** Draw all at the next frame, for what a person does. */
  touch() {
    this.isTouched = this.isAsked = true;
    this.wake();
  }
  /** Draw what has changed, each part when its time has come. */
  note() {
    this.isTouched = true;
  }

  frame(now) {
    const start = performance.now();
    this.takeIn(start + INTAKE_MS);
    if (this.isLive) this.cursor = this.log.length;
    if (this.economy.state.at !== this.cursor) this.go(start + GO_MS);
    if (!this.selection.isDone) {
      this.selection.advance(performance.now() + SEARCH_MS);
      this.note();
    }
    if (now - this.rate.at > MEASURE_MS) this.measure(now);
    const isBusy = !this.feed.isCaughtUp || this.rate.shown > FAST;
    if ((!this.isTouched && now < this.dueAt) || (isBusy && !this.isAsked && now - this.drawnAt < BUSY_MS)) return;
    this.drawnAt = now;
    this.draw(now);
  }

  /** Take in what came, until a moment. */
  takeIn(until) {
    const { pages } = this.feed, { log, economy } = this;
    while (pages.length && performance.now() < until) {
      for (let some = 0; some < 16 && pages.length; some++) {
        const event = log.add(...this.feed.next());
        if (!event) continue;
        economy.index(log.length - 1, event);
        if (this.isLive && economy.state.at === log.length - 1) economy.step(event);
      }
      this.note();
    }
    if (economy.isWhole && this.feed.isCaughtUp && !pages.length) this.feed.end();
  }

  /** Bring the state to the place that is shown, until a moment. */
  go(until) {
    const { economy } = this;
    if (economy.state.at > this.cursor || !this.isLive) economy.rewind(this.cursor);
    while (economy.state.at < this.cursor && performance.now() < until) economy.step();
    this.note();
  }

  /** Number of facts up to the place that is shown. */
  get factsShown() {
    const { at } = this.economy.state;
    return at < this.log.length ? this.log.firstFacts.at(at) : this.log.factCount;
  }

  measure(now) {
    const { rate } = this;
    rate.shown = ((this.log.length - rate.records) * 1000) / (now - rate.at);
    if (rate.shown) rate.newsAt = now;
    if (rate.shown || rate.was || now - rate.newsAt > SILENT_MS) this.note();
    Object.assign(rate, { at: now, records: this.log.length, was: rate.shown });
  }

  drawHead() {
    const { economy, log } = this, { state } = economy;
    const ended = economy.isWhole ? (state.status === "failed" && state.at === log.length ? "failed" : "ended") : "";
    const silence = performance.now() - this.rate.newsAt;
    const [word, kind] =
      this.connection !== "connected" && !ended ? ["not connected", "bad"]
      : !this.isLive ? ["looking back", "quiet"]
      : ended ? [ended, ended === "failed" ? "bad" : "quiet"]
      : state.status === "stopped" ? ["stopped", "bad"]
      : silence > SILENT_MS ? [`nothing new for ${number(Math.floor(silence / 1000))} s`, "quiet"]
      : ["live", ""];
    put(byId("status"), word, `pill ${kind}`);
    // A run that ended was read whole: its server may go, as that of `econsim run` does.
    byId("note").hidden = this.connection === "connected" || Boolean(ended) || !byId("note").textContent;
    const seek = byId("seek");
    if (seek.max !== String(log.length)) seek.max = String(log.length);
    if (seek.value !== String(this.cursor)) seek.value = String(this.cursor);
    put(byId("place"), `event ${number(this.cursor)} of ${number(log.length)}`);
    put(byId("pause"), this.isLive ? "Pause" : "Follow");
    byId("pause").setAttribute("aria-pressed", String(!this.isLive));
    const trades = [...state.books.values()].reduce((sum, book) => sum + book.trades, 0);
    this.showFigures([
      ["tick", number(state.tick)], ["period", number(state.period)], ["agents", number(state.count)], ["facts", number(this.factsShown)],
      ["trades", number(trades)], ...(ended ? [] : [["events/s", number(this.rate.shown)]]),
      ...(log.unreadable ? [["unreadable", number(log.unreadable)]] : []),
    ]);
  }
  /** Draw the parts that have changed: those that nobody sees now and then, and all more seldom and in turn while events come faster than anybody reads. */
  draw(now) {
    const { parts } = this;
    if (this.isTouched) for (const part of parts) part.isStale = true;
    const isFast = this.isLive && !this.isAsked && (!this.feed.isCaughtUp || this.rate.shown > FAST);
    const [seen, unseen] = isFast ? [FAST_MS, FAST_OUT_OF_SIGHT_MS] : [0, OUT_OF_SIGHT_MS];
    const dueAt = (part) => (part.drawnAt ?? -Infinity) + (this.inSight.has(part) ? seen : unseen);
    this.isTouched = this.isAsked = false;
    const due = parts.filter((part) => part.isStale && dueAt(part) <= now).sort((a, b) => dueAt(a) - dueAt(b));
    for (const part of isFast ? due.slice(0, FAST_PARTS) : due) {
      part.isStale = false;
      part.drawnAt = now;
      part.show(now);
    }
    this.dueAt = Math.min(...parts.filter((part) => part.isStale).map(dueAt));
  }
  showFigures(rows) {
    const list = byId("figures");
    while (list.children.length < rows.length) {
      const pair = list.appendChild(document.createElement("div"));
      pair.append(document.createElement("dt"), document.createElement("dd"));
    }
    while (list.children.length > rows.length) list.lastChild.remove();
    for (const [place, [name, value]] of rows.entries()) {
      put(list.children[place].firstChild, name);
      put(list.children[place].lastChild, value);
    }
  }

  // What a person does.

  choose(fact) {
    this.chosen = fact ?? null;
    this.touch();
  }
  seek(record) {
    this.isLive = false;
    this.cursor = Math.max(0, Math.min(record, this.log.length));
    this.touch();
  }
  /** Go to the moment just after the chosen fact's event. */
  seekChosen() {
    if (this.chosen !== null) this.seek(this.log.records.at(this.chosen) + 1);
  }
  step(records) {
    this.seek(this.cursor + records);
  }
  /** Go to where the next tick, or the one before, has just begun. */
  stepTick(ticks) {
    const { tickStarts } = this.economy, place = tickStarts.countUpTo(this.cursor - 1);
    const wanted = place + (ticks > 0 ? 0 : -2);
    if (wanted >= tickStarts.length) this.seek(this.log.length);
    else this.seek(wanted < 0 ? 0 : tickStarts.at(wanted) + 1);
  }
  toggle() {
    if (this.isLive) this.seek(this.log.length);
    else this.isLive = true;
    this.touch();
  }
  filterAgent(name) {
    byId("filter-agent").value = name;
    this.filter();
  }
  filter() {
    this.selection = new Selection(this.log, {
      type: byId("filter-type").value, agent: byId("filter-agent").value, text: byId("filter-text").value,
    });
    byId("events").scrollTop = 0;
    this.touch();
  }
  turnTheme() {
    turnTheme();
    this.redraw();
  }
  /** Draw the charts anew, as after a change of colours. */
  redraw() {
    this.markets.reset();
    this.touch();
  }

  bind() {
    const keys = [
      [" ", "space", "pause here, or follow the run", () => this.toggle()],
      ["ArrowLeft", "← →", "one event back or on", () => this.step(-1)],
      ["ArrowRight", "", "", () => this.step(1)],
      ["Shift+ArrowLeft", "shift ← →", "one tick back or on", () => this.stepTick(-1)],
      ["Shift+ArrowRight", "", "", () => this.stepTick(1)],
      ["Home", "home, end", "the beginning, the newest event", () => this.seek(0)],
      ["End", "", "", () => this.isLive || this.toggle()],
      ["j", "j k", "the next or previous event of the list", () => this.events.move(1)],
      ["k", "", "", () => this.events.move(-1)],
      ["g", "g", "go to the chosen event", () => this.seekChosen()],
      ["m", "m", "the next market", () => this.markets.chooseNext()],
      ["/", "/", "search the events", () => byId("filter-text").focus()],
      ["t", "t", "light or dark", () => this.turnTheme()],
      ["?", "?", "these keys", () => byId("help").showModal()],
      ["Escape", "esc", "leave a field, choose nothing", () => this.choose(null)],
    ];
    listKeys(keys);
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open) return;
      const { target } = event, isField = target instanceof HTMLInputElement && target.type !== "range";
      if (isField && event.key === "Escape") return target.blur();
      if (isField || (target instanceof HTMLButtonElement && event.key === " ")) return;
      if (target.classList?.contains("table") && ["Home", "End"].includes(event.key)) return;
      const name = event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
      const found = keys.find(([key]) => key === name);
      if (!found) return;
      event.preventDefault();
      found[3]();
    });
    byId("back").addEventListener("click", () => this.step(-1));
    byId("forward").addEventListener("click", () => this.step(1));
    byId("pause").addEventListener("click", () => this.toggle());
    byId("seek").addEventListener("input", () => this.seek(Number(byId("seek").value)));
    byId("theme").addEventListener("click", () => this.turnTheme());
    byId("help-open").addEventListener("click", () => byId("help").showModal());
    for (const id of ["filter-type", "filter-agent", "filter-text"]) byId(id).addEventListener("input", () => this.filter());
    for (const table of document.querySelectorAll(".table")) table.addEventListener("scroll", () => this.touch(), { passive: true });
    addEventListener("resize", () => this.touch());
  }
}

const app = new App();
keepTheme(() => app.redraw());
app.start();
