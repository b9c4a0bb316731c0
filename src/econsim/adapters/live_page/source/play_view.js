// The parts of the trading page, drawn from the account. Every text goes in as text, never as markup.

import { TradeChart } from "./charts.js";
import { BETWEEN, ENDED, OPEN, WAITING } from "./play_account.js";
import { amount, gain, lengthOf, taxSentence, taxWords, termSentences, timeLeft, units } from "./play_words.js";
import { inOrder } from "./sentences.js";
import { byId, element } from "./shell.js";
import { put } from "./table.js";

/** Milliseconds before the end from which on the time is marked, and levels of the book that are shown. */
const SOON_MS = 10_000, LEVELS_SHOWN = 8;
const SIDES = { bid: ["buy", "bought", "value"], ask: ["sell", "sold", "cost"] };

function table(names, rows) {
  const head = element("tr", "", ...names.map((name) => element("th", "", name)));
  const lines = rows.map(({ kind, cells }) => element("tr", kind, ...cells.map((cell) => element("td", "", cell))));
  return element("table", "", element("thead", "", head), element("tbody", "", ...lines));
}

const signed = (micros) => (micros > 0 ? "good-text" : micros < 0 ? "bad-text" : "");

export class View {
  constructor(app) {
    this.app = app;
    this.chart = new TradeChart(byId("prices"));
    this.typed = new Map(); // question → what was written so far
    this.drawn = new Map(); // part → what it shows, by which it is known to be up to date
  }
  /** Draw the charts anew, as after a change of colours. */
  reset() {
    this.chart.reset();
    this.drawn.delete("prices");
  }
  /** Make a part anew if what it shows has changed. */
  part(id, shown, make) {
    const seen = JSON.stringify(shown);
    if (this.drawn.get(id) === seen) return;
    this.drawn.set(id, seen);
    byId(id).replaceChildren(...[make()].flat());
  }
  amount(micros) {
    return amount(micros, this.app.decimals(this.app.market));
  }
  /** What writes prices of a market. */
  price(resource) {
    return (micros) => amount(micros, this.app.decimals(resource));
  }

  draw(now) {
    const { account } = this.app, isTrading = account.rules !== null && account.isReady && (account.tick.number > 0 || account.phase !== WAITING);
    this.drawHead();
    this.drawGate(isTrading);
    byId("floor").hidden = !isTrading || account.phase === ENDED;
    if (!account.rules) return;
    this.drawQuestions();
    this.drawBetween(now);
    if (byId("floor").hidden) return;
    this.drawTabs();
    this.drawFigures();
    this.drawTime(now);
    this.drawTrade();
    this.drawOffers();
    this.drawUnits();
    this.drawBook();
    this.drawPrices();
    this.drawResults();
    const lines = account.news.map(({ text, kind, period, tick }) => [kind, `period ${period}, tick ${tick}`, text]);
    this.part("news", lines, () => (lines.length ? lines : [["quiet", "", "Nothing yet."]]).map(([kind, when, text]) => element("li", kind, element("small", "", when), text)));
  }

  drawHead() {
    const { account, connection } = this.app;
    const roles = [...account.roles].map(([resource, { side }]) => `${side === "bid" ? "buyer" : "seller"} of ${resource}`);
    put(byId("title"), account.agent || "Connecting …");
    put(byId("about"), inOrder([roles.join(", ") || (account.rules ? "trader" : ""), account.rules?.title].filter(Boolean).join(" · ")));
    const [word, kind] =
      account.phase === ENDED ? ["the session is over", "quiet"]
      : connection !== "connected" ? [connection === "connecting" ? "connecting" : "not connected", connection === "connecting" ? "quiet" : "bad"]
      : account.rules && !account.isReady ? ["instructions", "quiet"]
      : account.phase === WAITING && !account.tick.number ? ["waiting room", "quiet"]
      : account.phase === BETWEEN ? ["between periods", "quiet"]
      : account.isLockStep && !account.isAwaited ? ["waiting for the others", "quiet"]
      : ["trading", ""];
    put(byId("status"), word, `pill ${kind}`);
  }

