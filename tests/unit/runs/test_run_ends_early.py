"""A run that cannot go on ends at once with the reason. Catches: endowments that fail in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import group, role, scenario
from run_builders import only, records, small_run, summed

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import facts
from econsim.domain.clock.period import endow, require_applied
from econsim.domain.execution import coded_run
from econsim.domain.ledger import ledger
from econsim.errors import RunFailed
from econsim.report.html import render
from econsim.schemas.ledger import Refusal


@pytest.fixture
def too_rich(monkeypatch):
    """Return a scenario that deals more credits than the ledger counts, which counts to 10 credits here."""
    for limited in (ledger, coded_run):
        monkeypatch.setattr(limited, "AMOUNT_MAX", 10_000_000)
    return scenario(group("rich", "truthful", count=3, credits=4, roles=[role("bid", values=[[1]])]))


def test_a_refused_endowment_ends_the_run_with_holder_asset_and_reason(too_rich):
    log = records(too_rich)

    (closed,) = only(log, subjects.RUN_CLOSED)
    assert not only(log, subjects.TICKED)
    assert closed.data["failure"] == (
        "the ledger refused 4 credits from treasury to rich_003: amount_exceeds_limit (chain endow.rich_003)"
    )


def test_reports_and_lists_of_events_say_why_a_run_ended_early(too_rich):
    log = records(too_rich)

    summary = summed(log)
    assert summary.closed
    assert "rich_003: amount_exceeds_limit" in summary.failure
    assert summary.failure in render(summary)
    assert summary.failure in describe(next(iter(facts(log[-1]))))


def test_what_the_ledger_refused_is_counted(too_rich):
    chains = endow(population(too_rich))

    with pytest.raises(RunFailed, match="and 2 chains more"):
        require_applied(chains, dict.fromkeys((chain.id for chain in chains), Refusal.AMOUNT_EXCEEDS_LIMIT))


def test_a_repeated_dead_letter_counts_once_and_is_shown_in_the_report():
    log = small_run()
    buried = {"sequence": 7, "subject": "market.cpu.place_orders.run_1.host_1", "code": "message_is_invalid"}
    told = replace(log[-1], type=subjects.LETTER_BURIED.type, content=buried)

    summary = summed((*log, told, told))

    assert summary.dead_letters == 1
    assert "1 message of this run could not be processed" in render(summary)
    assert not summed(log).warnings
