"""Whose credentials read, and when a reader gives up, without a server."""

from types import SimpleNamespace

import pytest

from econsim.adapters.clock import unix_seconds
from econsim.adapters.jetstream import gaps, run_reader
from econsim.adapters.jetstream.direct_get import Page
from econsim.cli.connect import creds_of
from econsim.config import settings
from econsim.errors import SetupError, Unavailable
from econsim.identity.trust_root import Trust

CLIENT = SimpleNamespace(is_closed=False)


@pytest.fixture
def trust(tmp_path):
    return Trust.open(tmp_path, unix_seconds)


@pytest.mark.parametrize("role", ["observer", "auditor"])
def test_readers_credentials_are_taken(trust, role):
    assert run_reader.reader(trust.creds(role)) == trust.creds(role)


@pytest.mark.parametrize("role", ["operator", "market"])
def test_anothers_credentials_are_refused_with_the_way_out(trust, role):
    with pytest.raises(SetupError, match=f"is of {role}, who reads nothing; .* observer.creds"):
        run_reader.reader(trust.creds(role))


def test_an_auditors_credentials_do_where_there_are_no_observers(trust, tmp_path):
    trust.grant("carl", "auditor", tmp_path / "carl" / "auditor.creds")

    found = creds_of(settings(creds=tmp_path / "carl", nats="nats://n1"), "observer")

    assert found == tmp_path / "carl" / "auditor.creds"


async def test_following_outlives_an_outage_and_ends_when_it_does_not_end(monkeypatch):
    asked = []

    async def page(_client, _stream, start, _pattern):
        asked.append(start)
        if len(asked) in (2, 3) or len(asked) > 4:
            message = "away"
            raise Unavailable(message)
        return Page([SimpleNamespace(sequence=start)], ahead=1)

    monkeypatch.setattr(run_reader.direct_get, "batch_get", page)
    following = run_reader.follow(CLIENT, "run1", pause_s=0)
    heard = [(await anext(following)).sequence for _ in range(2)]
    monkeypatch.setattr(run_reader, "AWAY_S", 0.05)
    with pytest.raises(Unavailable):
        await anext(following)

    assert heard == [1, 2]
    assert asked[:4] == [1, 2, 2, 2]


def pages(monkeypatch, *answers):
    """Have a stream answer with these pages, each the places of its messages and how many are left, then with none."""
    waiting = list(answers)

    async def page(_client, _stream, start, _pattern, count=0):
        if count:
            return Page([SimpleNamespace(sequence=start)], ahead=10 - start)
        places, left = waiting.pop(0) if waiting else ((), 0)
        return Page([SimpleNamespace(sequence=each) for each in places], ahead=len(places) + left, left=left)

    monkeypatch.setattr(run_reader.direct_get, "batch_get", page)
    monkeypatch.setattr(gaps, "AGAIN_S", 0)


async def places_and_gaps():
    found = []
    return [each.sequence async for each in run_reader.events(CLIENT, "run1", gaps=found)], list(
        map(str, found)
    )


async def test_what_a_lagging_replica_does_not_have_yet_is_not_missing(monkeypatch):
    pages(monkeypatch, ((1, 2), 1), ((), 0), ((), 0), ((3,), 0))

    assert await places_and_gaps() == ([1, 2, 3], [])


async def test_what_is_counted_and_not_sent_is_missing_where_the_places_are_empty(monkeypatch):
    pages(monkeypatch, ((1, 2), 3), ((5,), 0), ((), 0), ((1, 2, 5), 0))

    assert await places_and_gaps() == (
        [1, 2, 5],
        ["the records at places 3 to 4 of audit_log are missing or cannot be read"],
    )


async def test_what_is_missing_at_the_end_is_counted(monkeypatch):
    pages(monkeypatch, ((1, 2), 1), *[((), 0)] * gaps.TRIES_MAX, ((1, 2), 1))

    assert await places_and_gaps() == (
        [1, 2],
        ["1 of the last records of audit_log, from place 3 on, cannot be read"],
    )
