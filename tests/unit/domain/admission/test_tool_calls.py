"""Calls of tools by external agents: what an agent may not say about its call."""

from __future__ import annotations

import json

import pytest

from econsim.domain.admission.tool_calls import parse_tool_call
from econsim.errors import NotAllowed
from econsim.schemas.subject import Parsed

WHERE = Parsed("agent", "search", "call_tool", "run", "ana")


def parsed(**fields):
    return parse_tool_call(WHERE, json.dumps({"msg_id": "one", "tool": "find", **fields}).encode())


def test_a_call_goes_to_the_queue_of_its_server():
    assert parsed().subject == "mcp.request.search.run.ana"


def test_a_tick_is_for_hosts_alone():
    with pytest.raises(NotAllowed, match="leave it out") as refused:
        parsed(tick=3)

    assert refused.value.error_code == "tick_is_for_hosts"
