"""Services that are stopped and started in the middle of a run, and begin with snapshots: the run is the same as without.

Each restart is in an order of its own, so that no two services begin together. Kills of processes are in tests/e2e.
"""

import pytest
from nats_runs import hash_in_memory, played
from run_builders import canonical_hash, small_scenario
from snapshot_times import write_snapshots_always

from econsim.adapters.jetstream import audit_log
from econsim.domain.ledger.verify import verify_journal
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.services.agent import host
from econsim.services.ledger import recovery
from econsim.services.market import batch

pytestmark = pytest.mark.nats

LONG = small_scenario(clock={"periods": 4, "ticks_per_period": 15})
"""A run that goes on when the last service starts again, also where the events are read late."""

RESTARTS = {
    ("market.tick_cleared", 4): "ledger",
    ("system.ticked", 7): "agent",
    ("system.ticked", 10): "market",
}


@pytest.mark.parametrize("mechanism", ["continuous_double_auction", "call_auction"])
async def test_a_run_whose_services_begin_with_snapshots_has_the_hash_of_an_undisturbed_one(
    server, run, monkeypatch, caplog, mechanism
):
    write_snapshots_always(monkeypatch)
    scenario = small_scenario("zip", mechanism)

    events = await played(server, run, scenario, RESTARTS)

    journal = [each.event for each in events if isinstance(each.event.data, TransferPosted | TransferRefused)]
    assert canonical_hash(events) == hash_in_memory(scenario)
    assert verify_journal(journal).findings == ()
    assert "snapshot" not in caplog.text


async def test_a_book_and_a_host_that_start_again_read_the_log_from_their_snapshot_on(
    server, run, monkeypatch
):
    write_snapshots_always(monkeypatch)
    starts = {}

    def noting(name, read):
        def read_from(client, run, patterns, start=1):
            starts.setdefault(name, []).append(start)
            return read(client, run, patterns, start)

        return read_from

    monkeypatch.setattr(batch, "read", noting("market", audit_log.read))
    monkeypatch.setattr(host, "follow", noting("agent", audit_log.follow))
    await played(server, run, LONG, RESTARTS)

    # On a slow machine a lease may be lost before the first snapshot is written, or a service start again after the run's end.
    again = [each for each in starts.values() if len(each) > 1]
    assert again
    for first, *_, last in again:
        assert first == 1 < last


async def test_damaged_snapshots_cost_a_line_each_and_the_run_is_the_same(server, run, monkeypatch, caplog):
    write_snapshots_always(monkeypatch)
    for form in (batch.SNAPSHOT, recovery.SNAPSHOT, host.SNAPSHOT):
        monkeypatch.setattr(form, "decode", lambda value, decode=form.decode: decode(value[:-1]))

    events = await played(server, run, LONG, RESTARTS)

    lines = [record.getMessage() for record in caplog.records if "without snapshot" in record.getMessage()]
    assert canonical_hash(events) == hash_in_memory(LONG)
    assert all(
        any(f"snapshot {key}:" in line for line in lines) for key in (run, f"{run}.cpu", f"{run}.host_1")
    )
