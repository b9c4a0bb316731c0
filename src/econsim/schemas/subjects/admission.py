"""Subjects of the admission service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject_rows import entry, event, order_entry
from econsim.schemas.subjects.market import CANCEL_ORDER, PLACE_ASK, PLACE_BID, REPLACE_ORDER

__all__ = [
    "ADMISSION_REJECTED",
    "AGENT_SUSPENDED",
    "ENTER_ORDER",
    "ENTER_TASK",
    "ENTER_TOOL_CALL",
    "REPORT",
    "REPORTED",
]

ENTER_ORDER: Final = {
    PLACE_BID: order_entry("place_bid", "PlaceBid", "Offer to buy, from an agent's own account."),
    PLACE_ASK: order_entry("place_ask", "PlaceAsk", "Offer to sell, from an agent's own account."),
    CANCEL_ORDER: order_entry(
        "cancel_order", "CancelOrder", "Cancel of an own resting order, from an agent's own account."
    ),
    REPLACE_ORDER: order_entry(
        "replace_order", "ReplaceOrder", "Replacement of an own resting order, from an agent's own account."
    ),
}
"""Order command → its entry from an agent's account; the reply is the command's durable PubAck."""
REPORT: Final = entry(
    "agent.{agent}.{event}",
    "AgentReport",
    "agent.{agent}.{event}",
    "Report of an agent about itself, in the past tense; once admitted, it is an event of the log.",
)
ENTER_TASK: Final = entry(
    "agent.task.delegate",
    "DelegateTask",
    "task.delegate",
    "Task for another agent, from an agent's own account.",
)
ENTER_TOOL_CALL: Final = entry(
    "agent.{server}.call_tool",
    "CallTool",
    "mcp.request.{server}",
    "Call of a tool of an outside server, from an agent's own account; `mcp.replied.{server}` has its reply.",
)
REPORTED: Final = event(
    "admission",
    "agent.{agent}.{event}",
    "Reported",
    "Report of an external agent about itself, with the agent's place in the run.",
)
ADMISSION_REJECTED: Final = event(
    "admission",
    "system.admission.rejected",
    "AdmissionRejected",
    "A message was not allowed to its sender: sender, subject, reason and number of attempts.",
)
AGENT_SUSPENDED: Final = event(
    "admission",
    "system.agent.suspended",
    "AgentSuspended",
    "An agent sent far more than its rate limit; its account is revoked.",
)

ENTRIES: Final = (*ENTER_ORDER.values(), REPORT, ENTER_TASK, ENTER_TOOL_CALL)
"""Entries of agents' accounts, in the order of the table."""

EVENTS: Final = (REPORTED, ADMISSION_REJECTED, AGENT_SUSPENDED)
"""Events, in the order of the table."""
