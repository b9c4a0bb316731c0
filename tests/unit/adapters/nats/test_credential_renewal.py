"""Errors of a process's connections in the log, and their end."""

from __future__ import annotations

import logging

import pytest

from econsim.adapters.nats import credential_renewal
from econsim.adapters.nats.credential_renewal import log_error, log_return


@pytest.fixture(autouse=True)
async def _well(caplog):
    """Begin and end without errors."""
    await log_return()
    caplog.clear()
    yield
    await log_return()


async def test_the_same_error_is_logged_once_and_that_it_is_over(caplog) -> None:
    for _ in range(20):
        await log_error(ConnectionRefusedError("refused"))
    for _ in range(3):
        await log_return()

    lost, back = caplog.messages
    assert lost == "connection: refused"
    assert back.startswith("connection: back after 0.")
    assert back.endswith(" s, 20 errors")
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def test_another_error_is_logged_at_once(caplog) -> None:
    await log_error(ConnectionRefusedError("refused"))
    await log_error(TimeoutError())

    assert caplog.messages == ["connection: refused", "connection: TimeoutError"]


async def test_an_error_that_goes_on_is_logged_again_after_a_while(caplog, monkeypatch) -> None:
    monkeypatch.setattr(credential_renewal, "REPEAT_LOG_S", -1.0)

    await log_error(ConnectionRefusedError("refused"))
    await log_error(ConnectionRefusedError("refused"))

    assert len(caplog.records) == 2
