"""Late loading of two libraries, from the import of this module on: a stand-in takes the place of each until something of it is used.

nats-py 2.16.0 imports aiohttp for a transport over WebSockets, FastStream 0.7.8 uvicorn for apps over HTTP, wherever they are
installed; nothing here uses them for that. aiohttp alone takes longer to import than nats-py. Composition roots import this module first.
The standard library's loader of lazy modules does not do it: what it made is loaded by the next import, used or not.
To report: nats-py could import aiohttp where it connects, FastStream uvicorn where it serves.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final

LIBRARIES: Final = ("aiohttp", "uvicorn")
"""Names of the libraries that are loaded late."""


class _StandIn(ModuleType):
    """Module that has nothing itself: asked for anything, it loads the library in its place and passes on what that has."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


for _library in LIBRARIES:
    if _library not in sys.modules and (_spec := find_spec(_library)):
        sys.modules[_library] = _StandIn(_library)
        sys.modules[_library].__spec__ = _spec  # who looks whether the library is there reads it
