"""Subjects of the ledger service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject
from econsim.schemas.subject_rows import event, request

__all__ = ["GET_BALANCE", "GET_VALUES", "SUBMIT", "TRANSFER_POSTED", "TRANSFER_REFUSED"]


def _own_account(action: str, message: str, reply: str, description: str) -> Subject:
    """Return a request of an agent about its own account."""
    name = f"market.account.{action}"
    return request("ledger", name, message, reply, description, short=name)


TRANSFER_POSTED: Final = event(
    "ledger",
    "market.ledger.transfer_posted",
    "TransferPosted",
    "A journal entry of applied transfers, sourced from bucket `agent_state`.",
)
TRANSFER_REFUSED: Final = event(
    "ledger",
    "market.ledger.transfer_refused",
    "TransferRefused",
    "A journal entry of refused transfers, sourced from bucket `agent_state`.",
)
GET_BALANCE: Final = _own_account("get_balance", "GetBalance", "Balance", "The asking agent's positions.")
GET_VALUES: Final = _own_account(
    "get_values", "GetValues", "Values", "The asking agent's private values and costs, and its endowment."
)
SUBMIT: Final = request(
    "ledger",
    "market.ledger.submit",
    "Submit",
    "Submitted",
    "Submission of chains of transfers; for services alone.",
)

EVENTS: Final = (TRANSFER_POSTED, TRANSFER_REFUSED)
"""Events, in the order of the table."""

REQUESTS: Final = (GET_BALANCE, GET_VALUES, SUBMIT)
"""Requests, in the order of the table."""