  drawGate(isTrading) {
    const { account } = this.app, { rules } = account;
    byId("gate").hidden = isTrading || !account.agent;
    if (isTrading || !account.agent) return;
    const isNew = rules !== null && !account.isReady;
    put(byId("gate-title"), rules === null ? "One moment" : isNew ? rules.title || "Instructions" : "Waiting room");
    this.part("gate-rules", [isNew, rules], () => (isNew ? this.instructions() : []));
    put(byId("gate-text"),
      account.phase === ENDED ? "The session is over."
      : rules === null ? "The run has not opened yet. This page goes on by itself."
      : isNew ? (rules.clock.join_ms ? "The first period begins when everybody is ready." : "")
      : rules.clock.join_ms ? "You are ready. The first period begins when all others are, too; leave this page open." : "The first period is about to begin.");
    byId("ready").hidden = !isNew;
  }
  /** What a trader needs to know: the rules in sentences, then the text of the scenario. */
  instructions() {
    const { account } = this.app, { clock, deadline_ms: deadline, instructions } = account.rules;
    const facts = [...account.roles].flatMap(([resource, { side, tax, worths }]) => {
      const [verb, , worth] = SIDES[side];
      const earns = side === "bid" ? "you earn its value to you less the price you pay" : "you earn the price you get less its cost to you";
      const when = account.varies ? `in period ${Math.max(1, account.period)}` : "in each period";
      if (!worths.length) return [`You have nothing to ${verb} on the market of ${resource} ${when}.`];
      const first = `You may ${verb} up to ${units(worths.length)} of ${resource} ${when}. Each unit has its own ${worth}, which nobody else sees; for each that you ${verb} ${earns}.`;
      return tax ? [first, taxSentence(side, tax, this.price(resource))] : [first];
    });
    if (facts.length && account.varies) facts.push("Values, costs, taxes and the prices that are allowed may change from period to period; this page then says so.");
    if (!facts.length) facts.push("You earn by buying low and selling high. What you still hold when a period ends is worth nothing to you.");
    const many = `${clock.periods} ${clock.periods === 1 ? "period" : "periods"}`;
    facts.push(account.isLockStep
      ? `There ${clock.periods === 1 ? "is" : "are"} ${many} of up to ${clock.ticks_per_period} ticks. In each tick you may act, and then say that you are done; a tick waits for you for ${lengthOf(deadline)} at most.`
      : `There ${clock.periods === 1 ? "is" : "are"} ${many} of ${lengthOf(clock.ticks_per_period * clock.tick_ms)} at most.`);
    const list = element("ul", "", ...facts.map((fact) => element("li", "", fact)));
    return instructions ? [element("p", "", instructions), list] : [list];
  }

  drawQuestions() {
    const { account } = this.app;
    byId("questions").hidden = account.questions.length === 0;
    this.part("question-list", account.questions, () => account.questions.map((question) => this.question(question)));
  }
  question(question) {
    const made = element("form", "question", element("p", "", question.text)), give = (answer) => this.app.answer(question, answer);
    const offered = question.kind === "confirm" ? ["yes", "no"] : question.options;
    for (const option of offered) {
      const button = element("button", "", option);
      button.type = "button";
      button.addEventListener("click", () => give(option));
      made.append(button);
    }
    if (!offered.length) {
      const field = element("input");
      field.setAttribute("aria-label", "Your answer");
      field.maxLength = 4000;
      // The form is made anew when another question comes.
      field.value = this.typed.get(question.question_id) ?? "";
      field.addEventListener("input", () => this.typed.set(question.question_id, field.value));
      made.append(field, element("button", "", "Answer"));
      made.addEventListener("submit", () => field.value.trim() && give(field.value.trim()));
    }
    made.addEventListener("submit", (event) => event.preventDefault());
    const end = new Date(question.deadline_at).toLocaleTimeString();
    made.append(element("small", "", `${question.asker} asks; until ${end}${question.default ? `, then the answer is “${question.default}”` : ""}`));
    return made;
  }

