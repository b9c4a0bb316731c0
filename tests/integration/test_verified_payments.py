"""`econsim ledger verify` over a real server: a forged outcome of a call of a tool is named."""

from __future__ import annotations

import json

import pytest
from nats_runs import over_nats
from superuser import superuser
from tool_builders import answer, offered, tool_users

from econsim.adapters.nats.connection import connect, reliable_publish
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.schemas.tool_events import ToolCompleted

pytestmark = pytest.mark.nats


async def test_forged_outcomes_are_named_with_their_places(server, run, tmp_path):
    wanted = tool_users(offered("look", answer("2"), price=0.5, description="Look."))
    events = await over_nats(server, wanted, run)
    paid = next(each for each in events if isinstance(each.event.data, ToolCompleted))
    config = settings(nats=server.url, creds=server.creds("observer"), state=tmp_path)
    honest = await verify_run(config, run)

    client = await connect(server.url, superuser(server), "test-forger")
    for name, change in {"never-made": {"id": "mcp.buyer_001.0"}, "told-again": {"price": 1}}.items():
        forged = json.loads(paid.json()) | {"event_id": name}
        forged["data"] |= change
        await reliable_publish(client.jetstream(), paid.subject, json.dumps(forged).encode(), name)
    await client.close()
    found = await verify_run(config, run)

    assert honest.findings == ()
    assert {(each.record, each.what) for each in found.findings} >= {
        ("never-made", "call_has_no_reservation"),
        ("never-made", "call_is_not_settled"),
        ("told-again", "call_ended_twice"),
    }
