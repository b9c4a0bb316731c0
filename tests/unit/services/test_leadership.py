"""Leader election: which worker does a task, when another takes over, and which runs a service knows."""

import asyncio

import pytest
from factories import NOON, run_opened
from fake_consumers import ConsumerJetStream, ConsumerNats, service_context
from run_builders import small_scenario

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.errors import Unavailable
from econsim.schemas.clock import RunClosed, RunResumed, RunStopped
from econsim.services import leadership as leadership_module
from econsim.services.leadership import Leadership, LeadershipLost, LeaderTask
from econsim.testing import FakeLeases

LEASE = "task.run"


class Task:
    """A task that counts its starts and goes on until it is cancelled, or does as its script says."""

    def __init__(self, *script):
        self.script, self.starts, self.is_running = list(script), 0, False

    async def run(self):
        self.starts += 1
        if self.script:
            step = self.script.pop(0)
            if step is None:
                return
            raise step
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False


class Workers:
    """Workers of one service on one log and its leases."""

    def __init__(self):
        self.client, self.leases, self.made = ConsumerNats(), FakeLeases(), []

    async def start(self, task, components=(), *, of_service=False):
        context = service_context("clock", self.client, self.leases)
        tasks = (LeaderTask(LEASE, task.run),)
        leadership = Leadership(
            context,
            lambda _: () if of_service else tasks,
            tasks if of_service else (),
            components,
        )
        self.made.append(leadership)
        await leadership.start()
        return leadership, context

    async def log(self, subject, data, run="run"):
        event = Envelope(run, "salt", 0, NOON).event(subject, "clock", data)
        await self.client.add(event)
        return event.event

    async def open(self, run="run"):
        event = run_opened(small_scenario(), run)
        await self.client.add(AddressedEvent(subjects.RUN_OPENED(run=run), event))
        return event


@pytest.fixture
async def workers():
    workers = Workers()
    yield workers
    for each in workers.made:
        await each.stop()


async def test_a_run_that_the_log_has_open_is_served(workers):
    await workers.open()
    task = Task()

    _, context = await workers.start(task)
    await workers.client.until(lambda: task.is_running)

    assert list(context.runs) == ["run"]
    assert not await workers.leases.acquire(LEASE, "another")


async def test_a_worker_knows_the_open_runs_after_its_first_look_that_succeeds(workers, monkeypatch):
    monkeypatch.setattr(leadership_module, "POLL_INTERVAL_S", 0.0)
    await workers.open()
    info, failures = ConsumerJetStream.stream_info, [TimeoutError(), TimeoutError()]

    async def stream_info(*question, **options):
        if failures:
            raise failures.pop()
        return await info(*question, **options)

    monkeypatch.setattr(ConsumerJetStream, "stream_info", stream_info)
    leadership, context = await workers.start(Task())
    found = await context.require_run("run")
    await leadership.stop()

    assert (found.name, failures) == ("run", [])


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        (subjects.RUN_CLOSED, RunClosed(ticks=1, periods=1, journal_sequence=1)),
        (subjects.RUN_STOPPED, RunStopped(ticks=1, periods=1)),
    ],
)
async def test_a_run_that_the_log_has_ended_is_not_served(workers, subject, data):
    await workers.open()
    await workers.log(subject, data)
    await workers.open("other")

    _, context = await workers.start(Task())
    await workers.client.until(lambda: context.runs)

    assert list(context.runs) == ["other"]


async def test_a_run_that_was_resumed_is_served_again(workers):
    await workers.open()
    await workers.log(subjects.RUN_STOPPED, RunStopped(ticks=1, periods=1))
    leadership, context = await workers.start(Task())
    resumed = await workers.log(subjects.RUN_RESUMED, RunResumed(ticks=1))

    await handler(leadership, subjects.RUN_RESUMED)(resumed)
    await workers.client.until(lambda: context.runs)

    assert list(context.runs) == ["run"]


async def test_the_second_worker_takes_over_from_one_that_stops(workers):
    await workers.open()
    first, second = Task(), Task()
    leadership, _ = await workers.start(first)
    await workers.client.until(lambda: first.is_running)
    await workers.start(second)

    await leadership.stop()
    await workers.client.until(lambda: second.is_running)

    assert not first.is_running


