"""Every form of events against its definition in a line or two, on small random logs, judged at every event and at the end.

Catches: a monitor that forgets too early, pairs the wrong events, or is off by one at a bound; a verdict for good that is taken back.
"""

from itertools import groupby

import pytest
from expectation_builders import bid, form, tick, trade
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Ruling

BID, TRADE, TICK = ({"type": kind} for kind in ("bid_accepted", "trade_executed", "ticked"))
MAKE = {
    "bid": lambda t, who, ms: bid(t, agent=who, ms=ms),
    "trade": lambda t, who, ms: trade(t, buyer=who, ms=ms),
}
SAME = ["agent = buyer"]
SIZES = st.integers(1, 4)
UNITS = st.sampled_from(["ticks", "ms", "events"])
FINAL = {True: Ruling.HOLDS, False: Ruling.FAILS, None: Ruling.VACUOUS}
FOR_GOOD = {Ruling.TRUE: Ruling.HOLDS, Ruling.FALSE: Ruling.FAILS}


class Log:
    """A log and the definitions of forms on it: `true`, `false`, or none if nothing put it to the test."""

    def __init__(self, steps, unit, size, is_apart) -> None:
        self.unit, self.size, self.is_apart = unit, size, is_apart
        self.events, now, ms = [], 0, 0
        for kind, who, later in steps:
            now, ms = now + (kind == "tick"), ms + later
            self.events.append(
                (kind, who if is_apart else "", {"ticks": now, "ms": ms, "events": len(self.events) + 1})
            )
        self.ticks = now

    def records(self):
        for kind, who, at in self.events:
            yield tick(at["ticks"], ms=at["ms"]) if kind == "tick" else MAKE[kind](at["ticks"], who, at["ms"])

    def of(self, kind):
        return [
            (place, who, at[self.unit]) for place, (each, who, at) in enumerate(self.events) if each == kind
        ]

    def is_near(self, earlier, later):
        return earlier[0] < later[0] and earlier[1] == later[1] and later[2] - earlier[2] <= self.size

    def soon(self, kind):
        start = self.events[0][2]["ms"] if self.unit == "ms" and self.events else 0
        return [each for each in self.of(kind) if each[2] - start <= self.size]

    def happens(self):
        return bool(self.soon("trade"))

    def never(self):
        return not self.soon("trade") if self.events else None

    def until(self):
        soon, bids = self.soon("trade"), self.of("bid")
        return bool(soon) and not any(each < soon[0] for each in bids)

    def then(self):
        bids = self.of("bid")
        return all(any(self.is_near(a, b) for b in self.of("trade")) for a in bids) if bids else None

    def before(self):
        trades = self.of("trade")
        return all(any(self.is_near(a, b) for a in self.of("bid")) for b in trades) if trades else None

    def sequence(self):
        return any(
            self.is_near(a, b) and self.is_near(b, c)
            for a in self.of("bid")
            for b in self.of("trade")
            for c in self.of("trade")
        )

    def at_most(self):
        bids = self.of("bid")
        return (
            all(sum(a[1] == b[1] and 0 <= b[2] - a[2] < self.size for b in bids) <= 2 for a in bids)
            if self.events
            else None
        )

    def latency(self):
        bids, trades = self.of("bid"), self.of("trade")
        return sum(any(self.is_near(a, b) for b in trades) for a in bids) * 2 >= len(bids) if bids else None

    def counted(self, name):
        groups = groupby(sorted(who for _, who, _ in self.of("bid")))
        numbers = [len([*each]) for _, each in groups] or [0]
        return all({"exactly": n == 2, "at_least": n >= 2}[name] for n in numbers)


def expectation(name, log):
    bound, same = {log.unit: log.size}, SAME if log.is_apart else []
    by_agent = ["agent"] if log.is_apart else []
    return {
        "happens": lambda: form(form="happens", event=TRADE, within=bound),
        "never": lambda: form(form="never", event=TRADE, within=bound),
        "until": lambda: form(form="until", event=BID, until=TRADE, within=bound),
        "then": lambda: form(form="then", trigger=BID, event=TRADE, within=bound, same=same),
        "before": lambda: form(form="before", first=BID, event=TRADE, within=bound, same=same),
        "sequence": lambda: form(form="sequence", events=[BID, TRADE, TRADE], max_gap=bound, same=same),
        "at_most": lambda: form(form="at_most", event=BID, times=2, per=bound, same=by_agent),
        "latency": lambda: form(
            form="latency", trigger=BID, event=TRADE, at_most=bound, same=same or ["n"], percentile=50
        ),
        "exactly": lambda: form(form="exactly", event=BID, times=2, same=by_agent),
        "at_least": lambda: form(form="at_least", event=BID, times=2, same=by_agent),
    }[name]()


STEPS = st.lists(
    st.tuples(st.sampled_from(["tick", "bid", "trade"]), st.sampled_from(["ann", "bob"]), st.integers(0, 3)),
    max_size=9,
)
LOGS = st.builds(Log, STEPS, UNITS, SIZES, st.booleans())


@pytest.mark.parametrize(
    "name",
    ["happens", "never", "until", "then", "before", "sequence", "at_most", "latency", "exactly", "at_least"],
)
@given(log=LOGS)
def test_a_form_is_judged_as_it_is_defined(name, log) -> None:
    judge, so_far = Judge((expectation(name, log),), is_trusted=True), []
    for sequence, entry in enumerate(log.records(), 1):
        judge.add(entry, sequence)
        so_far.append(judge.verdicts()[0].outcome)
    final = judge.close(is_part=True)[0].outcome

    defined = log.counted(name) if name in ("exactly", "at_least") else getattr(log, name)()
    assert final == FINAL[defined]
    assert {FOR_GOOD[each] for each in so_far if each in FOR_GOOD} <= {final}
