"""Forms about events beside their definitions over the whole log, on random logs: the monitors keep little, the definitions look at all pairs.

Catches: a window or a bound that ends one too early, an event that is matched twice, a verdict for good that is taken back.
"""

from itertools import product
from math import ceil

import pytest
from expectation_builders import bid, form, tick, trade
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Ruling

BID, TRADE = {"type": "bid_accepted"}, {"type": "trade_executed"}
SAME = {"same": ["order_id = bid_id"]}
BY_AGENT = {"same": ["buyer"]}
STEPS = st.sampled_from(["tick", "bid a", "bid b", "trade a", "trade b"])
LOGS = st.lists(st.tuples(STEPS, st.integers(0, 3)), max_size=24)
"""What happens, and how many milliseconds after what happened before."""
SIZES, TIMES, UNITS = st.integers(1, 6), st.integers(0, 3), st.sampled_from(["ticks", "events", "ms"])

VACUOUS = None


class Log:
    """A log as records for the judge, and as places of its facts for the definitions."""

    def __init__(self, steps, unit):
        self.records, self.facts, now, ms = [], {"bid": [], "trade": []}, 0, 0
        for count, (step, later) in enumerate(steps, 1):
            kind, _, order = step.partition(" ")
            now, ms = now + (kind == "tick"), ms + later
            if kind == "tick":
                self.records.append(tick(now, ms=ms))
                continue
            made = bid(now, ms=ms, order_id=order)
            if kind == "trade":
                made = trade(now, ms=ms, bid_id=order, buyer=order)
            self.records.append(made)
            # Bounds from the run's start count from the first event, whose time is that of the first step.
            place = {"ticks": now, "events": count, "ms": ms - steps[0][1]}[unit]
            self.facts[kind].append((place, count, order))
        self.ticks = now
        self.bids, self.trades = self.facts["bid"], self.facts["trade"]


def follows(early, late, size):
    """Return whether one fact is of the same order as another, comes after it, and is within the bound."""
    return early[2] == late[2] and early[1] < late[1] and late[0] - early[0] <= size


def counts(places, *, apart):
    """Return how many facts there are, for each order apart or in all; one count of none if there are none."""
    names = {place[2] for place in places} if apart else {""}
    return [sum(not apart or place[2] == name for place in places) for name in names] or [0]


def sequence(log, size, _):
    return any(
        follows(one, two, size) and follows(two, three, size)
        for one, two, three in product(log.bids, log.trades, log.trades)
    )


def latency(log, size, _):
    met = [any(follows(one, two, size) for two in log.trades) for one in log.bids]
    return sum(met) >= ceil(len(met) / 2) if met else VACUOUS


def before(log, size, _):
    permitted = [any(follows(one, two, size) for one in log.bids) for two in log.trades]
    return all(permitted) if permitted else VACUOUS


def then(log, size, _):
    met = [any(follows(one, two, size) for two in log.trades) for one in log.bids]
    return all(met) if met else VACUOUS


def until(log, size, _):
    first = min((place[1] for place in log.bids), default=None)
    is_due = any(place[0] <= size and place[1] == first for place in log.bids)
    return is_due and all(place[1] > first for place in log.trades)


def sliding(log, size, times):
    """Hold if no window of the length that ends with a trade has too many of its buyer."""
    near = [
        [p for p in log.trades if p[2] == last[2] and p[1] <= last[1] and last[0] - p[0] < size]
        for last in log.trades
    ]
    return all(len(each) <= times for each in near)


def windows(log, size, is_right):
    """Hold if each whole window of ticks has a right count for each buyer in it, or of none."""
    parts = [
        [p for p in log.trades if max(p[0] - 1, 0) // size == number] for number in range(log.ticks // size)
    ]
    return all(is_right(n) for each in parts for n in counts(each, apart=True)) if parts else VACUOUS


DEFINITIONS = {
    # form: its fields, whether it has a bound or a window and under which name, and its definition
    "happens": ({"event": TRADE}, "within", lambda log, size, _: any(p[0] <= size for p in log.trades)),
    "never": ({"event": TRADE}, "within", lambda log, size, _: all(p[0] > size for p in log.trades)),
    "then": ({"trigger": BID, "event": TRADE, **SAME}, "within", then),
    "before": ({"first": BID, "event": TRADE, **SAME}, "within", before),
    "until": ({"event": TRADE, "until": BID}, "within", until),
    "latency": ({"trigger": BID, "event": TRADE, "percentile": 50, **SAME}, "at_most", latency),
    "sequence": ({"events": [BID, TRADE, TRADE], **SAME}, "max_gap", sequence),
    "exactly": (
        {"event": TRADE},
        "",
        lambda log, _, times: counts(log.trades, apart=False) == [times],
    ),
    "at_most": (
        {"event": TRADE, **BY_AGENT},
        "",
        lambda log, _, times: max(counts(log.trades, apart=True)) <= times,
    ),
    "at_least": (
        {"event": TRADE, **BY_AGENT},
        "",
        lambda log, _, times: min(counts(log.trades, apart=True)) >= times,
    ),
    "at_most per window": ({"event": TRADE, **BY_AGENT}, "per", sliding),
    "exactly per window": (
        {"event": TRADE, **BY_AGENT},
        "per",
        lambda log, size, times: windows(log, size, lambda n: n == times),
    ),
    "at_least per window": (
        {"event": TRADE, **BY_AGENT},
        "per",
        lambda log, size, times: windows(log, size, lambda n: n >= times),
    ),
}


@pytest.mark.parametrize("name", DEFINITIONS)
@given(steps=LOGS, size=SIZES, times=TIMES, unit=UNITS)
def test_a_form_is_what_its_definition_says_and_takes_nothing_back(name, steps, size, times, unit):
    fields, bound, definition = DEFINITIONS[name]
    word = name.partition(" ")[0]
    unit = "ticks" if name in ("exactly per window", "at_least per window") else unit
    times = max(times, 1) if word == "at_least" else times
    expected = form(
        form=word,
        **fields,
        **({bound: {unit: size}} if bound else {}),
        **({"times": times} if word in ("exactly", "at_most", "at_least") else {}),
    )
    log = Log(steps, unit)
    judge, running = Judge((expected,), is_trusted=True), []
    for sequence_, entry in enumerate(log.records, 1):
        judge.add(entry, sequence_)
        running.append(judge.verdicts()[0].outcome)
    final = judge.close(is_part=True)[0].outcome

    wanted = {True: Ruling.HOLDS if steps else Ruling.VACUOUS, False: Ruling.FAILS, VACUOUS: Ruling.VACUOUS}
    assert final is wanted[definition(log, size, times)]
    assert Ruling.TRUE not in running or final is Ruling.HOLDS
    assert Ruling.FALSE not in running or final is Ruling.FAILS
    decided = [each for each in running if each in (Ruling.TRUE, Ruling.FALSE)]
    assert running[len(running) - len(decided) :] == decided
    assert len(set(decided)) <= 1