async def test_a_worker_that_loses_its_lease_stops_its_task(workers):
    await workers.open()
    task = Task()
    await workers.start(task)
    await workers.client.until(lambda: task.is_running)

    workers.leases.advance(10)
    assert await workers.leases.acquire(LEASE, "another")
    await workers.client.until(lambda: not task.is_running)

    assert not await workers.leases.acquire(LEASE, "a third")


AWAY = Unavailable("the log is away")
BUG = RuntimeError("a bug")


@pytest.mark.parametrize(
    ("failure", "warning"),
    [
        (LeadershipLost(), "Another worker leads the task; this one steps back."),
        (AWAY, "the log is away"),
        (TimeoutError(), "TimeoutError"),
        (
            ExceptionGroup("two", [AWAY, ExceptionGroup("one", [TimeoutError()])]),
            "the log is away; TimeoutError",
        ),
        (BUG, None),
        (ExceptionGroup("two", [AWAY, BUG]), None),
    ],
)
async def test_a_task_that_fails_is_tried_again_and_only_a_bug_has_a_traceback(
    workers, caplog, failure, warning
):
    await workers.open()
    task = Task(failure)

    await workers.start(task)
    await workers.client.until(lambda: task.is_running)

    assert task.starts == 2
    found = [(record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    what = f"task {LEASE} is tried again"
    assert found == [(f"{what}: {warning}", False) if warning else (what, True)]


async def test_a_lease_about_which_there_is_no_answer_is_named_once(workers, caplog, monkeypatch):
    failures, acquire = iter([AWAY] * 3), workers.leases.acquire

    async def acquire_later(*given):
        for failure in failures:
            raise failure
        return await acquire(*given)

    monkeypatch.setattr(workers.leases, "acquire", acquire_later)
    await workers.open()
    task = Task()

    await workers.start(task)
    await workers.client.until(lambda: task.is_running)

    assert caplog.messages == [f"task {LEASE} is tried again: the log is away"]


async def test_a_task_that_is_done_is_not_started_again_and_its_lease_is_free(workers):
    task = Task(None)

    await workers.start(task, of_service=True)
    await workers.client.until(lambda: task.starts)
    await asyncio.sleep(0)
    await workers.client.until(lambda: not workers.leases._holder(LEASE))

    assert task.starts == 1


async def test_an_event_adds_a_run_and_another_drops_it(workers):
    task = Task()
    leadership, context = await workers.start(task)
    opened = await workers.open()

    await handler(leadership, subjects.RUN_OPENED)(opened)
    await workers.client.until(lambda: task.is_running)
    closed = await workers.log(subjects.RUN_CLOSED, RunClosed(ticks=1, periods=1, journal_sequence=1))
    await handler(leadership, subjects.RUN_CLOSED)(closed)
    await workers.client.until(lambda: not task.is_running)

    assert not context.runs


async def test_an_opening_that_cannot_be_read_hides_no_other_run(workers):
    workers.client.store(subjects.RUN_OPENED(run="broken"), b"no event", {})
    await workers.open("whole")

    _, context = await workers.start(Task())
    await workers.client.until(lambda: context.runs)

    assert list(context.runs) == ["whole"]


@pytest.mark.parametrize(("failure", "has_traceback"), [(AWAY, False), (BUG, True)])
async def test_a_component_that_fails_to_stop_keeps_no_lease(workers, caplog, failure, has_traceback):
    class Broken:
        async def start(self):
            """Start well."""

        async def stop(self):
            raise failure

    task = Task()
    leadership, _ = await workers.start(task, (Broken(),), of_service=True)
    await workers.client.until(lambda: task.is_running)

    await leadership.stop()

    assert await workers.leases.acquire(LEASE, "another")
    assert [bool(record.exc_info) for record in caplog.records] == [has_traceback]


async def test_a_run_that_opens_while_a_service_stops_is_not_served(workers):
    leadership, context = await workers.start(Task())

    await leadership.stop()
    leadership.add_run(run_opened(small_scenario(), "late"))

    assert not context.runs


def handler(leadership, subject):
    """Return the handler of the events on a subject."""
    return next(route.handler for route in leadership.routes if route.subject is subject)
