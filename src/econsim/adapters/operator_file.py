"""A TOML file of tables that the operator writes: read within a limit, checked, with secrets from the environment.

No sentence here shows a value of the file or of the environment: it may be a key in the wrong place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from econsim.errors import SetupError

FILE_BYTES_MAX: Final = 2**20
"""Bytes of a file: thousands of tables."""

File = TypeVar("File", bound=BaseModel)


def read_file(path: Path, noun: str) -> str:
    """Return the text of a file; raises SetupError, with the noun for the file, if it cannot be read."""
    try:
        if path.stat().st_size <= FILE_BYTES_MAX:
            return path.read_text(encoding="utf-8")
        reason = f"it is larger than {FILE_BYTES_MAX} bytes"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "it is no UTF-8 text"
    message = f"the {noun} {path} cannot be read: {reason}"
    raise SetupError(message)


def parse_file(
    model: type[File], text: str, path: str, mistake_sentence: Callable[[ErrorDetails], str]
) -> File:
    """Return the tables of a file's text; raises SetupError with the sentence for the first mistake."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is no TOML: {error}"
    except ValidationError as error:
        message = f"{path}: {mistake_sentence(error.errors()[0])}"
    raise SetupError(message)


def mistake_place(problem: ErrorDetails, kinds: Collection[str]) -> str:
    """Return the dotted key of a mistake in a file whose tables are of these kinds."""
    # The name of a table's kind stands in the location of its keys, though not in the file.
    at = (str(part) for place, part in enumerate(problem["loc"]) if not (place == 2 and part in kinds))
    return ".".join(at) or "the file"


def plain_sentence(problem: ErrorDetails, kinds: Collection[str], noun: str) -> str:
    """Return where a file is wrong, its mistake, and the remedy; the noun is that of one table."""
    where, known = mistake_place(problem, kinds), ", ".join(kinds)
    sentences = {
        "missing": f"{where} is missing; write it",
        "union_tag_not_found": f"{where} has no kind; write one of {known}",
        "union_tag_invalid": f"{where}.kind is no kind of {noun}; write one of {known}",
    }
    return sentences.get(problem["type"], f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}")


def sendable_value(environment: Mapping[str, str], variable: str, where: str, remedy: str) -> str:
    """Return the value of an environment variable; raises SetupError for one that no header can carry."""
    value = environment.get(variable, "").strip()
    if value and value.isascii() and value.isprintable():
        return value
    fault = "has characters that cannot be sent" if value else "is not set"
    message = f"{where}: the environment variable {variable} {fault}; {remedy}"
    raise SetupError(message)
