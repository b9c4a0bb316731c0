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

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic_core import ErrorDetails

from econsim.adapters.models.limits import ClosableProvider, LimitedProvider
from econsim.adapters.operator_file import (
    mistake_place,
    parse_file,
    plain_sentence,
    read_file,
    sendable_value,
)
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
_VARIABLE_REMEDY: Final = "put the key into it, or leave key_env out for a server without keys"
_URL_REMEDY: Final = 'write one like "http://127.0.0.1:11434/v1", without user, query, or slash at the end'


def read_providers(path: Path, environment: Mapping[str, str]) -> dict[str, LimitedProvider]:
    """Return the providers of a file by name, each within its limits, not yet connected.

    Raises SetupError that names the file, the key, the mistake and the remedy.
    """
    tables = parse_providers(read_file(path, "provider file"), str(path)).providers
    return {
        name: LimitedProvider(_provider(f"{path}: providers.{name}", name, table, environment))
        for name, table in tables.items()
    }


def provider_faults(path: Path, environment: Mapping[str, str]) -> dict[str, tuple[ProviderTable, str]]:
    """Return name → the table of each provider of a file, and why it cannot be used here; empty if it can.

    Raises SetupError for a file that is wrong as a whole.
    """
    found: dict[str, tuple[ProviderTable, str]] = {}
    for name, table in parse_providers(read_file(path, "provider file"), str(path)).providers.items():
        try:
            _provider(f"providers.{name}", name, table, environment)
        except SetupError as error:
            found[name] = table, str(error)
        else:
            found[name] = table, ""
    return found


def parse_providers(text: str, path: str) -> ProviderFile:
    """Return the tables of a provider file's text; raises SetupError."""
    file = parse_file(ProviderFile, text, path, _sentence)
    for name in sorted(RESERVED & set(file.providers)):
        message = f"{path}: providers.{name}: this name belongs to econsim's own provider; use another"
        raise SetupError(message)
    return file


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
    where = f"{where}.key_env"
    key = sendable_value(environment, variable, where, _VARIABLE_REMEDY)
    if " " in key:
        message = (
            f"{where}: the environment variable {variable} has a space, which no key has; {_VARIABLE_REMEDY}"
        )
        raise SetupError(message)
    return key


def _sentence(problem: ErrorDetails) -> str:
    """Return where a file is wrong, its mistake, and the remedy."""
    where, key = mistake_place(problem, _TABLES), str(problem["loc"][-1])
    if problem["type"] == "extra_forbidden":
        remedy = _KEY_REMEDY if key in _SECRETS else _known_keys(problem, key)
        return f"{where} is no key of this table; {remedy}"
    if key == "base_url" and problem["type"] == "string_pattern_mismatch":
        return f"{where} is no address; {_URL_REMEDY}"
    return plain_sentence(problem, _TABLES, "provider")


def _known_keys(problem: ErrorDetails, key: str) -> str:
    kind = next((str(part) for part in problem["loc"] if part in _TABLES), "")
    keys = sorted(_TABLES[kind].model_fields) if kind else sorted(ProviderFile.model_fields)
    near = get_close_matches(key, keys, n=1)
    return f"did you mean {near[0]}?" if near else f"it takes {', '.join(keys)}"
