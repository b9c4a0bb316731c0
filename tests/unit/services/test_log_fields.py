"""Fields of the log: of the leader task that logs, and of no other."""

import asyncio

from econsim.services.log_fields import log_fields, note_task


async def test_each_task_has_its_own() -> None:
    async def work(run):
        note_task("market", f"book.{run}.cpu", run)
        await asyncio.sleep(0)
        return log_fields()

    found = await asyncio.gather(work("r1"), work("r2"))

    assert found[0] == {"service": "market", "task": "book.r1.cpu", "run": "r1"}
    assert found[1]["run"] == "r2"


def test_a_process_of_its_own_names_its_service() -> None:
    assert log_fields("ledger") == {"service": "ledger"}
    assert log_fields() == {}
