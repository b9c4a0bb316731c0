"""A state directory may have any name, and what econsim writes there is closed to everybody else."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from econsim.adapters.clock import unix_seconds
from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.identity.deployment_layout import rewrite_layout, write_layout
from econsim.identity.trust_root import Trust

NAMES = [
    "Größe 空間",
    "with \"quotes\" and 'apostrophes'",
    "back\\slash \\x41 \\n \\",
    "#hash; {brace} $HOME ${PATH} [bold] 'x' *",
    "line\nand\ttab",
    "control\x01\x7f",
    os.fsdecode(b"no utf-8 \xe9"),
]
SCENARIO = """
name = "two_agents"
seed = 1
[clock]
ticks_per_period = 3
periods = 1
[[markets]]
resource = "cpu"
price_max = 4.0
[[agents]]
name = "buyer"
policy = "zi_c"
credits = 100
roles = [{ resource = "cpu", side = "bid", values = [["3.00"]] }]
[[agents]]
name = "seller"
policy = "zi_c"
credits = 100
roles = [{ resource = "cpu", side = "ask", values = [["1.00"]] }]
"""


async def econsim(state: Path, *args: str) -> str:
    """Run a command to its end where the umask hides nothing; return what it printed."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", "--state", str(state), *args),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, umask=0,
    )  # fmt: skip
    printed, _ = await command.communicate()
    assert command.returncode == 0, printed.decode()
    return printed.decode()


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def open_to_others(directory: Path) -> list[str]:
    """Return what of a directory, itself included, others may read, write or enter."""
    found = (directory, *directory.rglob("*"))
    return [f"{stat.S_IMODE(p.stat().st_mode):o} {p}" for p in found if p.stat().st_mode & 0o077]


@pytest.mark.nats
@pytest.mark.parametrize("name", NAMES)
async def test_a_server_keeps_its_data_in_a_directory_of_any_name(name: str, tmp_path: Path) -> None:
    for _ in range(2):
        async with EmbeddedServer(tmp_path / name) as server:
            client = await connect(server.url, server.creds("setup"), "test")
            changes = await provision.apply(client)
            await client.close()

    assert {change.action for change in changes} <= {"keep", "create"}
    assert [change.stream.name for change in changes if change.action == "create"] == ["quota_seconds"]
    assert names(tmp_path) == {name}


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_is_handed_out_again_with_the_directory_it_names(name: str, tmp_path: Path) -> None:
    trust = Trust.open(tmp_path, unix_seconds)
    write_layout(trust, tmp_path, Path("/data") / name)
    config = tmp_path / "server" / "trust.conf"
    before = config.read_bytes()

    rewrite_layout(trust, tmp_path)

    resolver = next(line for line in before.splitlines() if b"dir:" in line)
    assert resolver in config.read_bytes()


@pytest.mark.nats
@pytest.mark.slow
async def test_whatever_is_written_while_working_is_closed_to_others(tmp_path: Path) -> None:
    state, scenario = tmp_path / "kept" / 'Größe [x] "q"', tmp_path / "two.toml"
    scenario.write_text(SCENARIO)

    await econsim(state, "run", str(scenario), "--name", "demo", "--spread")
    await econsim(state, "report", "demo")
    printed = await econsim(state, "agent", "create", "ana", "--run", "next")
    await econsim(state, "operator", "create")

    assert names(state) == {"logs", "nats", "processes", "runs", "server", "services", "trust"}
    assert open_to_others(tmp_path / "kept") == []
    assert str(state / "trust" / "agents" / "next" / "ana.creds") in printed
