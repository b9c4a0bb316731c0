"""Sends payloads to a running system, and then accounts for every one of them.

The kind of a subject alone decides what must become of a message: `EXPECTED` is the one table.
A crash is whatever `Alarm` notices: an error in the log, an exception nobody caught, a task that died.
"""

import asyncio
import gc
import json
import logging
import secrets
import sys
import weakref
from collections import Counter
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field

import nats
import nats.errors
import nats.js.errors
from live_run import Live, external_scenario
from nats.js.api import ConsumerConfig
from pydantic import ValidationError
from superuser import superuser

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.rpc import ask
from econsim.adapters.poll import Poll
from econsim.domain.ledger import verify
from econsim.errors import EconsimError, NotFound
from econsim.runs.remote import close_run, open_run
from econsim.schemas.clock import CloseRun, RunClosedEvent
from econsim.schemas.ledger import Balance, GetBalance
from econsim.schemas.market import Book, GetBook
from econsim.schemas.orders import CancelOrder, PlaceBid
from econsim.schemas.quota import QuotaUpdate
from econsim.schemas.subject import SubjectKind
from econsim.services import asyncapi
from econsim.services.leadership import RENEW_S
from econsim.services.ledger.stored import StoredLedger
from econsim.streams import MESSAGE_BYTES_MAX

SENDERS = ("anna", "host_1", "clock", "bert", "nobody")
"""Senders, in turn: external agents, a host, the clock, and a name that is not in the run."""

WORDS = (
    *("anna", "bert", "seller_001", "nobody", "host_1", "clock", "treasury", "transfer", "ledger"),
    *("cpu", "gpu", "credits", "o-1", "o-2", "c.1", "run-1", "run-2", "A_b", "Odd Name!", ""),
)
"""Texts payloads are made of: names that mean something, so that checks past the schema are reached."""

SPARE = "run-1"
"""An open run that payloads name, so that commands of operators find one; the first that closes it ends it."""

WINDOW = 128
"""Messages under way at once."""

ANSWER_S = 120.0
"""Longest a request may go unanswered: a window of an operator's commands is handled one by one, each with a write to
disk, on a busy machine two a second."""

DRAIN_S = 60.0
"""Longest a queue may take to be empty after the last command; for every 100 commands, a second more."""

OPEN_OR_END = (subjects.RUN_OPENED, subjects.RUN_CLOSED, subjects.RUN_STOPPED)
"""Events that open or end a run, whatever else is in its log."""

EVENTS = "fuzz-events"
"""Open run whose log gets records that are no events, left for those who read it anew."""

TIDY_S = 0.5
"""Pause between looks for runs that payloads opened."""

AMPLE = QuotaUpdate(
    max_publish_rate=1_000_000, max_order_rate=1_000_000, max_open_orders=1_000_000, max_stream_bytes=2**40
)
"""What agents of a fuzzed run may take, so that payloads get past the count of messages to all that reads them."""

UNFORESEEN = "service_failed"
"""Code of an answer to an error nobody foresaw."""


@dataclass
class Tally:
    """What became of the payloads of one subject."""

    subject: str
    payloads: int = 0
    seconds: float = 0.0
    answered: int = 0
    """Replies of the declared model, or acknowledgements of the stream."""
    refused: Counter = field(default_factory=Counter)
    """Code → error replies."""
    buried: Counter = field(default_factory=Counter)
    """Code → dead letters."""
    executed: int = 0
    """Commands that were carried out, were rejected by the market with an event, or repeated one before."""
    stuck: list = field(default_factory=list)
    """What was never answered or never left its queue."""
    crashes: list = field(default_factory=list)
    """Everything else that must not happen."""

    @property
    def failures(self):
        return [*self.stuck, *self.crashes]


