"""Pydantic without plugins, in the process of a command."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Final

LOADER: Final = "pydantic.plugin._loader"
"""Module in which pydantic 2.14 looks for plugins; a pydantic that has none of this name takes no notice."""


class _NoPlugins(ModuleType):
    @staticmethod
    def get_plugins() -> tuple[()]:
        return ()


def load_no_plugins() -> None:
    """Have pydantic look for no plugins in this process, if it did not yet.

    With its first model it would read the entry points of every distribution that is installed, by `importlib.metadata`, which imports
    email, zipfile and socket: 30 ms and more of the start of a command (183 distributions). Its own switch in the
    environment saves a third of that, and the programs that a command starts would inherit it.
    """
    sys.modules.setdefault(LOADER, _NoPlugins(LOADER))
