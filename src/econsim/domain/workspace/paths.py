"""Rules of paths. Pure.

A path is a key and never reaches a file system, so nothing can escape from a workspace. The rules keep two paths from looking
alike, and let every workspace be copied into a folder of any file system.
"""

from __future__ import annotations

import unicodedata
from hashlib import sha256
from typing import Final

from econsim.errors import InvalidMessage
from econsim.schemas.workspace import PATH_BYTES_MAX

NAME_BYTES_MAX: Final = 128
"""Bytes of one name between two slashes."""

DEPTH_MAX: Final = 16
"""Names in one path."""

_FORBIDDEN: Final = frozenset('\\:*?"<>|')
"""Characters that some file systems do not take, or take for something else."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that are not seen, or change how others are seen."""


def check_path(path: str) -> str:
    """Return a path that follows the rules; raises InvalidMessage with the rule that it breaks."""
    if mistake := _mistake(path):
        shown = path if path.isprintable() else ascii(path)
        message = f"the path {shown[:120]!r} {mistake}; write names with / between them, as in notes/day_1.md"
        raise InvalidMessage(message, code="path_is_invalid")
    return path


def check_folder(folder: str) -> str:
    """Return the prefix of all paths below a folder: empty for the whole workspace, else with a slash at its end."""
    return f"{check_path(folder.removesuffix('/'))}/" if folder else ""


def path_key(path: str) -> str:
    """Return the token of a path in keys: 32 hex digits, because names in paths have more characters than tokens."""
    return sha256(path.encode()).hexdigest()[:32]


def parents(path: str) -> list[str]:
    """Return the folders that a path is in, the outermost first."""
    names = path.split("/")
    return ["/".join(names[:count]) for count in range(1, len(names))]


def _mistake(path: str) -> str:
    """Return the rule that a path breaks, or an empty text."""
    if not path or path.startswith("/"):
        return "is empty or begins with a slash, and there is nothing outside a workspace"
    if mistake := _character_mistake(path):
        return mistake
    if len(path.encode()) > PATH_BYTES_MAX:
        return f"has more than {PATH_BYTES_MAX} bytes"
    names = path.split("/")
    if len(names) > DEPTH_MAX:
        return f"has more than {DEPTH_MAX} names"
    return next((mistake for name in names if (mistake := _name_mistake(name))), "")


def _character_mistake(path: str) -> str:
    if path.isascii():
        return "" if path.isprintable() else "has a character that nobody sees"
    if any(unicodedata.category(character) in _INVISIBLE for character in path):
        return "has a character that nobody sees"
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode's composed form (NFC), so that two paths could look alike"
    return ""


def _name_mistake(name: str) -> str:
    if name in ("", ".", ".."):
        return f"has {name!r} as a name"
    if len(name.encode()) > NAME_BYTES_MAX:
        return f"has a name of more than {NAME_BYTES_MAX} bytes"
    if bad := next((character for character in name if character in _FORBIDDEN), ""):
        return f"has the character {bad!r}"
    if name != name.strip() or name.endswith("."):
        return "has a name with a space at an end, or a full stop at its end"
    return ""