class Alarm(logging.Handler):
    """Notices errors that must never happen, from the time it is set."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.errors = []
        self._tasks = weakref.WeakSet()

    def emit(self, record):
        error = record.exc_info[1] if record.exc_info else None
        self.errors.append(f"logged by {record.name}: {record.getMessage()} {chain(error)}")

    async def take(self):
        """Return the errors since the last time."""
        gc.collect()
        dead = self._dead()
        if dead:
            # Leadership awaits a failed task when its lease is due; a task that nobody awaits stays dead.
            await asyncio.sleep(2 * RENEW_S)
            dead &= self._dead()
        # A task whose exception was read is not reported again.
        self.errors += [f"{task.get_coro().__qualname__} died: {chain(task.exception())}" for task in dead]
        found, self.errors = self.errors, []
        return found

    @asynccontextmanager
    async def set(self):
        """Notice errors for the time of the context."""
        loop = asyncio.get_running_loop()
        loggers = [logging.getLogger(name) for name in ("econsim", "faststream", "nats", "asyncio")]
        before = loop.get_exception_handler(), loop.get_task_factory()
        loop.set_exception_handler(self._unhandled)
        loop.set_task_factory(self._task)
        for logger in loggers:
            logger.addHandler(self)
        try:
            yield self
        finally:
            for logger in loggers:
                logger.removeHandler(self)
            loop.set_exception_handler(before[0])
            loop.set_task_factory(before[1])

    def _dead(self):
        return {task for task in self._tasks if task.done() and not task.cancelled() and task._log_traceback}

    def _unhandled(self, _, context):
        self.errors.append(f"unhandled: {context['message']} {chain(context.get('exception'))}")

    def _task(self, loop, coro, **options):
        task = asyncio.Task(coro, loop=loop, **options)
        self._tasks.add(task)
        return task


def chain(error):
    """Return an error and the ones inside or before it, shortened."""
    if error is None:
        return ""
    inside = [*getattr(error, "exceptions", ()), *filter(None, [error.__cause__])]
    return " <- ".join([f"{type(error).__name__}: {str(error)[:300]}", *map(chain, inside)])


class Target:
    """One subject of a run, and all senders that may publish on it."""

    def __init__(self, client, row, run):
        self.client = client
        self.row = row
        self.run = run
        self.tally = Tally(asyncapi.channel_name(row))

    def subject(self, number, run=""):
        """Return the concrete subject of a message: senders take turns, other places are a market."""
        who = SENDERS[number % len(SENDERS)]
        known = {"run": run or self.run, "agent": who, "operator": who, "event": "noticed"}
        return self.row(**{place: known.get(place, "cpu") for place in self.row.places})


async def send_all(payloads, send, tally):
    """Send payloads, a window of them under way at once; return what each send returned."""
    loop, window, found = asyncio.get_running_loop(), asyncio.Semaphore(WINDOW), []
    start = loop.time()

    async def one(payload):
        try:
            found.append((payload, await send(payload)))
        except Exception as error:  # noqa: BLE001 - whatever it is, this payload was not answered
            tally.stuck.append(f"{describe(payload)}: no answer, {type(error).__name__} {error}")
        finally:
            window.release()

    tasks = set()
    for payload in payloads:
        await window.acquire()
        tasks = {task for task in tasks if not task.done()} | {asyncio.create_task(one(payload))}
        tally.payloads += 1
        if tally.payloads % 1_000 == 0:
            sys.stdout.write(f"{tally.subject}: {tally.payloads:,} sent in {loop.time() - start:.0f} s\n")
    await asyncio.gather(*tasks)
    tally.seconds += loop.time() - start
    return found


async def send_requests(target, payloads):
    """Send every payload as a request: the reply is one of the declared ones, in time, and an error has a reason."""
    tally, models = target.tally, replies(target.row)

    async def send(payload):
        subject = target.subject(payload.number)
        return await target.client.request(subject, payload.body, timeout=ANSWER_S)

    for payload, reply in await send_all(payloads, send, tally):
        found = parse_reply(reply, models)
        if found is None:
            tally.crashes.append(f"{describe(payload)}: answered with {reply.data[:200]}")
            continue
        error = getattr(found, "refusal", None) or getattr(found, "error", None)
        if error is None:
            tally.answered += 1
            if payload.spoiled:
                tally.crashes.append(f"{describe(payload)}: taken, though it breaks its schema")
            continue
        tally.refused[error.code] += 1
        if error.code == UNFORESEEN or not error.message:
            tally.crashes.append(f"{describe(payload)}: answered {error}")


def replies(row):
    """Return the models that the document declares as replies on a subject."""
    channel = asyncapi.document()["channels"][f"{asyncapi.channel_name(row)}.reply"]
    return [asyncapi.model_named(name) for name in channel["messages"]]


def parse_reply(reply, models):
    """Return a reply as the first of these models that it follows, if any."""
    for model in models:
        with suppress(ValidationError):
            return model.model_validate_json(reply.data)
    return None


async def send_commands(target, payloads):
    """Send every payload as a command: stored, then carried out, rejected with an event, or a dead letter with a reason."""
    tally, stream = target.tally, target.client.jetstream()

    async def send(payload):
        return await stream.publish(target.subject(payload.number), payload.body, timeout=ANSWER_S)

    sent = await send_all(payloads, send, tally)
    tally.answered = len(sent)
    await wait_until_drained(target)
    letters = {int(each["dead-letter-sequence"]): each async for each in dead_letters(target)}
    named = await orders_named(target)
    for payload, ack in sent:
        letter = letters.get(ack.seq)
        if letter is None:
            tally.executed += 1
            judge_executed(target.row, payload, named, tally)
            continue
        tally.buried[letter["dead-letter-code"]] += 1
        if not letter.get("dead-letter-reason") or letter["dead-letter-handler"] != target.row.owner:
            tally.crashes.append(f"{describe(payload)}: a dead letter without a reason, {letter}")


async def send_events(target, payloads):
    """Publish every payload as an event: readers of the log survive records that are no events.

    A payload that is certainly no event goes to an open run. Services would believe a false event that follows its
    schema, because only services may publish events; so the others go to a run nobody opened.
    """
    tally, stream = target.tally, target.client.jetstream()

    async def send(payload):
        run = target.run if payload.spoiled else f"{target.run}-none"
        ack = await stream.publish(target.subject(payload.number, run), payload.body, timeout=ANSWER_S)
        return ack.stream

    for payload, where in await send_all(payloads, send, tally):
        tally.answered += 1
        if where != subjects.AUDIT:
            tally.crashes.append(f"{describe(payload)}: acknowledged by {where!r}")


EXPECTED = {
    "command": send_commands,
    "entry": send_requests,
    "request": send_requests,
    "operator": send_requests,
    "event": send_events,
    # From a service to agents: no service takes them in.
    "delivery": None,
    "broadcast": None,
    # From services alone, to one that listens only if somebody is to see figures; what is no report changes nothing there.
    "telemetry": None,
    # From services alone, to one that only passes on what can be read.
    "span": None,
}
"""Kind of subject → what must become of messages on it."""


def judge_executed(row, payload, named, tally):
    """A command that is no dead letter follows its schema, and every order in it became an event.

    A host's batch may hold an odd action: that one is refused alone, by the id it can be read to have.
    """
    if payload.spoiled and row is subjects.PLACE_ORDERS:
        return
    if payload.spoiled:
        tally.crashes.append(f"{describe(payload)}: carried out, though it breaks its schema")
        return
    for order in orders(json.loads(payload.body)):
        if not order & named:
            tally.crashes.append(f"{describe(payload)}: no event tells of {order}")


def orders(value):
    """Yield the ids that each order in a command goes by."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and "order_id" in value:
        yield {own_id(value[name]) for name in ("order_id", "new_order_id") if value.get(name)}
    for each in inside:
        yield from orders(each)


