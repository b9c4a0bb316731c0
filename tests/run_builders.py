"""Small whole runs as the log holds them, for tests that read a run back."""

from __future__ import annotations

from functools import cache

from factories import group, role, scenario

from econsim.domain.agent.random_draws import rank
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.execution.in_memory import run
from econsim.report.aggregate import RunAggregator
from econsim.report.summary import Summary


def small_scenario(policy="zip", mechanism="continuous_double_auction", **fields):
    """Return a market of Smith's schedule; two periods of six ticks unless `clock` says more."""
    markets = [{"resource": "cpu", "mechanism": mechanism}]
    buyers = group("buyer", policy, count=11, roles=[role("bid", first=3.25, last=0.75)])
    sellers = group("seller", policy, count=11, roles=[role("ask", first=0.75, last=3.25)])
    clock = {"periods": 2, "ticks_per_period": 6}
    return scenario(buyers, sellers, **{"markets": markets, "clock": clock, **fields})


def replacing_scenario():
    """Return two markets on which a script replaces orders in every way, and is refused in some.

    In the order's own tick, for more, for less, after a partial fill; and under an id that the other market took.
    """
    steps = (
        (1, "cpu", "bid", "a", 1, 5, None),
        (1, "cpu", "replace", "a", 2, 5, "b"),
        (1, "cpu", "bid", "rich", 4, 1_000, None),
        (2, "cpu", "replace", "b", 2, 3, "c"),
        (2, "gpu", "bid", "other", 1, 1, None),
        (3, "cpu", "replace", "c", 2, 9, "d"),
        (3, "gpu", "replace", "other", 1, 1, "b"),
        (4, "cpu", "cancel", "d", 0, 1, None),
        (4, "cpu", "bid", "b", 1, 1, None),
        (4, "cpu", "cancel", "gone", 0, 1, None),
    )
    names = ("tick", "resource", "verb", "order_id", "price", "quantity", "new_order_id")
    ask = dict(zip(names, (3, "cpu", "ask", "s", 2, 2, None), strict=True))
    seller = group("seller", "scripted", roles=[role("ask", values=[[0.5] * 4])], script=[ask])
    script = [dict(zip(names, step, strict=True)) for step in steps]
    buyer = group("buyer", "scripted", credits=30, script=script)
    return scenario(seller, buyer, resources=("cpu", "gpu"), clock={"ticks_per_period": 5})


@cache
def small_run(policy="zip", mechanism="continuous_double_auction", name="run_1", salt="ab", hosts=1):
    """Return the records of a run of the small scenario, in log order."""
    return records(small_scenario(policy, mechanism, hosts=hosts), name, salt)


DEAR = {"models": [{"offers": [{"provider": "rules", "input_price": 1_000, "output_price": 1_000}]}]}


def thinkers(credits_, thinking=None):
    return group(
        f"with_{str(credits_).replace('.', '_')}",
        "llm",
        count=2,
        credits=credits_,
        thinking=thinking,
        roles=[role("bid", first=1, last=1)],
    )


@cache
def thinking_run():
    """Return two periods in which one group can pay for every thought, one for none, and one does not want to."""
    groups = thinkers(100), thinkers(0.2), thinkers(9, {"credits_min": 10})
    return records(scenario(*groups, cognition=DEAR, clock={"periods": 2, "ticks_per_period": 3}))


def records(wanted, name="run_1", salt="ab") -> tuple[Record, ...]:
    """Return the records of a run of a scenario, in log order."""
    return tuple(as_record(addressed) for addressed in run(wanted, name, salt))


def canonical_log(events) -> CanonicalLog:
    """Return the canonical log of a run's events, given in any order."""
    canonical = CanonicalLog()
    for event in events:
        canonical.add(event)
    return canonical


def canonical_hash(events) -> str:
    """Return the canonical hash of a run's events, given in any order."""
    return canonical_log(events).hexdigest()


def only(log, subject) -> list[Record]:
    """Return the records of one subject of the table."""
    return [entry for entry in log if entry.type == subject.type]


def shuffled(log, seed) -> list[Record]:
    """Return the records in another order."""
    return sorted(log, key=lambda entry: rank(seed, entry.event_id))


def altered(entry, **data) -> Record:
    """Return a record whose data differs."""
    return entry.with_data({**entry.data, **data})


def summed(log, **given) -> Summary:
    """Return the summary of records."""
    tally = RunAggregator()
    for entry in log:
        tally.add(entry)
    return tally.summary(**given)
