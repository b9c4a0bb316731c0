"""The trading page's model of an agent: what a person reads of value, profit, offers and time, and what is said of refusals."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

SOURCE = Path(str(files("econsim.adapters.live_page"))) / "source"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

PRELUDE = """
// The client of NATS is a package that only the build of the page has; who acts for an agent is given a connection here.
const resolve = `export const resolve = (name, context, next) => name.startsWith("@nats-io/")
  ? { url: "data:text/javascript,export const credsAuthenticator = null, wsconnect = null", shortCircuit: true } : next(name, context);`;
(await import("node:module")).register(`data:text/javascript,${encodeURIComponent(resolve)}`);
const { Trader } = await import(`${process.argv[1]}/play_trader.js`);
const { Account, WAITING, OPEN, BETWEEN } = await import(`${process.argv[1]}/play_account.js`);
const { Words, amount, priceOf, termSentences, timeLeft, decimalsOf, gain } = await import(`${process.argv[1]}/play_words.js`);
const words = new Words({ queue_is_full: "The queue is full." });
const clock = { mode: "real_time", periods: 2, ticks_per_period: 10, tick_ms: 1000, pause_ms: 5000, join_ms: 0 };
const market = { resource: "cpu", mechanism: "continuous_double_auction", tick_size: 10000, price_min: 10000, price_max: 4000000, lot_size: 1 };
const M = 1e6, values = (side, worths, more, { period = 2, tax = 0, ceiling = 4 } = {}) => ({
  credits: 50 * M, period, roles: [{ resource: "cpu", side, tax: tax * M, units: worths.map((value) => ({ value: value * M, quantity: 1 })) }],
  rules: { title: "", instructions: "", clock: { ...clock, ...more }, deadline_ms: 30000, markets: [{ ...market, price_max: ceiling * M }] },
});
const balance = (posted, owned = 0, pending = 0) => ({ credits: { posted: posted * M, pending: 0 }, debt: 0, holdings: { cpu: { posted: owned, pending } } });
const tick = (number, period, of) => ({ tick: number, data: { period, tick_of_period: of } });
const trade = (id, price, buyer = "ana") => ({ type: "market.trade_executed", tick: 1, data: { items: [
  { trade_id: id, price: price * M, quantity: 1, buyer, seller: buyer === "ana" ? "bob" : "ana", bid_id: `${buyer}.x`, ask_id: "y" }] } });
const buyer = (kept) => {
  const ana = new Account("ana", kept);
  ana.setValues(values("bid", [3.2, 2.9]));
  ana.setBalance(balance(50));
  ana.openPeriod(1);
  ana.openTick(tick(1, 1, 1), 0);
  return ana;
};
"""


def shown(script):
    """Return what a script of the page's model returns."""
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", f"{PRELUDE}\nconsole.log(JSON.stringify(await (async () => {{ {script} }})()));", str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_buyer_s_next_unit_follows_what_it_owns_and_profit_counts_values_that_are_paid_later():
    found = shown("""
        const ana = buyer();
        ana.takeOutcome("cpu", trade("t1", 2.5), words);
        ana.setBalance(balance(47.5, 1));
        return [ana.nextUnit("cpu"), ana.profit, ana.earned, ana.unitRows("cpu").map(({ profit }) => profit ?? null)];
    """)

    next_unit = {"number": 2, "of": 2, "value": 2_900_000, "worth": 2_900_000}
    assert found == [next_unit, 700_000, 700_000, [700_000, None]]


def test_a_seller_s_next_unit_follows_what_it_has_sold():
    found = shown("""
        const ana = new Account("ana");
        ana.setValues(values("ask", [1, 1.5]));
        ana.openPeriod(1);
        ana.openTick(tick(1, 1, 1), 0);
        ana.setBalance(balance(52, 1));
        return [ana.nextUnit("cpu").worth, ana.profit];
    """)

    assert found == [1_500_000, 1_000_000]


@pytest.mark.parametrize(
    ("side", "tax", "price", "worth", "profit"),
    [("bid", 0.5, 2.5, 2.7, 0.2), ("bid", -0.5, 2.5, 3.7, 1.2), ("ask", 0.5, 4.0, 3.7, 0.3)],
)
def test_a_unit_is_worth_its_value_after_the_tax_which_is_paid_with_its_trade(
    side, tax, price, worth, profit
):
    money = 50 - price - tax if side == "bid" else 50 + price - tax
    found = shown(f"""
        const ana = new Account("ana");
        ana.setValues(values("{side}", [3.2, 3.2], {{}}, {{ tax: {tax} }}));
        ana.setBalance(balance(50, {int(side == "ask")} * 2));
        ana.openPeriod(1);
        ana.openTick(tick(1, 1, 1), 0);
        const next = ana.nextUnit("cpu");
        ana.takeOutcome("cpu", trade("t1", {price}, "{"ana" if side == "bid" else "bob"}"), words);
        ana.setBalance(balance({money}, 1));
        return [next.value, next.worth, ana.profit, ana.unitRows("cpu")[0].profit, ana.soldRows()[0].worth];
    """)

    assert [micros / 1e6 for micros in found] == pytest.approx([3.2, worth, profit, profit, worth])


