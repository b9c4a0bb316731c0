r"""Paths in the configuration of a nats-server: any path, quoted so that the server reads the same one.

A string of the configuration has the escapes `\t \n \r \" \\` and, for any other byte, `\xHH`, but not JSON's `\u`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_ESCAPED: Final = re.compile(rb"[\x00-\x1f\x7f\"\\]")
_ESCAPE: Final = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_SHORT: Final = {b'"': b'\\"', b"\\": b"\\\\"}


def quote(path: Path) -> str:
    """Return a path as a string of the configuration, in which every name a directory can have is right."""
    escaped = _ESCAPED.sub(lambda byte: _SHORT.get(byte[0], b"\\x%02X" % byte[0][0]), os.fsencode(path))
    return f'"{os.fsdecode(escaped)}"'


def unquote(text: str) -> Path:
    """Return the path of a string that `quote` made."""
    raw = _ESCAPE.sub(
        lambda escape: bytes([int(escape[1][1:], 16)]) if len(escape[1]) == 3 else escape[1],
        os.fsencode(text[1:-1]),
    )
    return Path(os.fsdecode(raw))
