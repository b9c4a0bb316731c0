"""A bundle of ticks: when it is full, and what it stores."""

import json

import pytest

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.ledger.journal import GENESIS_HASH
from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.market import PriceUpdated, Quote
from econsim.services.executor.bundle import BYTES_MAX, MESSAGES_MAX, Bundle

ENVELOPE = Envelope("lab", "salt", 3, "2026-01-01T00:00:00Z")
TICKED = ENVELOPE.event(subjects.TICKED, "clock", Ticked(period=1, tick_of_period=3))


def price(value):
    data = PriceUpdated(resource="cpu", price=value, quote=Quote(last=value), volume=1)
    return ENVELOPE.event(subjects.PRICE_UPDATED, "market", data, value, resource="cpu")


@pytest.fixture
def bundle():
    return Bundle("lab")


def test_a_bundle_is_full_at_its_last_message(bundle):
    for _ in range(MESSAGES_MAX - 1):
        bundle.add_event(TICKED)
    before = bundle.is_full

    bundle.add_event(TICKED)

    assert (before, bundle.is_full) == (False, True)


def test_a_bundle_of_large_events_is_full_earlier(bundle):
    bundle.bytes = BYTES_MAX - 1

    bundle.add_event(TICKED)

    assert bundle.is_full


def test_the_newest_price_of_a_market_is_kept(bundle):
    for value in (5, 7):
        bundle.add_event(price(value))

    assert list(bundle.prices) == ["$KV.market_prices.cpu.lab"]
    assert json.loads(bundle.prices["$KV.market_prices.cpu.lab"].payload)["data"]["price"] == 7
    assert len(bundle.events) == 2


@pytest.mark.parametrize(
    ("kind", "row", "key"),
    [
        (TransferPosted, subjects.TRANSFER_POSTED, "lab.transfer.4"),
        (TransferRefused, subjects.TRANSFER_REFUSED, "lab.refusal.4"),
    ],
)
def test_an_entry_has_its_sequence_as_key(bundle, kind, row, key):
    entry = kind(sequence=4, previous_hash=GENESIS_HASH, hash=GENESIS_HASH, chains=())

    bundle.add_entry(entry.sequence, ENVELOPE.event(row, "ledger", entry))

    assert [each.key for each in bundle.entries] == [key]


def test_a_new_bundle_holds_nothing_of_the_one_before(bundle):
    bundle.add_event(price(5))

    bundle.clear()

    assert bundle == Bundle("lab")