def test_nobody_trades_by_the_values_of_the_period_before_and_what_is_new_is_said():
    found = shown("""
        const ana = new Account("ana"), seen = [], note = () => seen.push([ana.canTrade, ana.nextUnit("cpu")?.worth ?? null]);
        ana.setValues(values("bid", [3.2], {}, { period: 1 }));
        ana.openPeriod(1);
        ana.openTick(tick(1, 1, 1), 0);
        note();
        ana.openPeriod(2);
        ana.openTick(tick(11, 2, 1), 0);
        note();
        ana.setValues(values("bid", [2.2], {}, { tax: 0.2, ceiling: 2.5 }));
        ana.setValues(values("bid", [3.2], {}, { period: 1 }));
        note();
        const price = (micros) => amount(micros), said = termSentences(ana.terms.of.cpu, ana.terms.changed.cpu, "bid", price);
        return [seen, said.filter(({ isNew }) => isNew).map(({ text }) => text), new Account("ana", JSON.parse(JSON.stringify(ana.keep()))).terms.changed.cpu];
    """)

    assert found == [
        [[True, 3_200_000], [False, None], [True, 2_000_000]],
        [
            "Prices from 0.01 to 2.50 are allowed.",
            "You pay a tax of 0.20 for each unit that you buy, on top of its price.",
            "Your units have other values than in the period before.",
        ],
        ["limits", "taxes", "values"],
    ]


def test_who_has_no_role_is_told_the_taxes_of_both_sides():
    found = shown("""
        const ana = new Account("ana"), told = values("bid", []);
        ana.setValues({ ...told, roles: [], rules: { ...told.rules, markets: [{ ...market, tax_bid: 0.2 * M, tax_ask: -0.1 * M }] } });
        return termSentences(ana.terms.of.cpu, [], undefined, amount).map(({ text }) => text);
    """)

    assert found[1:] == [
        "You pay a tax of 0.20 for each unit that you buy, on top of its price.",
        "You get a subsidy of 0.10 for each unit that you sell.",
    ]


def test_an_agent_without_units_takes_no_part_and_then_does_again():
    found = shown("""
        const ana = new Account("ana"), said = () => termSentences(ana.terms.of.cpu, ana.terms.changed.cpu, "ask", amount).map(({ text }) => text).at(-1);
        ana.setValues(values("ask", [], {}, { period: 1 }));
        ana.openPeriod(1);
        ana.openTick(tick(1, 1, 1), 0);
        const away = [ana.isAbsent, ana.canTrade, said()];
        ana.openPeriod(2);
        ana.setValues(values("ask", [1]));
        return [away, ana.isAbsent, said()];
    """)

    assert found == [
        [True, False, "You do not take part in this period: you have nothing to trade, and nobody waits for you."],
        False,
        "You take part again.",
    ]  # fmt: skip


def test_a_period_s_result_is_the_money_that_it_brought_and_the_next_begins_from_there():
    found = shown("""
        const ana = buyer();
        ana.takeOutcome("cpu", trade("t1", 2.5), words);
        ana.closePeriod(1, 100);
        ana.setBalance(balance(50.7));
        ana.openPeriod(2);
        ana.openTick(tick(11, 2, 1), 200);
        ana.setBalance(balance(50.7));
        return [ana.results.map(({ period, profit, rows }) => [period, profit, rows.length]), ana.profit, ana.earned, ana.trades];
    """)

    assert found == [[[1, 700_000, 1]], 0, 700_000, []]


def test_a_page_that_is_loaded_again_goes_on_with_what_its_browser_kept():
    found = shown("""
        const before = buyer();
        before.takeOutcome("cpu", trade("t1", 2.5), words);
        const ana = buyer(JSON.parse(JSON.stringify(before.keep())));
        ana.setBalance(balance(47.5, 1));
        ana.setBook("cpu", { own: [{ order_id: "ana.x", side: "bid", price: 2000000, quantity: 2 }], bids: [], asks: [] });
        return [ana.profit, ana.unitRows("cpu")[0].price, [...ana.offers.values()].map(({ id, quantity, isSent }) => [id, quantity, isSent])];
    """)

    assert found == [700_000, 2_500_000, [["ana.x", 2, False]]]


def test_a_page_that_missed_the_end_of_a_period_finds_its_result_and_another_browser_says_it_does_not_know():
    found = shown("""
        const ana = buyer();
        ana.openTick(tick(11, 2, 1), 0);
        ana.setBalance(balance(50.7));
        const elsewhere = new Account("ana");
        elsewhere.setValues(values("bid", [3.2]));
        elsewhere.openTick(tick(12, 2, 2), 0);
        elsewhere.setBalance(balance(50.7));
        return [ana.results[0].profit, ana.profit, elsewhere.profit, elsewhere.earned];
    """)

    assert found == [700_000, 0, None, 700_000]


