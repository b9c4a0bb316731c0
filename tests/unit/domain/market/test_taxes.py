"""Taxes and subsidies: reserved, paid with each trade, refused where nobody could pay them, and accounted for to the last unit."""

from collections import Counter

import pytest
from economies import changing
from factories import ask, bid, codes, group, replace_order, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.in_memory import NOW, run
from econsim.domain.execution.in_memory_run import InMemoryRun
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.domain.verification.log import LogChecks
from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import CREDITS, TransferPosted, TransferRefused
from econsim.schemas.market import Traded
from econsim.schemas.scenario import Market

ENVELOPE = Envelope("run_1", "ab", 0, NOW)


def book(tax, side):
    return MarketBook(Market(resource="cpu", tax=tax, tax_side=side, tax_account="state"), 1)


def batch(market, *actions):
    """Return the reservations and the outcome of a batch in which the ledger refuses nothing."""
    pending = market.reserve(1, actions, shuffle=False)
    return pending, market.clear(pending, {}, BatchEnd(1))


def moves(chain):
    return [(leg.id, leg.debit, leg.credit, leg.asset, leg.amount) for leg in chain.transfers]


@pytest.mark.parametrize(
    ("tax", "side", "reserved", "levy"),
    [
        ("0.25", "bid", 2_500_000, ("a.1.5", "anna", "fiscal_state", CREDITS, 500_000)),
        ("0.25", "ask", 2_000_000, ("a.1.5", "bert", "fiscal_state", CREDITS, 500_000)),
        ("-0.25", "bid", 2_000_000, ("a.1.5", "fiscal_state", "anna", CREDITS, 500_000)),
        ("-0.25", "ask", 2_000_000, ("a.1.5", "fiscal_state", "bert", CREDITS, 500_000)),
    ],
)
def test_a_trade_moves_its_tax_and_a_taxed_bid_reserves_it(tax, side, reserved, levy):
    pending, cleared = batch(book(tax, side), bid("anna", "b", 1_000_000, 2), ask("bert", "a", 1_000_000, 2))

    assert pending.chains[0].transfers[0].amount == reserved
    assert moves(cleared.chains[0])[-1] == levy


def test_the_rest_of_a_partly_filled_bid_keeps_its_tax_reserved():
    _, cleared = batch(book("0.25", "bid"), bid("anna", "b", 1_000_000, 3), ask("bert", "a", 1_000_000, 1))

    assert moves(cleared.chains[0])[-1] == ("b.r1", "anna", "clearing_cpu", CREDITS, 2_500_000)


def test_an_ask_below_its_tax_is_refused_and_so_is_its_replacement():
    market = book("0.25", "ask")

    _, first = batch(
        market, ask("bert", "low", 240_000), ask("bert", "fair", 250_000), bid("anna", "b", 10_000)
    )
    _, then = batch(market, replace_order("bert", "fair", "new", 100_000))

    assert codes(first.items) == [("low", "price_does_not_cover_the_tax")]
    assert codes(then.items) == [("new", "price_does_not_cover_the_tax")]


def test_taxes_of_a_run_are_units_times_tax_and_nothing_is_lost():
    wanted = changing()
    driver, conditions = InMemoryRun(wanted, ENVELOPE), Conditions(wanted)
    due, period, checks, journal = Counter(), 1, LogChecks(), []
    for place, addressed in enumerate(driver.events(), 1):
        checks.add(place, addressed)
        match addressed.event.data:
            case Ticked() as ticked:
                period = ticked.period
            case Traded(items=items):
                market = conditions.market("cpu", period)
                due[market.tax_account] += market.tax * sum(trade.quantity for trade in items)
            case TransferPosted() | TransferRefused():
                journal.append(addressed.event)

    assert due["state"] > 0
    assert driver.ledger.position("fiscal_state", CREDITS).posted == due["state"]
    assert verify_journal(journal).findings == ()
    assert checks.report(journal).findings == ()


@settings(max_examples=25)
@given(st.integers(-80, 80).filter(bool), st.sampled_from(["bid", "ask"]), st.integers(0, 5))
def test_no_scripted_policy_trades_at_a_loss_after_tax(cents, side, seed):
    groups = [
        group(f"{policy}_{verb}", policy, count=2, roles=[role(verb, first=2.5, last=0.5, units=2)])
        for policy in ("zi_c", "zip", "truthful")
        for verb in ("bid", "ask")
    ]
    market = {"resource": "cpu", "tax": cents / 100, "tax_side": side}
    wanted = scenario(*groups, markets=[market], clock={"ticks_per_period": 12}, seed=seed)
    roles = {agent.id: agent.roles[0] for agent in Conditions(wanted).agents(1)}
    traded = Counter()
    for addressed in run(wanted):
        for trade in addressed.event.data.items if isinstance(addressed.event.data, Traded) else ():
            for agent, sign in ((trade.buyer, 1), (trade.seller, -1)):
                worth = roles[agent].net_values[traded[agent]]
                traded[agent] += 1
                assert sign * (worth - trade.price) >= 0