  /** The result of the period that is over, or of the session. */
  drawBetween(now) {
    const { account, dismissed } = this.app, result = account.results.at(-1), isEnd = account.phase === ENDED;
    const isShown = isEnd || (result && dismissed < result.period && (account.phase === BETWEEN || !this.app.pauses));
    byId("between").hidden = !isShown;
    if (!isShown) return;
    put(byId("between-title"), isEnd ? "The session is over. You earned" : `Period ${result.period} is over. You earned`);
    const profit = isEnd ? account.earned : result.profit;
    put(byId("between-profit"), profit === null ? "–" : gain(profit), `figure ${signed(profit ?? 0)}`);
    const left = account.pauseLeft(now);
    put(byId("between-facts"), isEnd ? `credits in ${account.results.length} ${account.results.length === 1 ? "period" : "periods"}. Thank you.`
      : `credits; ${gain(account.earned)} since the beginning.${left === null ? "" : ` The next period begins in ${timeLeft(left)}.`}`);
    byId("go-on").hidden = isEnd || this.app.pauses;
    this.part("between-units", [isEnd, account.results], () => {
      if (isEnd) return this.results();
      if (!result.rows.length) return [element("p", "empty", "You traded no unit of your own.")];
      const worth = `value or cost${result.rows.some(({ tax }) => tax) ? " after tax" : ""}`;
      return [table(["traded", worth, "price", "profit"], result.rows.map(({ resource, side, price, worth }) => ({
        kind: "", cells: [`${SIDES[side][1]} 1 ${resource}`, this.amount(worth), this.amount(price), gain(side === "bid" ? worth - price : price - worth, this.app.decimals(resource))],
      })))];
    });
  }

