"""Attacks against a scripted server: each must be held by a server that refuses, and broken by one that does not."""

import json
from dataclasses import replace

import pytest
from scripted_server import scripted_server

from econsim import subjects
from econsim.checks.attacks import identity, listening, orders, publishes, reading, replies
from econsim.checks.attacks.environment import Attacker, Environment, Powers, refusal_check, refusal_code
from econsim.checks.attacks.sniffer import Sniffer
from econsim.checks.attacks.verdict import AttackOutcome
from econsim.checks.raw_client import RawMessage, UserCredentials
from econsim.errors import SetupError
from econsim.identity.nats_jwt import Key, NkeyKind, user_jwt

OWN = identity.jwt_of("own", {"nats": {}, "name": "mallory_001", "exp": 1, "iss": "A123"}, "signature")
ATTACKER = Attacker("mallory_001", UserCredentials(OWN, Key(NkeyKind.USER).seed), "A123")


SERVICE = user_jwt(Key(NkeyKind.ACCOUNT), Key(NkeyKind.USER).public, "market", issued=1)


class Victim:
    """A victim that is served all the time."""

    placed_orders, cancelled_orders = ("anna.1", "anna.2"), ()

    def __init__(self, name):
        self.name, self._count = name, 0

    @property
    def outcomes(self):
        self._count += 1
        return [(f"anna.{n}", "accepted", n) for n in range(self._count)]


class QuietEnvironment(Environment):
    """An environment without a JetStream: its streams never change."""

    async def stream_states(self):
        return {"audit_log": ("{}", 1)}

    async def balance(self, _agent):
        return {"posted": 1}


def environment(url):
    async def unrestricted(_name):
        return UserCredentials("bare.jwt.x")

    powers = Powers(None, unrestricted, UserCredentials(), UserCredentials(SERVICE), None, None)
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
            self.restricted = OWN.encode() in line
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


@pytest.mark.parametrize("row", listening.ROWS, ids=lambda row: row.name)
async def test_a_forbidden_subscription_must_be_refused(row, monkeypatch):
    monkeypatch.setattr(listening, "LISTEN_S", 0.0)

    assert await outcome(row, server()) is AttackOutcome.HELD
    assert await outcome(row, server(refuses=False)) is AttackOutcome.BROKEN


@pytest.mark.parametrize("row", replies.ROWS, ids=lambda row: row.name)
async def test_an_answer_at_a_foreign_subject_is_seen(row, monkeypatch):
    monkeypatch.setattr(replies, "WAIT_S", 0.0)
    assert await outcome(row, server()) is AttackOutcome.HELD

    async with server() as (url, _):
        env = environment(url)
        env.sniffer.forget = lambda _name: None
        env.sniffer.record(RawMessage(row.target(env, ATTACKER), "", b"", b"mallory_001"))

        assert (await row.run(env, ATTACKER)).outcome is AttackOutcome.BROKEN


@pytest.mark.parametrize("row", identity.ROWS, ids=lambda row: row.name)
async def test_false_credentials_must_be_refused_and_the_own_accepted(row):
    def refuse(line):
        own = json.loads(line.partition(b" ")[2]).get("jwt") == OWN if line.startswith(b"CONNECT") else True
        return b"" if own else b"-ERR 'Authorization Violation'\r\nQUIT"

    assert await outcome(row, scripted_server(refuse)) is AttackOutcome.HELD
    assert await outcome(row, scripted_server()) is AttackOutcome.BROKEN


async def test_a_server_that_refuses_everybody_proves_nothing():
    def refuse(line):
        return b"-ERR 'Authorization Violation'\r\nQUIT" if line.startswith(b"CONNECT") else b""

    assert await outcome(identity.ROWS[0], scripted_server(refuse)) is AttackOutcome.BROKEN


class Gateway:
    """Answers every request with one body, and the probe that all was processed."""

    def __init__(self, body):
        self.body = body

    def __call__(self, line):
        words = line.decode(errors="replace").split(" ")
        if len(words) != 4 or words[0] != "PUB":
            return b""
        body = b'{"stream":"x"}' if "settled" in words[1] else self.body
        return f"MSG {words[2]} 1 {len(body)}\r\n".encode() + body + b"\r\n"


@pytest.mark.parametrize("row", orders.ROWS, ids=lambda row: row.name)
async def test_a_forbidden_order_must_be_refused_with_its_code(row):
    refusal = json.dumps({"error": {"code": row.codes[0]}}).encode()

    assert await outcome(row, scripted_server(Gateway(refusal))) is AttackOutcome.HELD
    assert await outcome(row, scripted_server(Gateway(b'{"results":[{}]}'))) is AttackOutcome.BROKEN


async def test_an_attack_without_messages_proves_nothing():
    row = replace(orders.ROWS[0], messages=lambda _env: [])

    assert await outcome(row, scripted_server(Gateway(b"{}"))) is AttackOutcome.BROKEN


async def test_an_order_that_reaches_a_market_is_seen():
    row = orders.ROWS[0]
    refusal = json.dumps({"error": {"code": row.codes[0]}}).encode()
    async with scripted_server(Gateway(refusal)) as (url, _):
        env = environment(url)
        env.sniffer.forget = lambda _name: None
        subject = subjects.PLACE_BID(resource="cpu", run=env.run, agent=ATTACKER.name)
        env.sniffer.record(RawMessage(subject, "", b"", b"{}"))

        found = await row.run(env, ATTACKER)

    assert "NOT: 1 reached a market" in found.evidence


@pytest.mark.parametrize(("leaks", "expected"), [(False, AttackOutcome.HELD), (True, AttackOutcome.BROKEN)])
async def test_a_read_with_a_payload_must_be_answered_with_a_status(leaks, expected):
    def answer(line):
        words = line.decode(errors="replace").split(" ")
        if len(words) != 4 or words[0] != "PUB":
            return b""
        if words[3] == "0" or leaks:
            return f"MSG {words[2]} 1 12\r\n".encode() + b'{"posted":1}\r\n'
        return f"HMSG {words[2]} 1 16 16\r\n".encode() + b"NATS/1.0 408\r\n\r\n\r\n"

    assert await outcome(reading.ATTACKS[0], scripted_server(answer)) is expected


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
        (RawMessage("r", "", b"", b'{"results":[{"error":{"code":"late"}}]}'), "late"),
        (RawMessage("r", "", b"", b'{"results":[{}]}'), "admitted"),
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
