"""A run whose prompts are long, read back from its data: a file of its facts is whole, and a lost text is named."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from nats_runs import over_nats
from run_builders import canonical_hash
from superuser import superuser
from thinking import thinking_buyers
from typer.testing import CliRunner

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.cli import app as commands
from econsim.domain.execution import in_memory
from econsim.runs.recorded_run import recorded_run_of_file

pytestmark = [pytest.mark.nats, pytest.mark.slow]

WANTED = thinking_buyers(
    count=1,
    thinking={"prompt": "{observation} " + "Think twice. " * 3_000, "memory": 1},
    clock={"periods": 1, "ticks_per_period": 2},
)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Return a state directory with the run `first`, its server stopped, and the run's hash."""
    directory = tmp_path_factory.mktemp("played") / "econsim"
    return directory, asyncio.run(play(directory))


async def play(directory):
    async with EmbeddedServer(directory) as server:
        client = await connect(server.url, superuser(server), "test")
        await provision.apply(client)
        await client.close()
        return canonical_hash(await over_nats(server, WANTED, "first"))


def cli(state, *words):
    return CliRunner().invoke(commands, [*words, "--state", str(state)], catch_exceptions=False)


def test_a_file_of_facts_has_the_long_texts_and_answers_a_replay_in_memory(played, tmp_path):
    state, recorded_hash = played
    path = tmp_path / "first.jsonl"
    path.write_text(cli(state, "events", "first", "--json").stdout)

    found = recorded_run_of_file(path)
    replay = in_memory.run(found.answer(WANTED), recording=found.recording)

    assert "text_digest" not in path.read_text()
    assert canonical_hash(replay) == recorded_hash


@pytest.mark.parametrize(
    "command",
    [
        ("ledger", "verify", "first"),
        ("events", "first", "--json"),
        ("export", "first", "--parquet", "tables"),
    ],
)
def test_every_reader_of_a_text_with_a_flipped_bit_names_its_call(played, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = shutil.copytree(played[0], tmp_path / "econsim")
    (block,) = (state / "nats" / "data" / "jetstream").glob("*/streams/KV_llm_texts/msgs/1.blk")
    content = bytearray(block.read_bytes())
    content[content.find(b"Think twice.")] ^= 1
    block.write_bytes(content)

    shown = cli(state, *command)

    assert shown.exit_code == 1
    assert "the call of agent 'thinker_001', cycle 1, ordinal 1" in shown.stdout + shown.stderr
