"""The FastStream app of one worker process: it ends when it is asked to, and when its server is gone for good."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from faststream import FastStream

from econsim.adapters.cancellation import cancel_others
from econsim.errors import SetupError

if TYPE_CHECKING:
    from faststream._internal.basic_types import SettingField

_log = logging.getLogger(__name__)


class WorkerApp(FastStream):
    """An app that leaves no task behind, and ends with 1 and one line if it cannot run."""

    failure: SetupError | None = None
    """Reason why the app cannot run."""

    def fail(self, error: SetupError) -> None:
        """Stop the app, which then ends with 1; whoever started it may start it again."""
        self.failure = error
        self.exit()

    async def run(
        self,
        log_level: int = logging.INFO,
        run_extra_options: dict[str, SettingField] | None = None,
        sleep_time: float = 0.1,
    ) -> None:
        """Run until the process is asked to stop; exit with 1 if the app failed."""
        try:
            await super().run(log_level, run_extra_options, sleep_time)
        except SetupError as error:
            self.failure = error
        finally:
            await cancel_others()
        if self.failure:
            _log.error("error: %s", self.failure)
            raise SystemExit(1)
