"""Small whole runs as the log holds them, for tests that read a run back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from factories import group, role, scenario

from econsim.domain.audit import Record, unseal
from econsim.domain.draws import rank
from econsim.memory import run
from econsim.report.summary import Summary
from econsim.report.tally import Tally


def small_scenario(policy="zip", mechanism="continuous_double_auction", **fields):
    """Return a market of Smith's schedule; two periods of six ticks unless `clock` says more."""
    markets = [{"resource": "cpu", "mechanism": mechanism}]
    buyers = group("buyer", policy, count=11, roles=[role("bid", first=3.25, last=0.75)])
    sellers = group("seller", policy, count=11, roles=[role("ask", first=0.75, last=3.25)])
    clock = {"periods": 2, "ticks_per_period": 6}
    return scenario(buyers, sellers, **{"markets": markets, "clock": clock, **fields})


@cache
def small_run(policy="zip", mechanism="continuous_double_auction", name="run_1", salt="ab", hosts=1):
    """Return the records of a run of the small scenario, in log order."""
    return records(small_scenario(policy, mechanism, hosts=hosts), name, salt)


def records(wanted, name="run_1", salt="ab") -> tuple[Record, ...]:
    """Return the records of a run of a scenario, in log order."""
    return tuple(unseal(sealed) for sealed in run(wanted, name, salt))


def only(log, subject) -> list[Record]:
    """Return the records of one subject of the table."""
    return [entry for entry in log if entry.type == subject.type]


def shuffled(log, seed) -> list[Record]:
    """Return the records in another order."""
    return sorted(log, key=lambda entry: rank(seed, entry.event_id))


def altered(entry, **data) -> Record:
    """Return a record whose data differs."""
    return replace(entry, data={**entry.data, **data})


def summed(log, **given) -> Summary:
    """Return the summary of records."""
    tally = Tally()
    for entry in log:
        tally.add(entry)
    return tally.summary(**given)
