"""The scenarios that one worker can execute whole. Pure."""

from __future__ import annotations

from econsim.schemas.scenario import THINKING, Mode, PolicyName, Scenario


def why_not_whole(scenario: Scenario) -> str:
    """Return the reason why a scenario needs all services; empty if one worker can execute it whole.

    External agents and agents that think are answered by services, and hosts are there to spread agents over processes. A policy
    of one's own may err in being repeatable, and a worker that takes over must make the same events again.
    """
    if scenario.clock.mode is Mode.REAL_TIME:
        return "is in real time"
    if scenario.hosts > 1:
        return f"has {scenario.hosts} hosts"
    if scenario.own_policies:
        return f"has policies of its own ({', '.join(scenario.own_policies)})"
    others = [
        group.name
        for group in scenario.agents
        if group.policy is PolicyName.EXTERNAL or group.policy in THINKING
    ]
    return f"has external agents or agents that think ({', '.join(others)})" if others else ""
