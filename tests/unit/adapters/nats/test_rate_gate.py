"""The rate gate: too much of one agent is dropped before it costs a handler."""

from econsim.adapters.nats.rate_gate import PASSED_MIN, RateGate

ASK = b"market.account.get_balance.run.mallory"
CROSSED = b"_R_.abc.def"


def gate(told, allowed=100, most=1_000, now=lambda: 7.0):
    return RateGate(lambda _: allowed, lambda sender, count: told.append((sender.agent, count)), most, now)


def passed(gate, times, subject=ASK, reply=CROSSED):
    return sum(gate.passes(subject, reply) for _ in range(times))


def test_what_an_agent_sends_far_above_its_rate_is_dropped_and_told_once():
    told = []

    assert passed(gate(told), 5_000) == PASSED_MIN
    assert told == [("mallory", 1_000)]


def test_a_higher_rate_lets_more_pass():
    assert passed(gate([], allowed=1_000, most=10_000), 5_000) == 3_000


def test_the_next_second_begins_anew():
    at = iter([7.0] * 400 + [8.0] * 400)

    assert passed(gate([], now=lambda: next(at)), 800) == 2 * PASSED_MIN


def test_one_agents_flood_leaves_the_others_their_room():
    flooded = gate([])
    passed(flooded, 5_000)

    assert passed(flooded, 10, b"market.account.get_balance.run.anna") == 10


def test_a_request_that_asks_for_no_answer_is_dropped_a_report_is_not():
    assert passed(gate([]), 10, reply=b"") == 0
    assert passed(gate([]), 10, b"agent.mallory.noted.run.mallory", b"") == 10


def test_trusted_callers_and_events_are_not_counted():
    assert passed(gate([]), 5_000, reply=b"_INBOX.market.x") == 5_000
    assert passed(gate([]), 5_000, b"system.clock.ticked.run", b"") == 5_000


def test_deliveries_to_agents_are_not_counted():
    assert passed(gate([]), 5_000, b"system.search.tool_replied.run.mallory", b"") == 5_000
