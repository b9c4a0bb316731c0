// Words and numbers for a person who trades: amounts, times, and sentences for what happened. Pure.

const MICROS = 1_000_000;

/** Decimals that prices on a grid need; two at least. */
export function decimalsOf(tickSize) {
  let decimals = 2;
  while (decimals < 6 && tickSize % 10 ** (6 - decimals)) decimals++;
  return decimals;
}

/** An amount of micro-credits in credits: exact where `decimals` are enough, else rounded. */
export function amount(micros, decimals = 2) {
  const text = (Math.abs(micros) / MICROS).toFixed(decimals);
  return micros < 0 && Number(text) ? `−${text}` : text;
}

/** A gain or a loss, with its sign. */
export function gain(micros, decimals = 2) {
  const text = amount(micros, decimals);
  return micros > 0 && Number(text) ? `+${text}` : text;
}

/** Micro-credits of a price that a person wrote, exactly; null for what is no positive price of at most six decimals. */
export function priceOf(text) {
  const found = /^\s*(\d{1,9})?(?:[.,](\d{0,6}))?\s*$/.exec(text);
  if (!found || !(found[1] || found[2])) return null;
  const micros = Number(found[1] ?? 0) * MICROS + Number((found[2] ?? "").padEnd(6, "0"));
  return micros > 0 ? micros : null;
}

/** A time to wait: 1:05, or 9 s below ten seconds. */
export function timeLeft(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return seconds < 10 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A length of time in words, for instructions. */
export function lengthOf(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 90) return `${seconds} ${seconds === 1 ? "second" : "seconds"}`;
  const minutes = Math.floor(seconds / 60), rest = seconds % 60;
  return `${minutes} ${minutes === 1 ? "minute" : "minutes"}${rest ? ` and ${rest} seconds` : ""}`;
}

export const units = (count) => `${count} ${count === 1 ? "unit" : "units"}`;

/** What the commonest codes mean to a trader; other codes are put into the words of the list of refusals. */
const OWN_WORDS = {
  debit_account_would_go_negative: { bid: "you do not have so much money free", ask: "you have no more units to sell" },
  price_is_outside_the_limits: "the market takes no such price",
  order_not_found: "the offer is gone already: it was traded or taken back",
  remainder_of_immediate_order: "somebody was faster: that offer was gone",
  period_closed: "the period is over",
  price_does_not_cover_the_tax: "the price must be at least the tax",
  self_trade_prevented: "it would have traded with an offer of your own",
  cancelled_by_agent: "you took it back",
  publish_rate_is_exceeded: "you send too fast; wait a second",
  order_rate_is_exceeded: "you send offers too fast; wait a second",
  run_is_not_open: "the run is not open",
  question_has_ended: "the question has ended",
};

/** What a tax or subsidy is called, and how it goes with a value or a cost. */
export function taxWords(side, tax) {
  return { name: tax > 0 ? "tax" : "subsidy", sign: (side === "bid") === tax > 0 ? "less" : "plus" };
}

export function taxSentence(side, tax, price) {
  const each = `for each unit that you ${side === "bid" ? "buy" : "sell"}`;
  if (tax < 0) return `You get a subsidy of ${price(-tax)} ${each}.`;
  return `You pay a tax of ${price(tax)} ${each}, ${side === "bid" ? "on top" : "out"} of its price.`;
}

/** Sentences about what holds on a market in a period; `isNew` marks what did not hold in the period before. */
export function termSentences({ limits: [low, high], taxes, isThere }, changed, side, price) {
  const isNew = (key) => changed.includes(key);
  if (!isThere) return [{ isNew: isNew("isThere"), text: "You do not take part in this period: you have nothing to trade, and nobody waits for you." }];
  const said = [{ isNew: isNew("limits"), text: `Prices from ${price(low)} to ${price(high)} are allowed.` }];
  const taxed = Object.entries(taxes).filter(([, tax]) => tax);
  for (const [trading, tax] of taxed) said.push({ isNew: isNew("taxes"), text: taxSentence(trading, tax, price) });
  if (!taxed.length && isNew("taxes")) said.push({ isNew: true, text: "There is no tax or subsidy any more." });
  if (isNew("isThere")) said.push({ isNew: true, text: "You take part again." });
  else if (isNew("values")) said.push({ isNew: true, text: `Your units have other ${side === "bid" ? "values" : "costs"} than in the period before.` });
  return said;
}

export class Words {
  /** `refusals` has a sentence for each code that a refusal can have. */
  constructor(refusals = {}) {
    this.refusals = refusals;
  }
  /** Why something was refused, as the rest of a sentence. */
  reason(code, side = "bid") {
    const own = Object.hasOwn(OWN_WORDS, code) ? OWN_WORDS[code] : undefined;
    if (own) return typeof own === "string" ? own : own[side] ?? own.bid;
    const listed = Object.hasOwn(this.refusals, code) ? this.refusals[code] : "";
    const words = (listed || String(code).replaceAll("_", " ")).replace(/\.$/, "");
    return words.charAt(0).toLowerCase() + words.slice(1);
  }
  traded(side, quantity, price) {
    return `${side === "bid" ? "Bought" : "Sold"} ${units(quantity)} at ${price}`;
  }
  refused(verb, code) {
    const what = { bid: "Your bid", ask: "Your ask", cancel: "Taking back", replace: "The change" }[verb] ?? "The message";
    return `${what} was refused: ${this.reason(code, verb)}.`;
  }
  gone(side, quantity, code) {
    return `Your ${side} for ${units(quantity)} has ended: ${this.reason(code, side)}.`;
  }
}
