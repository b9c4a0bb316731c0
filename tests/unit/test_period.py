"""What goes into and out of the economy adds up: profits are the surplus, and repeats change nothing."""

from factories import group, role, scenario
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.ledger import Ledger
from econsim.domain.period import deal, endow, realised_surplus, redeem
from econsim.domain.population import population
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Transfer
from econsim.schemas.market import TradeExecuted
from econsim.schemas.orders import Side

AGENTS = population(
    scenario(
        group("buyer", count=2, credits=10, roles=[role("bid", values=[[3, 2], [2.5]])]),
        group("seller", count=2, credits=10, roles=[role("ask", values=[[1, 2], [1.5]])]),
    )
)
CREDIT = 1_000_000


def opened():
    ledger = Ledger()
    post(ledger, endow(AGENTS) + deal(AGENTS, 1))
    return ledger


def post(ledger, chains):
    assert not ledger.apply(chains).refused


def sell(ledger, n, buyer, seller, price):
    """Settle a trade outright and return it."""
    money = Transfer(f"t{n}.1", Kind.TRANSFER, buyer, seller, CREDITS, price)
    units = Transfer(f"t{n}.2", Kind.TRANSFER, seller, buyer, "cpu", 1)
    post(ledger, [Chain(f"t{n}", "test", (money, units))])
    return TradeExecuted(n, f"t{n}", price, 1, buyer, seller, "b", "a", Side.BID)


def close(ledger, period=1):
    post(ledger, redeem(AGENTS, period, lambda agent, asset: ledger.position(agent, asset).posted))


def profit(ledger, agent):
    return ledger.position(agent, CREDITS).posted - 10 * CREDIT


def test_sellers_are_dealt_the_units_they_have_costs_for():
    ledger = opened()

    assert [ledger.position(a.id, "cpu").posted for a in AGENTS] == [0, 0, 2, 1]


def test_a_buyers_profit_is_value_less_price():
    ledger = opened()
    sell(ledger, 1, "buyer_001", "seller_001", 1_800_000)

    close(ledger)

    assert profit(ledger, "buyer_001") == 1_200_000


def test_a_sellers_profit_is_price_less_cost():
    ledger = opened()
    sell(ledger, 1, "buyer_001", "seller_001", 1_800_000)

    close(ledger)

    assert profit(ledger, "seller_001") == 800_000


def test_units_beyond_the_last_value_are_worth_nothing():
    ledger = opened()
    sell(ledger, 1, "buyer_002", "seller_001", CREDIT)
    sell(ledger, 2, "buyer_002", "seller_002", CREDIT)

    close(ledger)

    assert profit(ledger, "buyer_002") == 500_000


def test_a_seller_that_bought_gives_its_units_back_and_pays_no_costs():
    ledger = opened()
    sell(ledger, 1, "seller_002", "seller_001", CREDIT)

    close(ledger)

    assert [profit(ledger, a) for a in ("seller_001", "seller_002")] == [0, -CREDIT]
    assert ledger.position("seller_002", "cpu").posted == 0


def test_no_units_are_left_after_a_period():
    ledger = opened()
    sell(ledger, 1, "buyer_001", "seller_001", CREDIT)

    close(ledger)

    assert [ledger.position(a.id, "cpu").posted for a in AGENTS] == [0, 0, 0, 0]
    assert ledger.position(TREASURY, "cpu").posted == 0


def test_dealing_and_redeeming_again_changes_nothing():
    ledger = opened()
    chains = redeem(AGENTS, 1, lambda agent, asset: ledger.position(agent, asset).posted)
    post(ledger, chains)
    before = {a.id: ledger.holdings(a.id) for a in AGENTS}

    post(ledger, endow(AGENTS) + deal(AGENTS, 1) + chains)

    assert {a.id: ledger.holdings(a.id) for a in AGENTS} == before


def test_nothing_to_move_makes_no_chain():
    agents = population(scenario(group("idle", credits=0, roles=[role("bid", values=[[1]])])))

    assert endow(agents) + deal(agents, 1) + redeem(agents, 1, lambda *_: 0) == []


TRADES = st.lists(
    st.tuples(st.sampled_from((0, 1)), st.sampled_from((2, 3)), st.integers(1, 300)), max_size=3
)


@given(TRADES)
def test_the_sum_of_profits_is_the_surplus_realised(wanted):
    ledger, left, trades = opened(), {2: 2, 3: 1}, []
    for n, (buyer, seller, cents) in enumerate(wanted):
        if left[seller]:
            left[seller] -= 1
            trades.append(sell(ledger, n, AGENTS[buyer].id, AGENTS[seller].id, cents * 10_000))

    close(ledger)

    profits = sum(profit(ledger, agent.id) for agent in AGENTS)
    assert profits == realised_surplus(AGENTS, [("cpu", trade) for trade in trades])
