"""Errors of a connection in the log, and the time a creds file was written."""

from __future__ import annotations

import logging

from econsim.adapters.nats import credential_renewal
from econsim.adapters.nats.credential_renewal import error_log


async def test_the_same_error_is_logged_once(caplog) -> None:
    log = error_log()

    for _ in range(20):
        await log(ConnectionRefusedError("refused"))

    assert caplog.messages == ["connection: refused"]


async def test_another_error_is_logged_at_once(caplog) -> None:
    log = error_log()

    await log(ConnectionRefusedError("refused"))
    await log(TimeoutError())

    assert caplog.messages == ["connection: refused", "connection: TimeoutError"]


async def test_an_error_that_goes_on_is_logged_again_after_a_while(caplog, monkeypatch) -> None:
    monkeypatch.setattr(credential_renewal, "REPEAT_LOG_S", -1.0)
    log = error_log()

    await log(ConnectionRefusedError("refused"))
    await log(ConnectionRefusedError("refused"))

    assert len(caplog.records) == 2
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
