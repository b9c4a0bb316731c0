"""The scenario `tool_market` with the tool servers of npm that nobody here wrote: they answer as the scenario has recorded."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from nats_runs import over_nats
from requirements import requirement

from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.schemas.tool_events import ToolCompleted, ToolFailed

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(300)]

TOOLS = Path(__file__).parents[2] / "tools"
PACKAGES = TOOLS / "node_modules"
ENTITY = {
    "type": "entity",
    "name": "cpu",
    "entityType": "market",
    "observations": ["Dealers expect it to clear between 2.10 and 2.30 credits."],
}


def server_table(name, more):
    program = PACKAGES / "@modelcontextprotocol" / f"server-{name}" / "dist" / "index.js"
    if not program.is_file():
        pytest.skip("npm is not installed")
    return f"""
[servers.{name}]
kind = "stdio"
command = "node"
args = ["{program}"]
{more}
"""


@pytest.fixture
def servers(tmp_path, monkeypatch):
    """Write the operator's file of both servers, and what the first one remembers."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    subprocess.run([TOOLS / "fetch"], check=True, capture_output=True)
    graph = tmp_path / "graph"
    graph.mkdir()
    (graph / "memory.jsonl").write_text(json.dumps(ENTITY))
    # Below root's own temporary directory user `nobody`, as whom the sandbox runs then, could reach nothing.
    for each in (graph, tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    monkeypatch.setenv("MEMORY_FILE_PATH", str(graph / "memory.jsonl"))
    memory = f'readable = ["{PACKAGES}", "{graph}"]\nenvironment = ["MEMORY_FILE_PATH"]\n'
    memory += "tools = { search_nodes = { price = 0.05, pure = true } }"
    everything = f'readable = ["{PACKAGES}"]\ntools = {{ get-sum = {{ price = 0.02, pure = true }} }}'
    file = tmp_path / "tools.toml"
    file.write_text(server_table("memory", memory) + server_table("everything", everything))
    monkeypatch.setenv("ECONSIM_TOOLS", str(file))


@requirement("gateway.audit")
async def test_the_recorded_answers_are_those_of_the_real_servers(server, run, servers) -> None:
    shipped = scenario_file.load("tool_market")
    clock = shipped.clock.model_copy(update={"ticks_per_period": 2})
    wanted = apply_overrides(shipped.model_copy(update={"clock": clock}), periods=1, live_tools=True)

    events = [each.event.data for each in await over_nats(server, wanted, run)]

    recorded = {
        (tool.name, json.dumps(answer.params), tool.price): answer.text
        for tool in shipped.tools
        for answer in tool.answers
    }
    calls = [each for each in events if isinstance(each, ToolCompleted)]
    answered = {
        (each.tool, json.dumps(each.params), each.price): each.result.content[0]["text"] for each in calls
    }
    assert [each for each in events if isinstance(each, ToolFailed)] == []
    assert (len(calls), answered) == (24, recorded)
