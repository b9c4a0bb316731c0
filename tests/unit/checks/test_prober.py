"""The prober's windows and its reading of refusals, against a scripted server."""

import pytest
from scripted_server import scripted_server

from econsim.checks.permissions.prober import WINDOW, Prober, probe_text, probing, refused_subscription
from econsim.checks.raw_client import dial
from econsim.errors import SetupError, Unavailable
from econsim.identity.nats_jwt import Key, NkeyKind, creds

VIOLATION = "'Permissions Violation for {}'"


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ('Subscription to "market.>"', "market.>"),
        ('Subscription to "market.>" using queue "workers"', "market.> workers"),
        ('Publish to "market.>"', ""),
    ],
)
def test_the_refused_subscription_is_read_from_the_error(error, name):
    assert refused_subscription(VIOLATION.format(error)) == name


async def test_patterns_that_the_server_refuses_are_left_out():
    def script(line):
        words = line.decode().split()
        if words[0] == "SUB" and words[1] == "secret":
            group = f' using queue "{words[2]}"' if len(words) == 4 else ""
            return f"-ERR 'Permissions Violation for Subscription to \"secret\"{group}'\r\n".encode()
        return b""

    async with scripted_server(script) as (url, _), dial(url) as client:
        allowed = await Prober(client).filter_allowed(["open", "secret", "secret group", "open group"])

        assert allowed == ["open", "open group"]


async def test_each_subject_is_sent_its_index_over_all_windows():
    async with scripted_server() as (url, lines), dial(url) as client:
        await Prober(client).publish([f"s.{n}" for n in range(WINDOW + 2)])

        assert lines.count(b"PING") == 2
        assert lines[-3:] == [b"PUB s.501 4", probe_text(501).encode(), b"PING"]


async def test_subscriptions_replace_those_before():
    async with scripted_server() as (url, lines), dial(url) as client:
        prober = Prober(client)
        await prober.subscribe_only(["a", "b"])
        await prober.subscribe_only(["c"])

        last = lines[lines.index(b"PING") + 1 :]
        assert last[:2] == [b"UNSUB 1", b"UNSUB 2"]
        assert b"SUB c 1" in last


async def test_deliveries_are_taken_once():
    async with (
        scripted_server(lambda line: b"MSG a 1 2\r\nt7\r\n" if line.startswith(b"SUB") else b"") as (url, _),
        dial(url) as client,
    ):
        prober = Prober(client)
        await prober.subscribe_only(["a"])

        assert await prober.take_deliveries() == {("a", "t7")}
        assert await prober.take_deliveries() == set()


async def test_an_error_that_is_no_refusal_ends_the_probe():
    async with (
        scripted_server(lambda line: b"-ERR 'Stale Connection'\r\n" if b"PUB" in line else b"") as (url, _),
        dial(url) as client,
    ):
        with pytest.raises(Unavailable, match="Stale Connection"):
            await Prober(client).publish(["a"])


async def test_a_refused_user_is_named_with_its_file(tmp_path):
    path = tmp_path / "user.creds"
    path.write_text(creds("a.b.c", Key(NkeyKind.USER).seed))

    def script(line):
        return b"QUIT" if line.startswith(b"CONNECT") else b""

    async with scripted_server(script) as (url, _):
        with pytest.raises(SetupError, match=r"user\.creds"):
            async with probing(url, path):
                pass