async def wait_until_drained(target):
    """Wait until nothing of the run is in a queue or under way at a book."""
    loop, queue = asyncio.get_running_loop(), {}
    end = loop.time() + DRAIN_S + target.tally.payloads / 100
    while loop.time() < end:
        queue = {}
        for row in filter(lambda row: row.kind is SubjectKind.COMMAND, subjects.TABLE):
            queue |= await provision.subject_counts(target.client, row.stream, row.pattern(run=target.run))
        if not queue and not any([await under_way(target, resource) for resource in ("cpu", "gpu")]):
            return
        await asyncio.sleep(0.1)
    target.tally.stuck.append(f"still in the queue: {queue}")


async def under_way(target, resource):
    """Return the messages a book's consumer has not finished with."""
    name = book_consumer(target.run, resource).name
    info = await target.client.jetstream().consumer_info(subjects.ORDERS, name)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def dead_letters(target):
    """Yield the headers of every dead letter of the subject."""
    pattern = f"dead_letter.{target.row.pattern(run=target.run)}"
    options = {"stream": "dead_letter", "ordered_consumer": True, "config": ConsumerConfig(headers_only=True)}
    subscription = await target.client.jetstream().subscribe(pattern, **options)
    left = (await subscription.consumer_info()).num_pending + len(subscription._pending_queue._queue)
    while left:
        message = await subscription.next_msg(timeout=ANSWER_S)
        left = message.metadata.num_pending
        yield message.headers
    await subscription.unsubscribe()


