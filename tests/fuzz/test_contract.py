"""Whatever is sent to a service is answered, carried out, or set aside with a reason; nothing crashes or gets stuck.

The short form is part of the suite; `make fuzz` sends ten thousand payloads to every subject.
"""

import asyncio
import gc
import resource
from contextlib import AsyncExitStack
from functools import partial

import pytest
import pytest_asyncio
from fuzz_driver import EVENTS, EXPECTED, WORDS, Alarm, System, Tally, dead_letter_code, is_fuzzed
from fuzz_payloads import Generator, Payload, bare_payload
from live_run import external_scenario, live_run

from econsim.schemas.subject import SubjectKind
from econsim.services import asyncapi
from econsim.services.asyncapi import channel_name
from econsim.streams import MESSAGE_BYTES_MAX
from econsim.subjects import CLOSE_RUN, TABLE

pytestmark = pytest.mark.nats

ROWS = sorted(filter(is_fuzzed, TABLE), key=lambda row: row is CLOSE_RUN)
"""Every subject a service listens on; closing comes last, for it ends the run that commands of operators name."""

MEMORY_MAX = 6 * 2**30
"""Bytes this process may use: a payload that makes a service ask for more is a crash, not the machine's end."""

FILLINGS = (b'{"colour":"%s"}', b"[%s", b'{"command_id":"%s"}')
"""What the largest messages are full of."""


@pytest.fixture(scope="module")
def payloads(payload_count, seed):
    """Return the payloads of a subject: so many of all kinds, and a few of the largest the server takes."""
    document = asyncapi.document()
    generator = Generator(document["components"]["schemas"], WORDS, seed)

    def payloads(row):
        name = next(iter(document["channels"][channel_name(row)]["messages"]))
        is_json = document["components"]["messages"][name]["contentType"] == "application/json"
        make = partial(generator.payload, name) if is_json else partial(bare_payload, seed)
        yield from (make(number) for number in range(payload_count))
        for number, filling in enumerate(
            FILLINGS if row.kind is not SubjectKind.EVENT else (), payload_count
        ):
            body = filling % (b"x" * (MESSAGE_BYTES_MAX - number - len(filling) + 2))
            yield Payload(number, "largest", body[:MESSAGE_BYTES_MAX], spoiled=True)

    return payloads


@pytest.fixture(scope="module", autouse=True)
def bounded_memory(server):
    """Keep a payload that asks for a thousand million agents from taking the machine with it."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MAX, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(server):
    """Run all services, with an alarm that notices every crash; `anew` stops them and starts others."""
    async with Alarm().set() as alarm, AsyncExitStack() as running:

        async def anew():
            await running.aclose()
            found.live = await running.enter_async_context(
                live_run(server, "fuzz-control", external_scenario())
            )
            # After each subject the alarm looks for what died, among what came since: else a sixth of the time of these tests.
            gc.freeze()

        found = System(server, None, alarm, anew)
        await anew()
        yield found
        gc.unfreeze()


def test_every_kind_of_subject_says_what_must_become_of_its_messages():
    assert {kind.value for kind in SubjectKind} <= EXPECTED.keys()


@pytest.mark.timeout(0)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=channel_name)
async def test_no_payload_is_lost_and_none_does_harm(system, row, payloads, tallies):
    tally = await system.fuzz(row, payloads(row), f"fuzz-{ROWS.index(row)}")
    tallies.append(tally)

    assert not tally.failures, "\n".join(tally.failures[:20])


@pytest.mark.timeout(0)
@pytest.mark.asyncio(loop_scope="module")
async def test_services_that_restart_on_this_log_serve_the_run_in_it(system):
    tally = Tally("anew")

    await system.anew()
    await system.still_serves(EVENTS, tally)

    assert tally.crashes + await system.alarm.take() == []


@pytest.mark.timeout(0)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_order_to_a_run_without_an_opening_becomes_a_dead_letter(system):
    runs = [*system.lost, f"{EVENTS}-none"]

    codes = await asyncio.gather(*(dead_letter_code(system.live.nc, run) for run in runs))

    assert set(codes) <= {"run_is_not_open", "message_is_invalid"}
    assert await system.alarm.take() == []
