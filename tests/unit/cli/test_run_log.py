"""Records of a run as readers get them: damage is named, and the other records are read."""

from __future__ import annotations

import json

import pytest
from run_builders import small_scenario

from econsim import subjects
from econsim.adapters.jetstream import run_reader
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.cli.run_list import list_runs
from econsim.cli.run_log import RunLog
from econsim.cli.run_names import await_opening
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.domain.execution.in_memory import run
from econsim.errors import CorruptLog, NotFound

RUN = "run_1"
COMMANDED = {
    "event_id": "c1",
    "type": "system.commanded",
    "occurred_at": "1970-01-01T00:00:00.000000000Z",
    "tick": 0,
    "actor": "admin",
    "correlation_id": RUN,
    "data": {"operator": "ann", "command": "quota.set", "code": "done", "summary": ""},
}


def sent(sequence, subject, payload, stored_at="2026-01-01T00:00:00Z"):
    return StoredMessage(sequence, subject, payload, stored_at, {DIGEST: digest(subject, payload)})


@pytest.fixture
def log():
    """Return the records of a whole run."""
    wanted = run(small_scenario(), RUN, "ab")
    return [sent(place, each.subject, each.json()) for place, each in enumerate(wanted, 1)]


@pytest.fixture
def read(monkeypatch):
    """Return what reads records as if they were the whole log."""

    async def records(stored, gaps=()):
        async def pages(_client, _run, gaps):
            gaps.extend(found)
            yield stored

        async def head(_client, _run):
            return 0

        async def newest(_client, pattern):
            wanted = pattern.split(".")
            fitting = (
                each
                for each in stored
                if all(w in ("*", t) for w, t in zip(wanted, each.subject.split("."), strict=True))
            )
            return next(fitting, None)

        found = gaps
        monkeypatch.setattr(run_reader, "pages", pages)
        monkeypatch.setattr(run_reader, "journal_head", head)
        monkeypatch.setattr(run_reader, "newest", newest)
        run_log = RunLog(None, RUN)
        return run_log, [entry async for entry in run_log.so_far()]

    return records


async def test_a_whole_log_has_no_damage(log, read):
    run_log, entries = await read(log)

    run_log.check()
    assert len(entries) == len(log)


@pytest.mark.parametrize("payload", [b"{", b'{"event_id":"x"}', b"\xff"])
async def test_a_record_that_is_no_event_is_named_and_the_others_are_read(log, read, payload):
    log[6] = log[6]._replace(payload=payload, headers={})

    run_log, entries = await read(log)

    assert len(entries) == len(log) - 1
    with pytest.raises(CorruptLog, match=f"place 7 of audit_log cannot be read.*{log[6].subject}"):
        run_log.check()


async def test_a_record_that_is_not_what_was_sent_is_named(log, read):
    log[6] = log[6]._replace(payload=log[6].payload.replace(b"1970", b"1971"))

    run_log, _ = await read(log)

    with pytest.raises(CorruptLog, match=r"place 7 .* is not what was sent"):
        run_log.check()


async def test_a_gap_is_named(log, read):
    run_log, _ = await read(log, gaps=["the record at place 9 of audit_log is missing"])

    with pytest.raises(CorruptLog, match="place 9"):
        run_log.check()


async def test_a_run_whose_opening_is_gone_is_not_read_as_whole(log, read, monkeypatch):
    async def oldest(_client):
        return log[1]

    monkeypatch.setattr(run_reader, "oldest", oldest)
    run_log, _ = await read(log[1:])

    with pytest.raises(CorruptLog, match=r"opening of the run is gone.*30 days, begins at 2026-01-01"):
        run_log.check()


async def test_a_run_with_events_about_operators_and_agents_alone_was_not_opened_yet(read):
    before = (subjects.COMMANDED, subjects.CONNECTION_CHANGED, subjects.ADMISSION_REJECTED)
    body = json.dumps(COMMANDED).encode()

    run_log, entries = await read([sent(n, row(run=RUN), body) for n, row in enumerate(before, 1)])

    assert entries
    with pytest.raises(NotFound, match="was not opened yet"):
        run_log.check()


async def test_who_follows_a_run_that_is_not_there_yet_waits_for_its_opening(log, read, monkeypatch, capsys):
    await read(stored := [])

    async def openings(_client, _gaps):
        stored.append(log[0])
        return []

    monkeypatch.setattr(run_reader, "openings", openings)

    assert await await_opening(None, RUN) == RUN
    assert capsys.readouterr().err.startswith(f"there is no run {RUN!r} in the log; ")


async def test_an_event_without_a_tick_gets_the_tick_that_was_open(log, read):
    subject = subjects.COMMANDED(run=RUN)
    cleared = [place for place, each in enumerate(log) if "tick_cleared" in each.subject]
    log.insert(cleared[2] + 1, sent(500, subject, json.dumps(COMMANDED).encode()))

    _, entries = await read(log)

    assert [entry.tick for entry in entries if entry.subject == subject] == [3]


async def test_an_expired_run_is_listed_as_partly_gone_or_gone(log, monkeypatch):
    left = {"partly": log[-1], "wholly": log[-1]}

    async def openings(_client, _gaps):
        return []

    async def remains(_client):
        return left

    async def newest(_client, subject):
        return log[-1] if "partly" in subject else None

    monkeypatch.setattr(run_reader, "openings", openings)
    monkeypatch.setattr(run_reader, "remains", remains)
    monkeypatch.setattr(run_reader, "newest", newest)
    left = {name: each._replace(stored_at="2020-01-01T00:00:00Z") for name, each in left.items()}

    found = await list_runs(None)

    assert [(seen.name, seen.partly) for seen in found.seen] == [("partly", True)]
    assert (found.gone, found.damage) == (["wholly"], [])