async def orders_named(target):
    """Return the ids of all orders that events of the run tell of."""
    named = set()
    async with aclosing(read(target.client, target.run, [f"market.*.*.{target.run}"])) as events:
        async for stored in events:
            for order in _items(stored):
                named |= order
    return named


def _items(stored):
    items = json.loads(stored.payload)["data"].get("items", [])
    for item in items if isinstance(items, list) else ():
        yield {own_id(item[name]) for name in ("order_id", "bid_id", "ask_id") if name in item}


def own_id(order_id):
    """Return an order's id as its agent writes it: events put the agent's name before it."""
    return order_id.rpartition(".")[2]


async def check_books(target):
    """Check the books of the run as `econsim ledger verify` does."""
    books = StoredLedger()
    async for stored in JetStreamStateStore(target.client).history(target.run):
        books.fold(stored)
    report = verify.verify_journal(books.entries, books.balances, books.behind)
    target.tally.crashes += [f"the books do not add up: {finding}" for finding in report.findings]


async def send_too_large(target, server):
    """Publish more than the server takes: it hangs up on the sender, and on nobody else."""
    creds = str(superuser(server))
    quiet = {"error_cb": _ignored, "disconnected_cb": _ignored, "closed_cb": _ignored}
    client = await nats.connect(server.url, user_credentials=creds, allow_reconnect=False, **quiet)
    client._max_payload = 2 * MESSAGE_BYTES_MAX
    with suppress(nats.errors.Error, OSError, TimeoutError):
        await client.publish(target.subject(0), b"[" * (MESSAGE_BYTES_MAX + 1))
        await client.flush(timeout=ANSWER_S)
    if client.is_connected:
        target.tally.crashes.append("the server took a message above its max_payload")
    await client.close()


async def _ignored(*_):
    pass


