"""What goes into and out of the economy adds up: profits are the surplus, and repeats change nothing."""

from factories import group, role, scenario
from hypothesis import given
from hypothesis import strategies as st
from recomputed import realised_surplus

from econsim.domain.agent.population import population
from econsim.domain.clock.period import deal, endow, redeem
from econsim.domain.ledger.ledger import Ledger
from econsim.schemas.ledger import CREDITS, DEBT, TREASURY, Chain, Kind, Transfer
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


def close(ledger, period=1, agents=AGENTS):
    chains = redeem(agents, ["cpu"], period, lambda agent, asset: ledger.position(agent, asset).posted)
    post(ledger, chains)
    return chains


def profit(ledger, agent):
    return ledger.position(agent, CREDITS).posted - ledger.position(agent, DEBT).posted - 10 * CREDIT


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
    chains = close(ledger)
    before = {a.id: ledger.holdings(a.id) for a in AGENTS}

    post(ledger, endow(AGENTS) + deal(AGENTS, 1) + chains)

    assert {a.id: ledger.holdings(a.id) for a in AGENTS} == before


def test_nothing_to_move_makes_no_chain():
    agents = population(scenario(group("idle", credits=0, roles=[role("bid", values=[[1]])])))

    assert endow(agents) + deal(agents, 1) + redeem(agents, ["cpu"], 1, lambda *_: 0) == []


def owner(ledger, agent):
    """Return what an agent owns and owes, in credits."""
    return tuple(ledger.position(agent, asset).posted / CREDIT for asset in (CREDITS, DEBT))


def broke(periods):
    """Return a ledger after some periods in which seller_001 sold its two units at 0.50 each and spent all else."""
    ledger = opened()
    spend(ledger, "seller_001", 10 * CREDIT)
    for period in range(1, periods + 1):
        post(ledger, deal(AGENTS, period))
        for n in (1, 2):
            sell(ledger, 10 * period + n, "buyer_001", "seller_001", CREDIT // 2)
        close(ledger, period)
    return ledger


def spend(ledger, agent, amount):
    post(
        ledger,
        [
            Chain(
                f"spent.{agent}",
                "test",
                (Transfer(f"s.{agent}", Kind.TRANSFER, agent, "buyer_002", CREDITS, amount),),
            )
        ],
    )


def test_costs_that_cannot_be_paid_are_owed_and_the_units_go_back():
    ledger = broke(periods=1)

    assert owner(ledger, "seller_001") == (0, 2)
    assert ledger.position(TREASURY, "cpu").posted == 0


def test_a_debt_grows_while_its_holder_sells_at_a_loss():
    assert owner(broke(periods=3), "seller_001") == (0, 6)


def test_a_debt_is_repaid_first_from_whatever_its_holder_has():
    ledger = broke(periods=1)
    post(ledger, deal(AGENTS, 2))
    sell(ledger, 90, "buyer_001", "seller_001", 5 * CREDIT)

    close(ledger, period=2)

    assert owner(ledger, "seller_001") == (2, 0)


def test_units_of_an_agent_without_a_role_go_back_and_are_worth_nothing():
    ledger, agents = opened(), (*AGENTS, *population(scenario(group("ana", "external", credits=10))))
    post(ledger, endow(agents[-1:]))
    sell(ledger, 1, "ana", "seller_001", CREDIT)

    close(ledger, agents=agents)

    assert (profit(ledger, "ana"), ledger.position("ana", "cpu").posted) == (-CREDIT, 0)


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
