"""The check that a call's schemas are JSON Schemas of bounded cost, and that an answer follows them. Pure.

Schemas come from untrusted agents, and the texts that they check from models that those agents instruct. So patterns run
on an engine of linear time, nothing is fetched, and the schema with every reference written out has a bounded size:
references to references double the work with every step, and a cycle of them has no bound at all. `jsonschema_rs` is
imported at the first check, for it costs a start a tenth of a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from econsim.domain.cognition.answer_text import without_fence
from econsim.errors import InvalidMessage
from econsim.schemas.model_call import Completion, FinishReason, Prompt
from econsim.schemas.shared_schema import schema_text

if TYPE_CHECKING:
    from jsonschema_rs import Validator

SCHEMA_BYTES_MAX: Final = 32 * 1024
"""Bytes of one schema as JSON: several hundred fields with their descriptions."""

SCHEMA_DEPTH_MAX: Final = 32
"""Levels of objects and lists in one schema, its references written out."""

SCHEMA_PARTS_MAX: Final = 5_000
"""Objects and lists in one schema, its references written out."""

PATTERN_PARTS: Final = 100
"""Parts that a pattern counts for: the slowest takes milliseconds for a kilobyte."""

PATTERN_BYTES_MAX: Final = 2**16
"""Bytes of one compiled pattern."""

WORK_MAX: Final = 50_000_000
"""Bytes of a text times the parts of its schema: in the worst case a check of two seconds."""

_SHOWN_MAX: Final = 200
"""Characters of a library's message that a sentence repeats."""

_FOREIGN: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor")
"""Keywords that change the base of references, or point by other means than a path."""

_DIALECTS: Final = ("2020-12", "2019-09", "draft-07", "draft-06")
"""Parts of the addresses of the dialects that are taken; older ones have other words for the same."""


