"""Read the operator's provider file: TOML, checked, with the keys from the environment. `rules` and `recorded` need none.

::

    [providers.ollama]
    kind = "openai_compatible"
    base_url = "http://127.0.0.1:11434/v1"
    models = { default = "qwen2.5:0.5b" }

    [providers.claude]
    kind = "named"
    vendor = "anthropic"
    key_env = "ANTHROPIC_API_KEY"

    [providers.small]
    kind = "local"

No sentence here shows a value of the file or of the environment: it may be a key in the wrong place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from econsim.adapters.models.limits import ClosableProvider, LimitedProvider
from econsim.errors import SetupError
from econsim.schemas.provider_file import (
    LocalTable,
    NamedTable,
    OpenAiCompatibleTable,
    ProviderFile,
    ProviderTable,
)
from econsim.schemas.scenario_cognition import RECORDED, RULES

RESERVED: Final = frozenset({RULES, RECORDED})
"""Names of the providers that need no table: nobody may configure another one under them."""

FILE_BYTES_MAX: Final = 2**20
"""Bytes of a provider file: thousands of providers."""

_TABLES: Final = {
    table.model_fields["kind"].annotation.__args__[0]: table  # type: ignore[union-attr]  # each is a Literal
    for table in (OpenAiCompatibleTable, NamedTable, LocalTable)
}
_NEEDS: Final = {
    "openai_compatible": ("llm", ("aiohttp",)),
    "named": ("llm", ("pydantic_ai",)),
    "local": ("local", ("xllamacpp", "aiohttp")),
}
_SECRETS: Final = ("key", "api_key", "token", "secret", "password")

_KEY_REMEDY: Final = "put the key into an environment variable, and the name of the variable into key_env"
_URL_REMEDY: Final = 'write one like "http://127.0.0.1:11434/v1", without user, query, or slash at the end'


def read_providers(path: Path, environment: Mapping[str, str]) -> dict[str, LimitedProvider]:
    """Return the providers of a file by name, each within its limits, not yet connected.

    Raises SetupError that names the file, the key, the mistake and the remedy.
    """
    tables = parse_providers(_text(path), str(path)).providers
    return {
        name: LimitedProvider(_provider(f"{path}: providers.{name}", name, table, environment))
        for name, table in tables.items()
    }


def provider_faults(path: Path, environment: Mapping[str, str]) -> dict[str, tuple[ProviderTable, str]]:
    """Return name → the table of each provider of a file, and why it cannot be used here; empty if it can.

    Raises SetupError for a file that is wrong as a whole.
    """
    found: dict[str, tuple[ProviderTable, str]] = {}
    for name, table in parse_providers(_text(path), str(path)).providers.items():
        try:
            _provider(f"providers.{name}", name, table, environment)
        except SetupError as error:
            found[name] = table, str(error)
        else:
            found[name] = table, ""
    return found


def parse_providers(text: str, path: str) -> ProviderFile:
    """Return the tables of a provider file's text; raises SetupError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is no TOML: {error}"
        raise SetupError(message) from None
    try:
        file = ProviderFile.model_validate(data)
    except ValidationError as error:
        message = f"{path}: {_sentence(error.errors()[0])}"
        raise SetupError(message) from None
    for name in sorted(RESERVED & set(file.providers)):
        message = f"{path}: providers.{name}: this name belongs to econsim's own provider; use another"
        raise SetupError(message)
    return file


def _text(path: Path) -> str:
    """Return the text of a file; raises SetupError if it cannot be read."""
    try:
        if path.stat().st_size <= FILE_BYTES_MAX:
            return path.read_text(encoding="utf-8")
        reason = f"it is larger than {FILE_BYTES_MAX} bytes"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "it is no UTF-8 text"
    message = f"the provider file {path} cannot be read: {reason}"
    raise SetupError(message)


def _provider(
    where: str,
    name: str,
    table: OpenAiCompatibleTable | NamedTable | LocalTable,
    environment: Mapping[str, str],
) -> ClosableProvider:
    """Return the provider of a table; its library is imported here and not before."""
    _require_library(where, table.kind)
    match table:
        case OpenAiCompatibleTable():
            from econsim.adapters.models.openai_compatible import OpenAiCompatibleProvider

            return OpenAiCompatibleProvider(name, table, _key(where, table.key_env, environment))
        case NamedTable():
            from econsim.adapters.models.named import NamedProvider

            return NamedProvider(name, table, _key(where, table.key_env, environment))
        case LocalTable():
            from econsim.adapters.models.local import LocalProvider

            return LocalProvider(name, table)


def _require_library(where: str, kind: str) -> None:
    """Raise SetupError, with the command that installs it, if the library of a kind is not there."""
    extra, modules = _NEEDS[kind]
    if not all(find_spec(module) for module in modules):
        message = f"{where}: kind {kind!r} needs more than econsim itself; install it with `pip install 'econsim[{extra}]'`"
        raise SetupError(message)


def _key(where: str, variable: str | None, environment: Mapping[str, str]) -> str | None:
    """Return the key in an environment variable; raises SetupError if there is none that can be sent."""
    if variable is None:
        return None
    key = environment.get(variable, "").strip()
    if key and key.isascii() and key.isprintable() and " " not in key:
        return key
    fault = "has characters that no key has" if key else "is not set"
    message = f"{where}.key_env: the environment variable {variable} {fault}; put the key into it, or leave key_env out for a server without keys"
    raise SetupError(message)


def _sentence(problem: ErrorDetails) -> str:
    """Return where a file is wrong, its mistake, and the remedy."""
    # The name of a table's kind stands in the location of its keys, though not in the file.
    at = [str(part) for place, part in enumerate(problem["loc"]) if not (place == 2 and part in _TABLES)]
    key, where = at[-1] if at else "", ".".join(at) or "the file"
    fault = problem["type"]
    if fault == "extra_forbidden":
        remedy = _KEY_REMEDY if key in _SECRETS else _known_keys(problem, key)
        return f"{where} is no key of this table; {remedy}"
    if key == "base_url" and fault == "string_pattern_mismatch":
        return f"{where} is no address; {_URL_REMEDY}"
    kinds = ", ".join(_TABLES)
    sentences = {
        "missing": f"{where} is missing; write it",
        "union_tag_not_found": f"{where} has no kind; write one of {kinds}",
        "union_tag_invalid": f"{where}.kind is no kind of provider; write one of {kinds}",
    }
    return sentences.get(fault, f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}")


def _known_keys(problem: ErrorDetails, key: str) -> str:
    kind = next((str(part) for part in problem["loc"] if part in _TABLES), "")
    keys = sorted(_TABLES[kind].model_fields) if kind else sorted(ProviderFile.model_fields)
    near = get_close_matches(key, keys, n=1)
    return f"did you mean {near[0]}?" if near else f"it takes {', '.join(keys)}"
