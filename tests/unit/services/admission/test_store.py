"""The store of admitted messages: deduplication, and conflicts of command ids with this and with other workers."""

import json
from types import SimpleNamespace

import pytest
from factories import active, group, scenario
from fake_nats import FakeNats

from econsim import subjects
from econsim.domain.admission.command_ids import CommandIds
from econsim.domain.admission.orders import parse_order
from econsim.errors import Conflict, Unavailable
from econsim.schemas.subject import Parsed
from econsim.services.admission.store import AdmissionStore
from econsim.services.context import ServiceContext
from econsim.testing import FakeWallClock

RUN = active(scenario(group("anna", "external")))
WHERE = Parsed("agent", "cpu", "place_bid", "run", "anna")
BID = {"command_id": "c", "order_id": "o", "price": 1_000_000, "quantity": 2}
OTHER = BID | {"price": 2_000_000}


@pytest.fixture
def client():
    return FakeNats()


@pytest.fixture
def store(client):
    return another_store(client)


def another_store(client):
    """Return the store of another worker on the same server."""
    broker = SimpleNamespace(connection=client)
    return AdmissionStore(ServiceContext("admission", broker, FakeWallClock()), CommandIds())


async def place(store, body):
    """Send a bid and wait until it is stored; return the receipt."""
    payload = json.dumps(body).encode()
    return await store.confirm(await store.send_order(WHERE, parse_order(WHERE, payload, RUN), payload))


async def test_a_repeat_is_stored_once_with_the_receipt_of_the_first(store, client):
    first, again = await place(store, BID), await place(store, BID)

    assert (first.seq, first.duplicate, again.seq, again.duplicate) == (first.seq, False, first.seq, True)
    assert len(client.stored(subjects.ORDERS)) == 1


async def test_a_command_id_with_another_content_is_a_conflict(store):
    await place(store, BID)

    with pytest.raises(Conflict) as refused:
        await place(store, OTHER)

    assert refused.value.error_code == "command_id_exists_with_different_fields"


async def test_a_repeat_through_another_worker_is_a_duplicate(store, client):
    await place(store, BID)

    receipt = await place(another_store(client), dict(reversed(BID.items())))

    assert receipt.duplicate


async def test_a_conflict_with_another_workers_command_is_found_in_the_queue(store, client):
    await place(store, BID)
    other = another_store(client)

    with pytest.raises(Conflict):
        await place(other, OTHER)

    assert (await place(other, BID)).duplicate


async def test_a_duplicate_that_left_the_queue_is_not_compared(store, client):
    await place(store, BID)
    client.streams[subjects.ORDERS].messages.clear()

    assert (await place(another_store(client), OTHER)).duplicate


async def test_without_a_connection_nothing_is_sent(store, client):
    client.is_connected = False

    with pytest.raises(Unavailable) as unknown:
        await place(store, BID)

    assert unknown.value.error_code == "outcome_is_unknown"
    assert not client.stored(subjects.ORDERS)
