"""A run over NATS from outside: what is retried, what is reported, and when reading ends, on stored records and a fake client.

Cannot catch: what a real clock service answers, and the order in which a server copies the ledger's entries.
"""

from __future__ import annotations

import pytest

from econsim.domain.audit.envelope import DIGEST, digest
from econsim.domain.execution import in_memory
from econsim.errors import Conflict, CorruptLog, NotFound, Unavailable
from econsim.runs import remote, scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.schemas.admin import SetQuota
from econsim.schemas.ledger import TransferPosted
from econsim.schemas.quota import Quotas, QuotaUpdate

GENESIS = apply_overrides(scenario_file.load("smith1962"), periods=1)
LOG = tuple(in_memory.run(GENESIS, "demo"))


class Stored:
    """A record of the log, as a reader gets it."""

    def __init__(self, addressed, sequence=1, *, changed=False):
        self.subject, self.payload, self.sequence, self.changed = (
            addressed.subject,
            addressed.json(),
            sequence,
            changed,
        )
        self.headers = {DIGEST: digest(self.subject, self.payload)}


def foreign(payload):
    """Return a record that no service wrote, which has no digest."""
    found = Stored(LOG[1])
    found.payload, found.headers = payload, {}
    return found


@pytest.fixture
def log(monkeypatch):
    """Serve these records as a run's log."""
    records = []

    async def follow(client, run):
        for sequence, addressed in enumerate(records, 1):
            yield addressed if isinstance(addressed, Stored) else Stored(addressed, sequence)

    async def newest(client, subject):
        found = [each for each in records if each.subject == subject]
        return Stored(found[-1]) if found else None

    monkeypatch.setattr(remote, "follow", follow)
    monkeypatch.setattr(remote, "newest", newest)
    return records


@pytest.fixture
def answers(monkeypatch):
    """Answer requests with these values, in order; an exception is raised, the last answer repeats."""
    values = []

    async def ask(client, subject, request, reply, *timeout):
        answer = values.pop(0) if len(values) > 1 else values[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(remote, "ask", ask)
    return values


async def read():
    return [event async for event in remote.run_events(None, "demo")]


async def records():
    return [entry async for entry in remote.run_records(None, "demo")]


async def test_a_run_is_read_until_it_is_closed_and_its_journal_is_complete(log):
    log += [*LOG, LOG[0]]

    assert len(await read()) == len(LOG)


async def test_records_are_those_of_the_events_and_end_with_them(log):
    log += [*LOG, LOG[0]]

    assert [each.event_id for each in await records()] == [each.event.event_id for each in await read()]


async def test_a_record_that_no_service_wrote_is_read_if_it_is_an_event(log):
    log += [
        LOG[0],
        foreign(b"{}"),
        foreign(LOG[1].json().replace(b'"tick":0', b'"tick":"x"')),
        foreign(LOG[1].json()),
        *LOG[2:],
    ]

    assert [each.event_id for each in await records()] == [each.event.event_id for each in LOG]


async def test_entries_of_the_ledger_after_the_closing_are_read_too(log):
    closing, entry = LOG[-1], [each for each in LOG if isinstance(each.event.data, TransferPosted)][-1]
    log += [*(each for each in LOG if each not in (closing, entry)), closing, entry, LOG[0]]

    assert (await read())[-1].event == entry.event


async def test_a_record_that_was_changed_ends_the_reading(log):
    log += [LOG[0], Stored(LOG[1], 2, changed=True)]

    for reading in (read, records):
        with pytest.raises(CorruptLog, match="place 2"):
            await reading()


async def test_the_scenario_of_an_open_run_is_in_its_opening(log):
    log += LOG[:1]

    assert (await remote.opening_of(None, "demo")).scenario == GENESIS


async def test_a_run_that_is_not_there_or_has_ended_has_no_scenario_to_resume(log):
    with pytest.raises(NotFound, match="there is no run 'demo'"):
        await remote.opening_of(None, "demo")

    log += LOG
    with pytest.raises(Conflict, match="has ended"):
        await remote.opening_of(None, "demo")


async def test_opening_is_retried_until_a_clock_service_answers(log, answers):
    answers += [NotFound("no service"), Unavailable("not now"), "opened"]

    assert await remote.open_run(None, "demo", GENESIS) == "opened"


async def test_an_opening_that_nobody_acknowledged_is_found_in_the_log(log, answers):
    answers.append(Unavailable("no answer"))
    log += LOG[:1]

    found = await remote.open_run(None, "demo", GENESIS, log_reader="reader")

    assert found.data.scenario == GENESIS


async def test_a_quota_waits_for_the_admin_service_to_know_the_run(answers):
    answers += [NotFound("not yet", code="run_is_not_open"), Quotas()]

    await remote.set_quota(None, "ada", SetQuota(run="demo", update=QuotaUpdate(deadline_ms=5)))

    assert answers == [Quotas()]


async def test_a_quota_that_is_refused_is_not_retried(answers):
    answers += [Conflict("no", code="run_is_closed"), Quotas()]

    with pytest.raises(Conflict):
        await remote.set_quota(None, "ada", SetQuota(run="demo", update=QuotaUpdate(deadline_ms=5)))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("stopped", "run demo is stopped; `econsim resume demo` goes on with it"),
        (Unavailable("no answer"), "run demo was not stopped, it stays as it is: no answer"),
    ],
)
async def test_the_result_of_stopping_is_reported(answers, answer, sentence):
    answers.append(answer)
    reported = []

    await remote.stop_run(None, "demo", "ada", reported.append)

    assert reported == [sentence]


async def test_closing_a_run_that_has_ended_is_no_error(answers):
    answers.append(Conflict("it has ended", code="run_is_closed"))

    await remote.close_run(None, "demo")
