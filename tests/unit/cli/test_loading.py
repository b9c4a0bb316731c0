"""The command while Python is still loading it."""

from __future__ import annotations

import subprocess
import sys

INTERRUPTED = """
import signal, sys
import econsim.__main__ as command

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "econsim.cli":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
command.main()
"""
"""The command, stopped with Ctrl-C as soon as it loads something."""


def test_a_command_that_is_stopped_while_it_loads_prints_one_word() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


PLUGINS_LOOKED_FOR = """
import sys
from contextlib import suppress
import econsim.__main__ as command

sys.argv = ["econsim", "scenarios"]
with suppress(SystemExit):
    command.main()
sys.exit("pydantic" not in sys.modules or "importlib.metadata" in sys.modules)
"""
"""A command that reads scenarios: its status is 1 if it looked through what is installed."""


def test_a_command_does_not_look_through_all_that_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLUGINS_LOOKED_FOR], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
