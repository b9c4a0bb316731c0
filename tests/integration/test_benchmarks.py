"""Benchmarks over a real server: a stream of its own for each run, observers that only read, workers that die."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager

import pytest
from bench_builders import HALTS, NO_TRADES, TRADES, plan, treatment
from eventually import eventually
from factories import group, role, scenario
from requirements import requirement
from run_builders import canonical_hash

from econsim.adapters.jetstream import direct_get, provision
from econsim.adapters.jetstream.leases import held_leases
from econsim.adapters.nats.connection import connect, synchronize
from econsim.agents.sandbox.spec import Isolation
from econsim.app import Server, running
from econsim.domain.audit.facts import record
from econsim.domain.execution import in_memory
from econsim.domain.expectation.verdict import Ruling
from econsim.errors import Conflict
from econsim.evaluation.bench import work
from econsim.evaluation.bench.cell import run_in_memory
from econsim.evaluation.bench.leftovers import remove_leftovers
from econsim.evaluation.bench.live import LiveBatch, create_stream, grant, run_live
from econsim.evaluation.bench.observer import fold_run
from econsim.evaluation.bench.plan import Cell, make_plan, scenario_of
from econsim.identity.roles import BENCHMARK, OBSERVER, VALIDATOR
from econsim.routers import SERVICES
from econsim.runs.remote import run_connection
from econsim.streams.benchmarks import BATCHES, STREAM_PREFIX

pytestmark = pytest.mark.nats

JUDGED = treatment("test", TRADES, NO_TRADES, HALTS)


@asynccontextmanager
async def live_batch(server, run, **fields):
    """Provide a batch over the server, with all services in this process; observers are threads."""
    here = Server(server.url, server.creds, server.trust, started=tuple(SERVICES))
    with ThreadPoolExecutor(4) as observers:
        async with running(tuple(SERVICES), here):
            yield LiveBatch(run, here, observers, print, **fields)


def cell(number=1, seed=5):
    return Cell(number=number, treatment="test", seed=seed, hashed=True)


async def stored(client, run):
    return [each async for each in direct_get.each(client, STREAM_PREFIX + run)]


@requirement("benchmark.stream")
async def test_a_run_has_a_stream_from_its_first_event_on_that_is_gone_by_age(server, run, nc) -> None:
    async with live_batch(server, run) as batch:
        await run_live(batch, JUDGED.scenario, cell())

    events = [record(each.subject, each.payload) for each in await stored(nc, f"{run}-1")]
    info = await provision.request(nc, f"STREAM.INFO.{STREAM_PREFIX}{run}-1")
    assert events[0].type == "system.opened"
    assert {each.correlation_id for each in events} == {f"{run}-1"}
    assert len(events) == await in_log(nc, f"{run}-1")
    assert info["config"]["max_age"] == 86_400 * 10**9


@requirement("benchmark.reproducible")
async def test_verdicts_hash_and_figures_are_those_of_the_run_in_memory(server, run) -> None:
    async with live_batch(server, run) as batch:
        live = await run_live(batch, JUDGED.scenario, cell())

    memory = run_in_memory(JUDGED.scenario, cell(), f"{run}-1")
    assert [each.outcome for each in live.verdicts] == ["holds", "fails", "vacuous"]
    assert [(each.name, each.outcome) for each in live.verdicts] == [
        (each.name, each.outcome) for each in memory.verdicts
    ]
    assert (live.hash, live.measures, live.periods) == (memory.hash, memory.measures, memory.periods)


async def test_runs_at_the_same_time_do_not_see_each_other(server, run, nc) -> None:
    async with live_batch(server, run) as batch:
        found = await asyncio.gather(
            *(run_live(batch, JUDGED.scenario, cell(number, seed=number)) for number in (1, 2, 3))
        )

    for number, result in enumerate(found, 1):
        events = await stored(nc, result.run)
        wanted = scenario_of(JUDGED.scenario, number)
        assert {each.subject.split(".")[3] for each in events} == {result.run}
        assert result.hash == canonical_hash(in_memory.run(wanted))


async def test_a_second_run_of_the_same_id_is_refused(server, run, nc) -> None:
    async with live_batch(server, run) as batch:
        await run_live(batch, JUDGED.scenario, cell())
        with pytest.raises(Conflict, match=f"there is a run '{run}-1' already"):
            await run_live(batch, JUDGED.scenario, cell())

    await provision.request(nc, f"STREAM.DELETE.{STREAM_PREFIX}{run}-1")
    with pytest.raises(Conflict, match="already"):
        await create_stream(nc, f"{run}-1")


async def test_a_batch_that_is_resumed_finds_its_run_and_judges_it_again(server, run) -> None:
    async with live_batch(server, run, resumed=True) as batch:
        first = await run_live(batch, JUDGED.scenario, cell())
        again = await run_live(batch, JUDGED.scenario, cell())

    assert again == first


@requirement("benchmark.async_validator")
async def test_late_verdicts_are_the_live_ones_from_the_stream_and_from_the_log(
    server, run, connect_as, tmp_path
) -> None:
    async with live_batch(server, run) as batch:
        live = await run_live(batch, JUDGED.scenario, cell())
        validator = await connect(server.url, grant(batch.server, VALIDATOR, f"{run}-1", tmp_path), "test")
    wanted = scenario_of(JUDGED.scenario, 5)

    late = await fold_run(validator, f"{run}-1", wanted, hashed=True)
    told: list[int] = []
    from_log = await fold_run(
        await connect_as(OBSERVER),
        f"{run}-1",
        wanted,
        hashed=True,
        from_log=True,
        on_change=lambda _, events: told.append(events),
    )

    await validator.close()
    (broken,) = (each for each in from_log.judge.verdicts() if each.outcome is Ruling.FALSE)
    assert broken.witness[-1].sequence in told
    assert late.result(cell(), f"{run}-1") == from_log.result(cell(), f"{run}-1") == live


@requirement("benchmark.async_validator")
async def test_a_validator_can_read_its_run_and_do_nothing_else(server, run, nc, tmp_path) -> None:
    """The guard of the client is taken off: the server refuses by itself."""
    for each in (run, f"{run}-other"):
        await create_stream(nc, each)
    here = Server(server.url, server.creds, server.trust)
    refused = []

    async def note(error):
        refused.append(str(error).lower())

    client = await connect(server.url, grant(here, VALIDATOR, run, tmp_path), "test", note)
    assert not (await direct_get.batch_get(client, STREAM_PREFIX + run, 1, ">")).messages
    client.publish = type(client).publish.__get__(client)
    forbidden = (
        f"$JS.API.DIRECT.GET.{STREAM_PREFIX}{run}-other",
        "$JS.API.DIRECT.GET.audit_log",
        f"$JS.API.STREAM.DELETE.{STREAM_PREFIX}{run}",
        f"$JS.API.CONSUMER.CREATE.{STREAM_PREFIX}{run}.spy",
        f"system.run.closed.{run}",
    )
    for subject in forbidden:
        await client.publish(subject, b"{}")
    await synchronize(client)
    await client.close()

    assert len(refused) == len(forbidden)
    assert all(any(subject.lower() in each for each in refused) for subject in forbidden)


async def test_credentials_of_a_run_make_and_delete_the_stream_of_no_other(server, run, tmp_path) -> None:
    here = Server(server.url, server.creds, server.trust)
    client = await connect(server.url, grant(here, BENCHMARK, run, tmp_path), "test")
    await create_stream(client, run)
    refused = []

    for verb in ("CREATE", "DELETE", "UPDATE"):
        try:
            await provision.request(client, f"STREAM.{verb}.{STREAM_PREFIX}{run}-other", {})
        except Exception as error:  # noqa: BLE001 - of whatever kind, it is refused
            refused.append(str(error))
    await provision.request(client, f"STREAM.DELETE.{STREAM_PREFIX}{run}")
    await client.close()

    assert len(refused) == 3


async def test_streams_that_nobody_needs_are_removed_and_others_stay(server, run, nc) -> None:
    await create_stream(nc, f"{run}-crashed")
    async with live_batch(server, run) as batch:
        await run_live(batch, JUDGED.scenario, cell())
        young = await remove_leftovers(batch.server, young_s=3_600)
        old = await remove_leftovers(batch.server, young_s=0)
        await provision.request(nc, f"STREAM.PURGE.{STREAM_PREFIX}{run}-1")
        aged = await remove_leftovers(batch.server, young_s=0)

    assert f"{run}-crashed" not in [each.run for each in young]
    assert f"{run}-crashed" in [each.run for each in old]
    assert f"{run}-1" not in [each.run for each in old]
    assert [each.reason for each in aged if each.run == f"{run}-1"] == ["its events are gone by age"]


async def test_the_stream_of_a_run_that_goes_on_stays_however_old_it_is(server, run, nc) -> None:
    seller = group("seller", "truthful", roles=[role("ask", values=[[1]])])
    wanted = scenario(seller, group("ana", "external"), clock={"deadline_ms": 60_000}, expectations=[TRADES])

    async with live_batch(server, run) as batch:
        await create_stream(nc, run)
        async with run_connection(batch.server, run, wanted):
            await eventually(lambda: is_served(nc, run))
            removed = await remove_leftovers(batch.server, young_s=0)

    assert run not in [each.run for each in removed]


@requirement("benchmark.correlation")
async def test_an_agent_finds_the_id_of_its_run_in_its_environment(server, run, tmp_path) -> None:
    seller = group("seller", "truthful", roles=[role("ask", values=[[1]])])
    clock = {"ticks_per_period": 3, "deadline_ms": 300}
    wanted = scenario(seller, group("ana", "external"), clock=clock, expectations=[TRADES])
    said = []
    command = (
        sys.executable,
        "-c",
        "import os; print(os.environ['ECONSIM_RUN'], os.environ['ECONSIM_AGENT'])",
    )

    async with live_batch(server, run, agents={"ana": command}, isolation=Isolation.LIMITS) as batch:
        told = LiveBatch(run, batch.server, batch.observers, said.append, batch.agents, batch.isolation)
        await run_live(told, wanted.model_dump_json(), cell())

    assert f"ana: {run}-1 ana" in said


async def test_cells_of_a_worker_that_is_killed_go_to_another_and_each_is_recorded_once(
    server, run, nc
) -> None:
    long = treatment("test", clock={"periods": 6, "ticks_per_period": 60})
    made = make_plan(run, [long], tuple(range(1, 13)))
    before = await direct_get.last_sequence(nc, BATCHES.name)
    workers = [await start_worker(server) for _ in range(2)]
    try:
        await work.store_plan(nc, made)
        await work.queue_cells(nc, run, made.cells)
        killed = workers[0]
        while b"seed" not in await killed.stderr.readline():
            pass
        killed.send_signal(signal.SIGKILL)
        found = await collect(nc, run, len(made.cells))
    finally:
        for each in workers:
            if each.returncode is None:
                each.send_signal(signal.SIGKILL)
            await each.wait()

    assert sorted(each.number for each in found) == [cell.number for cell in made.cells]
    # The plan and one result a cell: nothing was ever written twice.
    assert await direct_get.last_sequence(nc, BATCHES.name) == before + 1 + len(made.cells)
    assert found[0].measures == run_in_memory(long.scenario, made.cells[found[0].number - 1], "any").measures


async def test_a_cell_whose_result_is_there_is_not_run_again(server, run, nc) -> None:
    made = plan(run, seeds=(1, 2, 3))
    told = []
    worker = work.Worker(nc, 1, lambda _, result: told.append(result.number))
    await work.store_plan(nc, made)
    await work.queue_cells(nc, run, made.cells)
    await worker.start()
    await collect(nc, run, 3)
    await provision.request(nc, "STREAM.PURGE.bench_cells")
    for number in (1, 2, 3):
        # As if the acknowledgement was lost, and the queue had forgotten the id; this treatment cannot be run.
        again = made.cells[number - 1].model_copy(update={"treatment": "none"})
        await nc.jetstream().publish(work.cell_subject(run, number), again.model_dump_json().encode())
    await eventually(lambda: emptied(nc))
    await worker.stop()

    assert sorted(told) == [1, 2, 3]


async def test_a_batch_of_the_same_name_with_another_plan_is_refused_by_the_server(server, run, nc) -> None:
    await work.store_plan(nc, plan(run))
    await work.store_plan(nc, plan(run))

    with pytest.raises(Conflict, match="another batch"):
        await work.store_plan(nc, plan(run, seeds=(7,)))


async def is_served(client, run) -> bool:
    return any(run in lease.split(".") for lease in await held_leases(client))


async def emptied(client) -> bool:
    return await provision.depth(client, "bench_cells") == 0


async def in_log(client, run) -> int:
    pattern = f"*.*.*.{run}"
    return len([each async for each in direct_get.each(client, "audit_log", pattern=pattern)])


async def collect(client, batch, number):
    """Return the results of a batch once there are so many."""
    found = []
    async with asyncio.timeout(120), aclosing(work.results(client, batch)) as results:
        async for result in results:
            found.append(result)
            if len(found) == number:
                break
    return found


async def start_worker(server):
    """Start `econsim bench worker` on a server in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "econsim", "bench", "worker", "--jobs", "1",
        "--nats", server.url, "--creds", str(server.trust.directory / "creds"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
