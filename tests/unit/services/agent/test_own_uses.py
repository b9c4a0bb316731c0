"""A host's requests about files, people and tasks: whom they ask, what a refusal becomes, and the wait for other hosts."""

from __future__ import annotations

from types import SimpleNamespace

from factories import NOON
from fake_consumers import ConsumerNats

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.runtime.effects import HostedFile, HostedSocial
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.base import ErrorBody, ErrorReply
from econsim.schemas.social import AskHuman
from econsim.schemas.social_hosted import HostedAction, TickEnded
from econsim.schemas.workspace import AppendToFile, FileChanged, ReadFile, WriteFile
from econsim.services.agent.own_uses import end_tick, use_file, use_social, wait_for_cycles

ENVELOPE = Envelope("run", "salt", 4, NOON, "cause")
ERROR = ErrorBody(code="file_does_not_exist", message="there is none")
WRITTEN = FileChanged(path="a", version=1, size=1, digest="0" * 64)


def context(**answers):
    """Return the context of a host whose requests are answered by subject; it keeps what was asked."""
    client = ConsumerNats()
    client.asked = []
    for name, answer in answers.items():
        row = getattr(subjects, name)

        def reply(payload, row=row, answer=answer):
            client.asked.append((row, payload))
            return answer

        client.answers[row.pattern(run="run")] = reply
    return SimpleNamespace(client=client, jetstream=client)


async def test_a_change_of_a_file_names_its_cause():
    host = context(WRITE_FILE=WRITTEN, APPEND_TO_FILE=WRITTEN)

    for kind in (WriteFile, AppendToFile):
        command = kind(command_id="4.1", tick=4, path="a", text="x")
        assert await use_file(host, ENVELOPE, HostedFile("ana", command)) == WRITTEN

    assert [row for row, _ in host.client.asked] == [subjects.WRITE_FILE, subjects.APPEND_TO_FILE]
    assert all(b'"causation_id":"cause"' in payload for _, payload in host.client.asked)


async def test_a_refusal_is_the_reply():
    host = context(READ_FILE=ErrorReply(error=ERROR), HOSTED_ACTION=ErrorReply(error=ERROR))
    ask = HostedAction(tick=4, ask=AskHuman(request_id="4-1", text="?", deadline_ms=1))

    read = await use_file(host, ENVELOPE, HostedFile("ana", ReadFile(path="a", before="4.1")))
    asked = await use_social(host, ENVELOPE, HostedSocial("ana", ask))

    assert [read.code, asked.code] == ["file_does_not_exist"] * 2


async def test_the_end_of_a_tick_is_the_hosts():
    host = context(END_TICK=TickEnded(tick=4))

    await end_tick(host, ENVELOPE, "host_1", ())

    assert [row for row, _ in host.client.asked] == [subjects.END_TICK]


async def test_other_hosts_are_waited_for_as_the_log_tells():
    host = context()
    event = ENVELOPE.event(
        subjects.COGNITIVE_CYCLES_COMPLETED, "host_2", CognitiveCyclesCompleted(items=()), agent="host_2"
    )
    await host.client.publish(event.subject, event.json(), headers={"Nats-Msg-Id": event.event.event_id})

    await wait_for_cycles(host, ENVELOPE, ["host_2"])
