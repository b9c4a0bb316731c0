"""The leader of a ledger: it refuses to decide anew what the store lost. The lease and the store are other tests'."""

from dataclasses import dataclass, field

import nats.errors
import pytest
from factories import active, group, role, scenario
from ledger_builders import endow, pay, submit

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.errors import CorruptJournal, InvalidMessage, Unavailable
from econsim.schemas.ledger import TransferPosted
from econsim.services.ledger import leader
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import FakeKeyTable, FakeStateStore, FakeWallClock

ENVELOPE = Envelope("run", "salt", 1, "2026-01-01T00:00:00.000000000Z")


@dataclass
class Reply:
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class LogClient:
    """A client that answers for the newest event of each subject, and for no other request."""

    def __init__(self, *events):
        self._events = {event.subject: event.json() for event in events}

    async def request(self, subject, **_):
        for name, payload in self._events.items():
            if subject.endswith(name):
                return Reply(payload, {"Nats-Sequence": "1"})
        return Reply(headers={"Status": "404"})


class SilentClient:
    async def request(self, *_, **__):
        raise nats.errors.TimeoutError


def logged(*chains):
    """Return the newest posted and refused entries that these chains make, as events of the log."""
    entries = Journal().append(Ledger().apply(chains))
    rows = {True: subjects.TRANSFER_POSTED, False: subjects.TRANSFER_REFUSED}
    return [
        ENVELOPE.event(rows[isinstance(entry, TransferPosted)], "ledger", entry, "c") for entry in entries
    ]


def run_of(**clock):
    return active(scenario(group("ann", roles=[role("bid", first=2, last=1)]), clock=clock))


@pytest.fixture
async def writer():
    writer = LedgerWriter("run", "salt", FakeStateStore(), FakeWallClock(), FakeKeyTable(), retry_wait_s=0)
    await writer.submit(submit("open", endow("ann", 7)))
    return writer


async def test_an_empty_log_has_no_entry():
    assert await leader.newest_logged_entry(LogClient(), "run") == 0


async def test_the_newest_entry_is_the_later_one_of_posted_and_refused():
    client = LogClient(*logged(endow("ann", 7), pay("p", "ann", "bob", 8)))

    assert await leader.newest_logged_entry(client, "run") == 2


async def test_a_posted_entry_alone_is_found():
    client = LogClient(*logged(endow("ann", 7)))

    assert await leader.newest_logged_entry(client, "run") == 1


async def test_a_log_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable):
        await leader.newest_logged_entry(SilentClient(), "run")


@pytest.mark.parametrize("logged_entry", [0, 4, 5])
def test_a_journal_may_be_ahead_of_the_log(logged_entry):
    leader.check_journal_reaches("run", 5, logged_entry)


def test_a_journal_one_entry_behind_the_log_is_corrupt():
    with pytest.raises(CorruptJournal):
        leader.check_journal_reaches("run", 5, 6)


def test_a_journal_behind_the_log_is_corrupt_from_the_entry_after_its_end():
    with pytest.raises(CorruptJournal, match=r"ends at entry 5, and the log has entry 7") as caught:
        leader.check_journal_reaches("run", 5, 7)

    assert caught.value.details == {"sequence": "6"}


async def test_a_submission_of_no_barrier_is_applied(writer):
    answer = await leader.submit(run_of(), writer, "market", submit("c", pay("p", "ann", "bob", 7)))

    assert answer.refused == {}


async def test_a_barrier_of_all_markets_is_applied_when_all_are_there(writer):
    command = submit("c", pay("p", "ann", "bob", 7), barrier=1, book="cpu")

    assert (await leader.submit(run_of(), writer, "market", command)).refused == {}


async def test_a_barrier_of_another_number_of_books_is_refused(writer):
    with pytest.raises(InvalidMessage, match="barrier is 0 or 1"):
        await leader.submit(run_of(), writer, "market", submit("c", barrier=2, book="cpu"))


async def test_books_do_not_wait_for_each_other_in_real_time(writer):
    with pytest.raises(InvalidMessage, match="barrier is 0 or 0"):
        await leader.submit(run_of(mode="real_time"), writer, "market", submit("c", barrier=1, book="cpu"))