def check_schemas(prompt: Prompt) -> None:
    """Refuse a response schema or parameters of a tool that are no JSON Schema, or one without bounds.

    Raises InvalidMessage with the path in the schema.
    """
    if prompt.response_schema is not None and (fault := schema_fault(prompt.response_schema)):
        message = f"response_schema is not a JSON Schema that is taken: {fault}"
        raise InvalidMessage(message, code="response_schema_is_not_valid")
    for tool in prompt.tools:
        if tool.parameters is not None and (fault := schema_fault(tool.parameters)):
            message = f"parameters of tool {tool.name!r} are not a JSON Schema that is taken: {fault}"
            raise InvalidMessage(message, code="tool_parameters_are_not_valid")


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Return the fault of a schema as a sentence with its path; None for a schema that is taken."""
    try:
        text = schema_text(schema)
    except (RecursionError, ValueError):
        return f"it has more than {SCHEMA_DEPTH_MAX} levels"
    if len(text) > SCHEMA_BYTES_MAX:
        return f"it has {len(text)} bytes; at most {SCHEMA_BYTES_MAX} are taken"
    return _compile(text).fault


def text_fault(schema: Mapping[str, Any], text: str) -> str | None:
    """Return the fault of a text that must be JSON and follow a schema that is taken; None if it does."""
    try:
        value = _DECODER.decode(text)
    except (RecursionError, ValueError) as error:
        return f"it is not JSON: {_one_line(str(error))}"
    compiled = _compile(schema_text(schema))
    if compiled.validator is None:
        return f"its schema is not taken: {compiled.fault}"
    if len(text) * compiled.parts > WORK_MAX:
        return f"its {len(text)} characters are too many to check with a schema of {compiled.parts} parts"
    try:
        fault = next(compiled.validator.iter_errors(value), None)
    except ValueError as error:
        return _one_line(str(error))
    return None if fault is None else f"{_place(fault.instance_path)}{_one_line(fault.message)}"


def answer_fault(prompt: Prompt, completion: Completion) -> str | None:
    """Return why an answer does not follow the schemas of its prompt, as a sentence; None if it does."""
    tools = {tool.name: tool for tool in prompt.tools}
    for call in completion.tool_calls:
        if call.name not in tools:
            return f"it calls tool {call.name!r}, which the prompt does not offer"
        parameters = tools[call.name].parameters or {}
        if fault := text_fault(parameters, call.arguments or "{}"):
            return f"arguments of tool {call.name!r} do not follow its parameters: {fault}"
    if prompt.response_schema is None or completion.tool_calls:
        return None
    fault = text_fault(prompt.response_schema, without_fence(completion.content))
    if fault and completion.finish_reason is FinishReason.LENGTH:
        return f"it ends at max_tokens {prompt.max_tokens}: {fault}"
    return fault


class _Compiled(NamedTuple):
    validator: Validator | None
    """Validator of the schema; None for one that is not taken."""
    parts: int = 0
    """Size of the schema, its references written out."""
    fault: str | None = None
    """Fault of a schema that is not taken."""


@lru_cache(maxsize=256)
def _compile(text: bytes) -> _Compiled:
    import jsonschema_rs  # noqa: PLC0415 - costs a start a tenth of a second, and few runs have a schema

    schema = json.loads(text)
    parts, fault = _measure(schema)
    if fault:
        return _Compiled(None, fault=fault)
    options = jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES_MAX)
    try:
        validator = jsonschema_rs.validator_for(schema, retriever=_refuse_address, pattern_options=options)
    except jsonschema_rs.ValidationError as error:
        return _Compiled(None, fault=f"{_place(error.instance_path)}{_one_line(error.message)}")
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return _Compiled(None, fault=_one_line(str(error)))
    return _Compiled(validator, parts)


def _measure(schema: object) -> tuple[int, str | None]:
    """Return the parts of a schema, its references written out; and its fault if it is too large or points outside."""
    parts = 0
    # Each entry is a part of the schema, its path, and the references that were followed on the way to it.
    open_parts: list[tuple[object, tuple[str, ...], tuple[str, ...]]] = [(schema, (), ())]
    while open_parts:
        part, path, followed = open_parts.pop()
        parts += _weight(part)
        if len(path) > SCHEMA_DEPTH_MAX:
            return parts, f"{_place(path[:4], '…')}it has more than {SCHEMA_DEPTH_MAX} levels"
        if parts > SCHEMA_PARTS_MAX:
            counted = f"{SCHEMA_PARTS_MAX} parts, of which a pattern counts for {PATTERN_PARTS}"
            return parts, f"with its references written out it has more than {counted}"
        words = _words(part)
        if fault := _words_fault(words):
            return parts, f"{_place(path)}{fault}"
        if "$ref" in words:
            target, fault = _follow(schema, words["$ref"], followed)
            if fault:
                return parts, f"{_place(path)}{fault}"
            open_parts.append((target, (*path, "$ref"), (*followed, words["$ref"])))
        open_parts += [(each, (*path, key), followed) for key, each in _inner(part)]
    return parts, None


def _words(part: object) -> dict[str, str]:
    """Return the keywords of a part that have a text."""
    return (
        {name: word for name, word in part.items() if isinstance(word, str)} if isinstance(part, dict) else {}
    )


def _words_fault(words: Mapping[str, str]) -> str | None:
    if "$schema" in words and not any(dialect in words["$schema"] for dialect in _DIALECTS):
        return f"the dialects that are taken are {', '.join(_DIALECTS)}"
    if foreign := next((name for name in _FOREIGN if name in words), None):
        return f"{foreign} is not taken; references are paths like #/$defs/order"
    return None


def _weight(part: object) -> int:
    if not isinstance(part, dict):
        return 1
    patterns = part.get("patternProperties")
    several = len(patterns) if isinstance(patterns, dict) else 0
    return 1 + PATTERN_PARTS * (several + isinstance(part.get("pattern"), str))


def _follow(schema: object, reference: str, followed: tuple[str, ...]) -> tuple[object, str | None]:
    """Return the part that a reference points at, or the fault of the reference."""
    if not reference.startswith("#"):
        return None, f"reference {reference[:60]!r} points outside the schema; nothing is fetched"
    if reference in followed or reference == "#":
        return None, f"reference {reference[:60]!r} leads back to itself; write out the levels that you need"
    part = schema
    for word in reference.removeprefix("#").removeprefix("/").split("/"):
        key = word.replace("~1", "/").replace("~0", "~")
        if isinstance(part, dict) and key in part:
            part = part[key]
        elif isinstance(part, list) and key.isdecimal() and int(key[:9]) < len(part):
            part = part[int(key)]
        else:
            return None, f"reference {reference[:60]!r} points at nothing"
    return part, None


def _inner(part: object) -> Iterator[tuple[str, object]]:
    """Yield the objects and lists inside an object or list, with their keys; definitions count where they are used."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, each in pairs:
        if isinstance(each, dict | list):
            yield str(key), each


def _place(parts: object, more: str = "") -> str:
    """Return the place of a fault as the beginning of its sentence; nothing for the value as a whole."""
    path = ".".join(str(part)[:40] for part in parts) if isinstance(parts, tuple | list) else ""
    return f"{path}{more}: " if path else ""


def _one_line(message: str) -> str:
    """Return a library's message in one short line; its reason stands at its end."""
    line = message.partition("\n")[0]
    return line if len(line) <= _SHOWN_MAX else f"{line[:60]}…{line[60 - _SHOWN_MAX :]}"


def _refuse_address(address: str) -> NoReturn:
    message = f"reference {address[:60]!r} points outside the schema; nothing is fetched"
    raise ValueError(message)


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a number of JSON"
    raise ValueError(message)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