def test_an_offer_is_sent_then_open_then_partly_filled_then_gone():
    found = shown("""
        const ana = buyer(), states = [], note = () => states.push([...ana.offers.values()].map(({ quantity, isSent }) => [quantity, isSent]));
        ana.addSent({ id: "ana.x", resource: "cpu", side: "bid", price: 2 * M, quantity: 2 });
        note();
        ana.takeOutcome("cpu", { type: "market.bid_accepted", data: { items: [{ order_id: "ana.x", side: "bid", price: 2 * M, quantity: 2 }] } }, words);
        note();
        ana.takeOutcome("cpu", trade("t1", 2), words);
        ana.takeOutcome("cpu", trade("t1", 2), words);
        note();
        ana.takeOutcome("cpu", trade("t2", 2), words);
        note();
        return states;
    """)

    assert found == [[[2, True]], [[2, False]], [[1, False]], []]


def test_an_offer_of_which_nothing_was_heard_is_given_up_after_two_ticks():
    found = shown("""
        const ana = buyer(), none = { own: [], bids: [], asks: [] }, counts = [];
        ana.addSent({ id: "ana.x", resource: "cpu", side: "bid", price: 2 * M, quantity: 1 });
        for (const number of [1, 2, 3]) {
          ana.openTick(tick(number, 1, number), 0);
          ana.setBook("cpu", none);
          counts.push(ana.offers.size);
        }
        return counts;
    """)

    assert found == [1, 1, 0]


def test_a_trade_that_would_lose_is_known_before_it_is_sent():
    found = shown("""
        const ana = buyer(), loss = (side, price, quantity = 1) => ana.loss("cpu", side, price * M, quantity);
        const before = [loss("bid", 3), loss("bid", 3.5), loss("bid", 3, 2), loss("bid", 1, 3)];
        ana.setBalance(balance(47.5, 1));
        ana.addSent({ id: "ana.x", resource: "cpu", side: "bid", price: 2 * M, quantity: 1 });
        return [...before, loss("ask", 3), loss("ask", 3.5), loss("bid", 2), ana.loss("cpu", "bid", 2 * M, 1, true)];
    """)

    assert found == [0, 300_000, 100_000, 1_000_000, 200_000, 0, 2_000_000, 0]


def test_the_time_left_is_the_period_s_in_real_time_and_the_deadline_s_in_lock_step():
    found = shown("""
        const ana = buyer();
        ana.openTick(tick(4, 1, 4), 10_000);
        const left = ana.periodLeft(10_400);
        ana.setValues(values("bid", [3], { mode: "lock_step" }));
        const waiting = ana.deadlineLeft(12_000);
        ana.answered = 4;
        return [left, waiting, ana.deadlineLeft(12_000), ana.isAwaited];
    """)

    assert found == [6_600, 28_000, None, False]


def test_refusals_are_sentences_and_unknown_codes_are_put_into_words():
    found = shown("""
        return [words.refused("ask", "debit_account_would_go_negative"), words.refused("bid", "queue_is_full"), words.refused("bid", "constructor"),
          words.reason("remainder_of_immediate_order")];
    """)

    assert found == [
        "Your ask was refused: you have no more units to sell.",
        "Your bid was refused: the queue is full.",
        "Your bid was refused: constructor.",
        "somebody was faster: that offer was gone",
    ]


@pytest.mark.parametrize(
    ("text", "micros"),
    [("2.31", 2_310_000), (" 2,5 ", 2_500_000), (".000001", 1), ("1e3", None), ("-1", None), ("0", None), ("", None), ("1.2345678", None)],
)  # fmt: skip
def test_a_price_is_read_exactly_or_not_at_all(text, micros):
    assert shown(f"return priceOf({json.dumps(text)});") == micros


def test_amounts_have_the_decimals_of_their_grid_and_times_are_short():
    found = shown(
        "return [decimalsOf(10000), decimalsOf(1000), amount(-125000), gain(1300000), gain(-4000), timeLeft(65000), timeLeft(8200)];"
    )

    assert found == [2, 3, "\u22120.13", "+1.30", "0.00", "1:05", "9 s"]


def test_who_is_done_with_a_tick_is_so_only_when_the_orders_sent_before_are_stored():
    found = shown("""
        const seen = [], trader = new Trader(buyer(), words, { tell() {}, touch() {} });
        let store;
        trader.client = { async request(subject) {
          seen.push(subject.split(".").at(-1));
          if (subject.endsWith("place_bid")) await new Promise((stored) => (store = stored));
          return { json: () => ({}) };
        } };
        const placed = trader.place("cpu", "bid", 2 * M, 1), done = trader.pass();
        await new Promise((later) => setTimeout(later));
        const before = [...seen];
        store();
        await Promise.all([placed, done]);
        return [before, seen];
    """)

    assert found == [["place_bid"], ["place_bid", "cycle_completed"]]
