"""The outside world: each module makes one port, or one part of the server, real."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

_LATE: Final = "aiohttp"
"""Library that the client library imports, if it is installed, for connections over WebSockets alone: a quarter of the
start of a command."""


class _LateModule(ModuleType):
    """The library, loaded when something of it is used."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the library has
        if sys.modules.get(_LATE) is self:
            del sys.modules[_LATE]
        return getattr(import_module(_LATE), name)


if _LATE not in sys.modules and (_SPEC := find_spec(_LATE)):
    _MODULE = sys.modules[_LATE] = _LateModule(_LATE)
    _MODULE.__spec__ = _SPEC
