"""Subjects of the ledger service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject_rows import event, own_account, request

__all__ = ["GET_BALANCE", "GET_VALUES", "SUBMIT", "TRANSFER_POSTED", "TRANSFER_REFUSED"]

TRANSFER_POSTED: Final = event(
    "ledger",
    "market.ledger.transfer_posted.{run}",
    "TransferPosted",
    "A journal entry of applied transfers, sourced from bucket `agent_state`.",
)
TRANSFER_REFUSED: Final = event(
    "ledger",
    "market.ledger.transfer_refused.{run}",
    "TransferRefused",
    "A journal entry of refused transfers, sourced from bucket `agent_state`.",
)
GET_BALANCE: Final = own_account("get_balance", "GetBalance", "Balance", "The asking agent's positions.")
GET_VALUES: Final = own_account(
    "get_values", "GetValues", "Values", "The asking agent's private values and costs, and its endowment."
)
SUBMIT: Final = request(
    "ledger",
    "market.ledger.submit.{run}.{agent}",
    "Submit",
    "Submitted",
    "Submission of chains of transfers; for services alone.",
)


EVENTS: Final = (
    TRANSFER_POSTED,
    TRANSFER_REFUSED,
)
"""Events, in the order of the table."""

REQUESTS: Final = (
    GET_BALANCE,
    GET_VALUES,
    SUBMIT,
)
"""Requests, in the order of the table."""
