"""The keys of a ledger in the bucket: what is written under a key is read back as that kind."""

import pytest
from ledger_builders import endow, pay
from pydantic import ValidationError

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.ledger import bucket
from econsim.domain.ledger.bucket import LedgerKey
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger


@pytest.fixture
def entries():
    """A posted and a refused journal entry."""
    return Journal().append(Ledger().apply([endow("ann", 7), pay("p", "ann", "bob", 8)]))


def test_an_entry_key_is_of_its_kind():
    assert bucket.entry_key("run", "c-1", posted=True) == "run.transfer.c-1"
    assert bucket.entry_key("run", "c-1", posted=False) == "run.refusal.c-1"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("run.transfer.balance", (LedgerKey.ENTRY, "")),
        ("run.refusal.c", (LedgerKey.ENTRY, "")),
        (bucket.balance_key("run", "ann"), (LedgerKey.BALANCE, "ann")),
        (bucket.balance_key("run", "ledger"), (LedgerKey.BALANCE, "ledger")),
        (bucket.holdings_key("run", "ann"), (LedgerKey.HOLDINGS, "ann")),
        (bucket.barrier_key("run"), (LedgerKey.BARRIER, "")),
        ("run.ann.profile", (LedgerKey.FOREIGN, "")),
        ("run.ann.cognition.memory", (LedgerKey.FOREIGN, "")),
    ],
)
def test_a_key_is_parsed_to_its_kind_and_holder(key, found):
    assert bucket.parse_key(key) == found


def test_a_key_of_another_form_is_refused():
    with pytest.raises(ValueError, match="not enough values"):
        bucket.parse_key("run.transfer")


def test_an_entry_is_parsed_by_its_key(entries):
    rows = (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED)
    envelope = Envelope("run", "salt", 1, "2026-01-01T00:00:00.000000000Z")

    for row, entry, posted in zip(rows, entries, (True, False), strict=True):
        event = envelope.event(row, "ledger", entry)
        assert bucket.parse_entry(bucket.entry_key("run", "c", posted=posted), event.json()).data == entry


def test_an_entry_under_a_key_of_the_other_kind_is_refused(entries):
    envelope = Envelope("run", "salt", 1, "2026-01-01T00:00:00.000000000Z")
    event = envelope.event(subjects.TRANSFER_POSTED, "ledger", entries[0])

    with pytest.raises(ValidationError):
        bucket.parse_entry("run.refusal.c", event.json())
