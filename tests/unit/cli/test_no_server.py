"""Without a server: a client without an address fails at once, and a service names the address it tries."""

import asyncio
import os
import sys

import pytest

from econsim.adapters.nats.connection import connect
from econsim.errors import SetupError


@pytest.mark.parametrize("address", ["", " ", ",", " , "])
async def test_a_client_without_an_address_fails_at_once(address):
    with pytest.raises(SetupError, match="no NATS server is running here; start one with `econsim up`"):
        await asyncio.wait_for(connect(address, None, "test"), 60)


@pytest.mark.slow
async def test_a_service_that_nobody_answers_says_where_it_tries(tmp_path):
    where = {"ECONSIM_NATS": "nats://127.0.0.1:9", "ECONSIM_STATE": str(tmp_path)}
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", "econsim.app:clock"),
        env={**os.environ, **where},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            while b"nats://127.0.0.1:9" not in (said := await service.stderr.readline()):
                assert said, "it ended without a word of where it tried"
    finally:
        service.kill()
        await service.wait()

    assert b"clock goes on trying" in said
