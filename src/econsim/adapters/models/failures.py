"""The failures of providers as the core knows them: from an HTTP status, or from the error in a body."""

from __future__ import annotations

from typing import Final

from econsim.errors import ProviderFailed
from econsim.schemas.cognition import CallFailure

REASON_LENGTH_MAX: Final = 300
"""Characters of a provider's reason that are told."""

MILLISECONDS: Final = 1_000
"""Milliseconds in a second."""

TRANSIENT: Final = frozenset(
    {
        CallFailure.PROVIDER_TIMED_OUT,
        CallFailure.PROVIDER_IS_BUSY,
        CallFailure.PROVIDER_FAILED,
        CallFailure.ANSWER_IS_INCOMPLETE,
    }
)
"""Failures after which the same call may succeed at once."""

NO_CREDIT: Final = "insufficient_quota"
"""Code of a 429 that time does not cure: the operator's account at the provider is empty."""

_BUSY: Final = 429
_REQUEST_TIMED_OUT: Final = 408
_REDIRECTIONS: Final = range(300, 400)
_KEY_REFUSED: Final = frozenset({401, 403})
_SERVER_ERROR: Final = 500


def provider_failure(
    failure: CallFailure, message: str, *, input_tokens: int = 0, output_tokens: int = 0
) -> ProviderFailed:
    """Return the failure of a call, with the tokens that the provider charges for."""
    return ProviderFailed(
        message,
        code=failure.value,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        is_transient=failure in TRANSIENT,
    )


def status_failure(status: int, error: object = None, retry_after: str = "") -> ProviderFailed:
    """Return the failure that a provider's HTTP status stands for: nothing is charged, since it did not answer.

    A failed server and a busy one are transient; the caller's fault, as a 4xx says, is not.
    """
    reason = error_reason(error)
    if status == _BUSY:
        failed = provider_failure(CallFailure.PROVIDER_IS_BUSY, f"the provider is busy (429): {reason}")
        failed.is_transient = not (isinstance(error, dict) and error.get("code") == NO_CREDIT)
        failed.retry_after_ms = _milliseconds(retry_after)
        return failed
    if status >= _SERVER_ERROR or status == _REQUEST_TIMED_OUT:
        return provider_failure(CallFailure.PROVIDER_FAILED, f"the provider failed ({status}): {reason}")
    if status in _REDIRECTIONS:
        reason = "it redirects to another address; the operator must put that one into base_url"
    if status in _KEY_REFUSED:
        reason = f"it does not take the operator's key; {reason}"
    return provider_failure(
        CallFailure.PROVIDER_REFUSED, f"the provider refused the request ({status}): {reason}"
    )


def body_failure(error: object) -> ProviderFailed:
    """Return the failure that the error in a body stands for; one without a status counts as the server's."""
    code = error.get("code") if isinstance(error, dict) else None
    return status_failure(code if type(code) is int else _SERVER_ERROR, error)


def error_reason(error: object) -> str:
    """Return the reason in a provider's error, on one line."""
    told = error.get("message") if isinstance(error, dict) else error
    printable = "".join(each if each.isprintable() else " " for each in str(told or "it gave no reason"))
    return " ".join(printable.split())[:REASON_LENGTH_MAX]


def _milliseconds(retry_after: str) -> int | None:
    """Return the wait that a provider asks for; None if it names none, or a date."""
    return int(retry_after) * MILLISECONDS if retry_after.isdecimal() and len(retry_after) < 6 else None
