"""The key of a kept result: equal for equal calls, another one as soon as anything differs that the result may depend on."""

import pytest

from econsim.domain.mcp.cache_key import cache_key
from econsim.domain.mcp.request import asked_command
from econsim.schemas.mcp import CallTool
from econsim.schemas.tool_server_file import ToolTable

PUBLIC = ToolTable(pure=True, public=True, cached_for_s=60)


def key(*, run="run", agent="ana", server="search", listing="listed", tool="find", params=None):
    command = CallTool(msg_id="one", tool=tool, params=params or {"q": "x", "n": 1})
    return cache_key(asked_command(run, agent, server, command), PUBLIC, listing)


def test_the_order_of_arguments_and_the_agent_of_a_public_tool_change_nothing():
    assert key(params={"n": 1, "q": "x"}) == key(agent="bob") == key()


@pytest.mark.parametrize(
    "other",
    [
        {"run": "next"},
        {"server": "other"},
        {"listing": "new"},
        {"tool": "look"},
        {"params": {"q": "y", "n": 1}},
    ],
)
def test_another_run_server_list_of_tools_tool_or_argument_is_another_key(other):
    assert key(**other) != key()