  drawTabs() {
    const { account, market } = this.app, names = [...account.markets.keys()];
    put(byId("trade-title"), names.length > 1 ? "Trade" : `Trade ${market}`);
    byId("markets").hidden = names.length < 2;
    this.part("markets", [names, market], () => names.map((name) => {
      const tab = element("button", "", name);
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(name === market));
      tab.addEventListener("click", () => this.app.choose(name));
      return tab;
    }));
  }

  drawFigures() {
    const { account, market } = this.app, role = account.roles.get(market), next = account.nextUnit(market), held = account.held(market);
    if (role) {
      const { name, sign } = taxWords(role.side, role.tax), isKnown = account.phase === OPEN && account.knowsValues;
      put(byId("next-name"), `${role.side === "bid" ? "Value" : "Cost"} of your next unit${role.tax ? `, ${sign} the ${name}` : ""}`);
      put(byId("next"), next ? this.amount(next.worth) : !isKnown ? "–" : account.isAbsent ? "no units" : "none left");
      const [, done] = SIDES[role.side], how = next && role.tax ? ` · ${this.amount(next.value)} ${sign} ${this.amount(Math.abs(role.tax))} ${name}` : "";
      const none = account.isAbsent ? "you do not take part in this period" : `you ${done} all units of this period`;
      put(byId("next-facts"), next ? `unit ${next.number} of ${next.of}${how} · ${role.side === "bid" ? "buy below, not above" : "sell above, not below"}` : isKnown ? none : "");
    } else {
      put(byId("next-name"), `You hold of ${market}`);
      put(byId("next"), units(held.owned));
      put(byId("next-facts"), "worth nothing to you when the period ends");
    }
    const { profit } = account;
    put(byId("profit"), profit === null ? "–" : gain(profit), `figure ${signed(profit ?? 0)}`);
    const traded = account.trades.length;
    put(byId("profit-facts"), profit === null ? "known from the next period on" : account.phase === OPEN ? `${traded} ${traded === 1 ? "trade" : "trades"}` : `of period ${account.results.at(-1)?.period ?? account.period}`);
    put(byId("earned"), gain(account.earned), `figure ${signed(account.earned)}`);
    put(byId("earned-facts"), `${amount(account.free)} credits free to spend`);
  }

  drawTime(now) {
    const { account } = this.app, { clock, deadline_ms: deadline } = account.rules, { ofPeriod } = account.tick;
    const period = `period ${account.period} of ${clock.periods}`, tick = `tick ${ofPeriod} of ${clock.ticks_per_period}`;
    const left = account.isLockStep ? account.deadlineLeft(now) : account.periodLeft(now) ?? account.pauseLeft(now);
    const isBetween = account.phase === BETWEEN;
    put(byId("time-name"), account.isLockStep ? (account.isAwaited ? "This tick waits for you" : "Waiting for the others") : isBetween ? "Next period in" : "Time left in the period");
    const whole = account.isLockStep ? deadline : isBetween ? clock.pause_ms : clock.ticks_per_period * clock.tick_ms;
    put(byId("time"), left === null ? (account.isLockStep && account.phase === OPEN ? "done" : "–") : timeLeft(left), `figure ${left !== null && left < SOON_MS && !isBetween ? "soon" : ""}`);
    const bar = byId("time-bar");
    bar.value = left === null || !whole ? 0 : left / whole;
    bar.className = left !== null && left < SOON_MS && !isBetween ? "soon" : "";
    put(byId("time-facts"), `${period} · ${tick}`);
  }

  drawTrade() {
    const { account, market, warning } = this.app, { quote } = account.books.get(market) ?? { quote: {} };
    const can = this.app.sides(), isOpen = account.canTrade, isCall = account.markets.get(market).mechanism === "call_auction";
    put(byId("best-ask"), quote.ask ? this.amount(quote.ask) : "none");
    put(byId("best-bid"), quote.bid ? this.amount(quote.bid) : "none");
    byId("buy").hidden = byId("sell").hidden = isCall;
    this.drawTerms();
    byId("buy").disabled = !(isOpen && can.bid && quote.ask);
    byId("sell").disabled = !(isOpen && can.ask && quote.bid && account.held(market).free > 0);
    byId("bid").hidden = !can.bid;
    byId("ask").hidden = !can.ask;
    byId("bid").disabled = !isOpen;
    byId("ask").disabled = !isOpen || account.held(market).free === 0;
    byId("turn").hidden = !account.isLockStep || account.isAbsent;
    byId("pass").disabled = !account.isAwaited;
    byId("always").checked = this.app.doesPass;
    const [newest] = account.news, last = newest?.period === account.period ? newest : null;
    put(byId("said"), inOrder(warning?.text ?? last?.text ?? (can.bid || can.ask ? "Take an offer with one key, or write a price of your own." : "You have nothing to trade here.")), `said ${warning ? "bad" : last?.kind ?? ""}`);
  }

  /** What holds in this period, what is new first. */
  drawTerms() {
    const { account, market } = this.app, terms = account.knowsValues && account.terms?.of[market];
    this.part("terms", [terms, account.terms?.changed[market]], () => {
      if (!terms) return [element("li", "", "Reading what holds in this period …")];
      const said = termSentences(terms, account.terms.changed[market], account.roles.get(market)?.side, this.price(market));
      return said.sort((a, b) => b.isNew - a.isNew).map(({ text, isNew }) => element("li", isNew ? "new" : "", text));
    });
  }

  drawOffers() {
    const { account } = this.app, offers = [...account.offers.values()], many = account.markets.size > 1;
    this.part("offers", offers, () => {
      if (!offers.length) return [element("p", "empty", "None.")];
      return [table(["offer", "price", "state", ""], offers.map((offer) => {
        const button = element("button", "", offer.isLeaving ? "…" : "✕");
        button.type = "button";
        button.disabled = Boolean(offer.isLeaving);
        button.title = "Take back (x takes back the newest)";
        button.setAttribute("aria-label", `Take back the ${offer.side} at ${this.amount(offer.price)}`);
        button.addEventListener("click", () => this.app.cancel(offer));
        const what = element("span", offer.side, `${offer.side} ${offer.quantity}${many ? ` ${offer.resource}` : ""}`);
        return { kind: "", cells: [what, amount(offer.price, this.app.decimals(offer.resource)), offer.isSent ? "sent" : "open", button] };
      }))];
    });
  }

  drawUnits() {
    const { account, market } = this.app, rows = account.unitRows(market), role = account.roles.get(market), held = account.held(market);
    const trades = account.trades.filter((each) => each.resource === market);
    this.part("units", [rows, role?.tax ?? "", role ? "" : held, role ? 0 : trades], () => {
      if (!role) return trades.length ? [table(["traded", "price"], trades.map(({ side, quantity, price }) => ({ kind: "", cells: [`${SIDES[side][1]} ${quantity}`, this.amount(price)] })))] : [element("p", "empty", "You have not traded in this period.")];
      const sum = rows.reduce((total, { profit }) => total + (profit ?? 0), 0);
      const { name, sign } = taxWords(role.side, role.tax), ofTax = (cell) => (role.tax ? [cell] : []);
      const lines = rows.map(({ number, value, worth, price, profit, isTraded, isNext }) => ({
        kind: isNext ? "next" : "", cells: [`${number}${isNext ? " ◂ next" : ""}`, this.amount(value), ...ofTax(this.amount(worth)), price === undefined ? (isTraded ? "?" : "") : this.amount(price), profit === undefined ? "" : gain(profit, this.app.decimals(market))],
      }));
      return [table(["unit", SIDES[role.side][2], ...ofTax(`${sign} ${name}`), "price", "profit"], [...lines, { kind: "total", cells: ["sum", "", ...ofTax(""), "", gain(sum, this.app.decimals(market))] }])];
    });
  }

  drawBook() {
    const { account, market } = this.app, book = account.books.get(market), own = account.offersOn(market).filter((each) => !each.isSent);
    const shown = book && { bids: book.bids.slice(0, LEVELS_SHOWN), asks: book.asks.slice(0, LEVELS_SHOWN) };
    this.part("book", [shown, own], () => {
      if (!shown) return [element("p", "empty", "Reading the market …")];
      const most = Math.max(1, ...[...shown.bids, ...shown.asks].map(({ quantity }) => quantity));
      const side = (name, levels) => element("div", `side ${name}s`, element("h3", "", element("span", "", `${name}s`), element("span", "", "units")), ...(levels.length ? levels.map(({ price, quantity }) => {
        const bar = element("i"), level = element("div", "level", bar, element("b", "", this.amount(price)), element("span", "", String(quantity)));
        bar.style.width = `${(100 * quantity) / most}%`;
        if (own.some((each) => each.side === name && each.price === price)) level.classList.add("own");
        return level;
      }) : [element("p", "empty", "none")]));
      return [element("div", "ladder", side("bid", shown.bids), side("ask", shown.asks))];
    });
  }

  drawPrices() {
    const { account, market } = this.app, prices = account.tape.get(market) ?? [], next = account.nextUnit(market);
    const mine = account.prices(market, "bid").concat(account.prices(market, "ask"));
    const shown = JSON.stringify([market, prices, mine, next?.worth]);
    if (this.drawn.get("prices") === shown || byId("prices").clientWidth === 0) return;
    this.drawn.set("prices", shown);
    const own = new Set();
    for (const price of mine) {
      const place = prices.findIndex((each, at) => each === price && !own.has(at));
      if (place >= 0) own.add(place);
    }
    const worth = next ? ` · dashed: the ${SIDES[account.roles.get(market).side][2]} of your next unit` : "";
    put(byId("prices-facts"), prices.length ? `${prices.length} ${prices.length === 1 ? "trade" : "trades"}, last ${this.amount(prices.at(-1))} · large dots: yours${worth}` : `no trade yet${worth}`);
    this.chart.show(prices, own, next?.worth);
  }

  drawResults() {
    const { account } = this.app;
    this.part("results", account.results, () => (account.results.length ? this.results() : [element("p", "empty", "The first period goes on.")]));
  }
  results() {
    const { account } = this.app;
    const rows = account.results.map(({ period, profit, rows: traded }) => ({ kind: "", cells: [String(period), String(traded.length), profit === null ? "–" : gain(profit)] }));
    return [table(["period", "units", "profit"], [...rows.reverse(), { kind: "total", cells: ["so far", "", gain(account.earned)] }])];
  }
}
