"""The sniffer's record: messages by the attacker they mention."""

import pytest
from scripted_server import scripted_server

from econsim.checks.attacks.sniffer import MESSAGES_MAX, Sniffer, mentioned_attackers, sniffing
from econsim.checks.raw_client import RawMessage, UserCredentials
from econsim.errors import SetupError


def message(subject="a.b", payload=b"", headers=b"", reply=""):
    return RawMessage(subject, reply, headers, payload)


@pytest.mark.parametrize(
    "mention",
    [
        message(subject="agent.mallory_001.noted"),
        message(payload=b'{"agent":"mallory_001"}'),
        message(headers=b"NATS/1.0\r\nX: mallory_001\r\n\r\n"),
    ],
)
def test_a_mention_is_recorded_wherever_it_stands(mention):
    sniffer = Sniffer()

    assert not sniffer.record(mention)
    assert sniffer.messages_about("mallory_001") == [mention]
    assert sniffer.messages_about("mallory_002") == []


def test_messages_without_a_mention_and_deliveries_of_consumers_are_ignored():
    sniffer = Sniffer()
    sniffer.record(message(payload=b"anna"))
    sniffer.record(message(payload=b"mallory_001", reply="$JS.ACK.audit_log.x.1.1.1.1.0"))

    assert sniffer.messages_about("mallory_001") == []


def test_one_message_may_mention_several_attackers():
    assert mentioned_attackers(b"mallory_001 and mallory_002, mallory_001") == {"mallory_001", "mallory_002"}
    assert mentioned_attackers(b"nobody") == set()


def test_messages_are_found_by_subject_pattern():
    sniffer, first, second = Sniffer(), message("a.b", b"mallory_001"), message("c.d.e", b"mallory_001")
    for each in (first, second):
        sniffer.record(each)

    assert sniffer.messages_about("mallory_001", "a.*") == [first]
    assert sniffer.messages_about("mallory_001", "x", "c.>") == [second]


def test_a_forgotten_attacker_starts_anew():
    sniffer = Sniffer()
    sniffer.record(message(payload=b"mallory_001"))
    sniffer.forget("mallory_001")

    assert sniffer.messages_about("mallory_001") == []


def test_of_a_flood_a_part_is_recorded():
    sniffer, each = Sniffer(), message(payload=b"mallory_001")
    for _ in range(MESSAGES_MAX + 3):
        sniffer.record(each)

    assert len(sniffer.messages_about("mallory_001")) == MESSAGES_MAX


async def test_a_wait_ends_with_its_condition_or_its_limit():
    assert await Sniffer().wait_until(lambda: True)
    assert not await Sniffer().wait_until(lambda: False, 0.0)


async def test_a_sniffer_records_what_the_server_delivers():
    def script(line):
        return b"MSG a 1 11\r\nmallory_001\r\n" if line.startswith(b"SUB") else b""

    async with scripted_server(script) as (url, _), sniffing(url, UserCredentials(), ">") as sniffer:
        assert [each.subject for each in sniffer.messages_about("mallory_001")] == ["a"]


async def test_a_sniffer_that_the_server_refuses_is_an_error():
    async with scripted_server(lambda line: b"QUIT" if b"CONNECT" in line else b"") as (url, _):
        with pytest.raises(SetupError, match="refuses the sniffer"):
            async with sniffing(url, UserCredentials(), ">"):
                pass
