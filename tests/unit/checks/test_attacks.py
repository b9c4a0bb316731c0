"""Attacks against a scripted server: each must be held by a server that refuses, and broken by one that does not."""

import json

import pytest
from scripted_server import scripted_server

from econsim.checks.attacks import identity, listening, publishes, replies
from econsim.checks.attacks.environment import Attacker, Environment, Powers, refusal_check, refusal_code
from econsim.checks.attacks.sniffer import Sniffer
from econsim.checks.attacks.verdict import AttackOutcome
from econsim.checks.raw_client import RawMessage, UserCredentials, dial
from econsim.errors import SetupError

ATTACKER = Attacker("mallory_001", UserCredentials("own.jwt.x"), "A123")


class Victim:
    """A victim that is served all the time."""

    def __init__(self, name):
        self.name, self._count = name, 0

    @property
    def outcomes(self):
        self._count += 1
        return range(self._count)


class QuietEnvironment(Environment):
    """An environment without a JetStream: its streams never change."""

    async def stream_states(self):
        return {"audit_log": ("{}", 1)}


def environment(url):
    async def unrestricted(_name):
        return UserCredentials("bare.jwt.x")

    powers = Powers(
        None, unrestricted, lambda _: UserCredentials(), lambda: UserCredentials("a.b.c"), None, None
    )
    return QuietEnvironment(
        url, "run", "other", None, Sniffer(), Sniffer(), (Victim("anna"),), UserCredentials(), "s_1", powers
    )


class Session:
    """One connection to a server that refuses or accepts, and answers the probe that all was processed."""

    def __init__(self, refuses):
        self.refuses, self.restricted = refuses, False

    def __call__(self, line):
        operation, _, rest = line.partition(b" ")
        words = rest.decode(errors="replace").split()
        if operation == b"CONNECT":
            self.restricted = b"own.jwt" in line
        if operation == b"PUB" and "settled" in words[0]:
            return f"MSG {words[1]} 1 14\r\n".encode() + b'{"stream":"x"}\r\n'
        if (
            self.refuses
            and self.restricted
            and operation in (b"PUB", b"SUB")
            and "_INBOX.raw" not in words[0]
        ):
            verb = "Publish" if operation == b"PUB" else "Subscription"
            return f"-ERR 'Permissions Violation for {verb} to \"{words[0]}\"'\r\n".encode()
        return b""


def server(*, refuses=True):
    return scripted_server(session=lambda: Session(refuses))


async def judge(attack, running):
    async with running as (url, _):
        return await attack.run(environment(url), ATTACKER)


async def outcome(attack, running):
    return (await judge(attack, running)).outcome


@pytest.mark.parametrize("attack", publishes.ATTACKS, ids=lambda attack: attack.name)
async def test_a_forbidden_publish_must_be_refused(attack):
    assert await outcome(attack, server()) is AttackOutcome.HELD
    assert await outcome(attack, server(refuses=False)) is AttackOutcome.BROKEN


async def test_a_forbidden_publish_that_arrives_is_seen():
    async with server() as (url, _):
        env = environment(url)
        env.sniffer.forget = lambda _name: None
        env.sniffer.record(RawMessage("system.run.closed.run", "", b"", b"mallory_001"))
        attack = next(each for each in publishes.ATTACKS if each.name == "run_close")

        found = await attack.run(env, ATTACKER)

    assert found.outcome is AttackOutcome.BROKEN
    assert "NOT: 1 of it was seen in SIM" in found.evidence


async def test_a_stream_that_changes_is_seen():
    states = iter([{"audit_log": ("{}", 1)}, {"audit_log": ("{}", 2)}])
    async with server() as (url, _):
        env = environment(url)

        async def stream_states():
            return next(states)

        env.stream_states = stream_states
        found = await publishes.ATTACKS[0].run(env, ATTACKER)

    assert "NOT: streams are as they were audit_log" in found.evidence


@pytest.mark.parametrize("row", [listening.ROWS[0], listening.ROWS[-1]], ids=lambda row: row.name)
async def test_a_forbidden_subscription_must_be_refused(row, monkeypatch):
    monkeypatch.setattr(listening, "LISTEN_S", 0.0)

    assert await outcome(row, server()) is AttackOutcome.HELD
    assert await outcome(row, server(refuses=False)) is AttackOutcome.BROKEN


@pytest.mark.parametrize("row", [replies.ROWS[0], replies.ROWS[3]], ids=lambda row: row.name)
async def test_an_answer_at_a_foreign_subject_is_seen(row, monkeypatch):
    monkeypatch.setattr(replies, "WAIT_S", 0.0)
    assert await outcome(row, server()) is AttackOutcome.HELD

    async with server() as (url, _):
        env = environment(url)
        env.sniffer.forget = lambda _name: None
        env.sniffer.record(RawMessage(row.target(env, ATTACKER), "", b"", b"mallory_001"))

        assert (await row.run(env, ATTACKER)).outcome is AttackOutcome.BROKEN


@pytest.mark.parametrize("accepts", [False, True])
async def test_false_credentials_must_be_refused_and_the_own_accepted(accepts):
    def script(line):
        own = b'"jwt": "own.jwt.x"' in line
        if line.startswith(b"CONNECT") and not own and not accepts:
            return b"-ERR 'Authorization Violation'\r\n"
        return b""

    def hang_up(line):
        return b"QUIT" if line.startswith(b"CONNECT") and b"own.jwt" not in line and not accepts else b""

    row = next(each for each in identity.ROWS if each.name == "no_credentials")
    refused = await outcome(row, scripted_server(hang_up))
    assert refused is AttackOutcome.BROKEN  # nothing was said, so nothing is proved
    async with scripted_server(script) as (url, _), dial(url) as client:
        await client.connect(UserCredentials())
        assert bool(client.errors) is not accepts


def test_a_jwt_is_taken_apart_and_put_together():
    jwt = identity.jwt_of("head", {"name": "anna"}, "signature")

    assert identity.jwt_parts(jwt) == ("head", {"name": "anna"}, "signature")


async def test_an_attacker_that_the_server_refuses_is_an_error():
    async with scripted_server(lambda line: b"QUIT" if b"CONNECT" in line else b"") as (url, _):
        with pytest.raises(SetupError, match="refuses the attacker"):
            async with environment(url).connect(UserCredentials()):
                pass


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "silence"),
        (RawMessage("r", "", b"NATS/1.0 503\r\n\r\n", b""), "nobody_there"),
        (RawMessage("r", "", b"", b"{"), "unreadable"),
        (RawMessage("r", "", b"", json.dumps({"refusal": {"code": "too_late"}}).encode()), "too_late"),
        (RawMessage("r", "", b"", json.dumps({"error": {"code": "not_found"}}).encode()), "not_found"),
        (RawMessage("r", "", b"", b"{}"), "admitted"),
    ],
)
def test_the_code_of_a_refusal_is_read_from_the_answer(answer, code):
    assert refusal_code(answer) == code


def test_a_refusal_counts_only_for_its_own_subject():
    class Client:
        errors = ("'Permissions Violation for Publish to \"a.b\"'",)

    assert refusal_check(Client, "publish", "a.b").holds
    assert not refusal_check(Client, "publish", "a").holds
    assert not refusal_check(Client, "subscription", "a.b").holds