@dataclass
class System:
    """All services in this process on one server, with a run that is left alone."""

    server: object
    live: Live
    alarm: Alarm
    anew: object
    """Stops the services and starts others."""
    lost: list = field(default_factory=list)
    """Runs of which nobody can know whether they are open: their opening or closing is no event."""

    async def fuzz(self, row, payloads, run):
        """Send payloads to one subject of a run; return what became of them.

        The run is the subject's own, for commands and what opens or ends runs; one run takes the records of all other events.
        """
        if row.kind is SubjectKind.EVENT and row not in OPEN_OR_END:
            run = EVENTS
        target = Target(self.live.nc, row, run)
        await open_run(self.live.nc, run, external_scenario())
        await KeyQuotaTable(self.live.nc).change(run, None, AMPLE)
        if row.kind is SubjectKind.OPERATOR:
            await open_run(self.live.nc, SPARE, external_scenario())
        await serves(self.live.nc, run)
        async with self._closing_strangers(target):
            await EXPECTED[row.kind.value](target, payloads)
            await send_too_large(target, self.server)
        await check_books(target)
        await self.still_serves(self.live.run, target.tally)
        if row in (subjects.RUN_OPENED, subjects.RUN_CLOSED):
            self.lost.append(run)
        elif row is subjects.RUN_STOPPED:
            pass  # Whatever lies there, the run is stopped: who may publish events is believed.
        elif row.kind is SubjectKind.EVENT:
            await self.still_serves(run, target.tally)
        else:
            await close_run(self.live.nc, run)
        self.live.outcomes.clear()
        target.tally.crashes += await self.alarm.take()
        return target.tally

    async def still_serves(self, run, tally):
        """Ask every service for a run, and have its market carry an order out."""
        try:
            await serves(self.live.nc, run)
            await self._place_and_cancel(run)
        except (EconsimError, TimeoutError) as error:
            tally.crashes.append(f"run {run} is no longer served: {chain(error)}")

    async def _place_and_cancel(self, run):
        """Place an order, cancel it, and wait for both outcomes."""
        order = f"probe-{secrets.token_hex(8)}"
        bid = PlaceBid(command_id=order, order_id=order, price=10_000, quantity=1)
        await self._send_and_wait(subjects.PLACE_BID, bid, run, subjects.BID_ACCEPTED)
        cancel = CancelOrder(command_id=f"{order}-c", order_id=order)
        await self._send_and_wait(subjects.CANCEL_ORDER, cancel, run, subjects.ORDER_CANCELLED)

    async def _send_and_wait(self, row, command, run, outcome):
        """Send a command and wait for the delivery of its outcome."""
        sent, outcome_subject = (each.pattern(resource="cpu", run=run) for each in (row, outcome))
        payload, order = command.model_dump_json().encode(), command.order_id.encode()
        await self.live.nc.jetstream().publish(sent.replace("*", "anna"), payload)
        async with asyncio.timeout(ANSWER_S):
            async for _ in Poll(0.05):
                if any(
                    m.subject == f"{outcome_subject}.anna" and order in m.data for m in self.live.outcomes
                ):
                    return

    @asynccontextmanager
    async def _closing_strangers(self, target):
        """Close, all the time, the runs that payloads open: each is a run like any other, and takes its time."""
        # An event ends the task, not a cancellation: before Python 3.12 a request that is answered just then swallows a cancellation.
        done = asyncio.Event()
        known = {self.live.run, target.run, SPARE, EVENTS, *self.lost}
        closing = asyncio.create_task(self._close_strangers(known, done))
        try:
            yield
        finally:
            done.set()
            await closing

    async def _close_strangers(self, known, done):
        stream, closes = self.live.nc.jetstream(), subjects.CLOSE_RUN(operator="fuzz")
        while not done.is_set():
            info = await stream.stream_info(subjects.AUDIT, subjects_filter=subjects.RUN_OPENED.pattern())
            strangers = {subject.split(".")[3] for subject in info.state.subjects or ()} - known
            for run in strangers:
                with suppress(EconsimError):
                    await ask(self.live.nc, closes, CloseRun(run=run), RunClosedEvent)
                    known.add(run)
            with suppress(TimeoutError):
                async with asyncio.timeout(TIDY_S):
                    await done.wait()


async def serves(client, run):
    """Wait until the ledger and both books of a run answer."""
    async with asyncio.timeout(3 * ANSWER_S):
        while True:
            with suppress(NotFound):
                await ask(client, subjects.GET_BALANCE(run=run, agent="anna"), GetBalance(), Balance)
                for resource in ("cpu", "gpu"):
                    subject = subjects.GET_BOOK(run=run, agent="anna", resource=resource)
                    await ask(client, subject, GetBook(), Book)
                return
            await asyncio.sleep(0.1)


async def dead_letter_code(client, run):
    """Send an order to a run nobody opened; return the code of its dead letter."""
    subject = subjects.PLACE_BID(resource="cpu", run=run, agent="anna")
    await client.jetstream().publish(subject, b"{}")
    async with asyncio.timeout(DRAIN_S):
        while True:
            with suppress(nats.js.errors.NotFoundError):
                letter = await client.jetstream().get_last_msg("dead_letter", f"dead_letter.{subject}")
                return letter.headers["dead-letter-code"]
            await asyncio.sleep(0.2)


def describe(payload):
    """Return what identifies a payload, and its start."""
    return f"{payload.kind} {payload.number} ({len(payload.body)} bytes) {payload.body[:160]!r}"


def is_fuzzed(row):
    """Tell whether a service receives messages on a subject."""
    return EXPECTED[row.kind.value] is not None


def table(tallies):
    """Return what became of everything, a line a subject."""
    lines = [
        "| subject | payloads | per s | answered | refused by code | dead-lettered | executed | crashes | stuck |"
    ]
    lines.append("| --- " * 9 + "|")
    for tally in tallies:
        rate = tally.payloads / tally.seconds if tally.seconds else 0
        cells = (
            *(tally.subject, tally.payloads, f"{rate:.0f}", tally.answered, format_counts(tally.refused)),
            *(format_counts(tally.buried), tally.executed, len(tally.crashes), len(tally.stuck)),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def format_counts(codes):
    """Return counts by code, most first."""
    return ", ".join(f"{code} {count}" for code, count in codes.most_common()) or "0"
