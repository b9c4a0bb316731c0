"""Policies of one's own as a scenario names them: `module:Class`, and the digest of their source."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import (
    ValidatorFunctionWrapHandler,
    no_info_wrap_validator_function,
    simple_ser_schema,
)

from econsim.schemas.scenario_parts import ScenarioPart, wrong
from econsim.schemas.scenario_words import PolicyName

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
PATH_PATTERN: Final = rf"^{_NAME}(\.{_NAME})*:{_NAME}(\.{_NAME})*$"
"""Pattern of `module:Class`."""

_IS_MEANT_AS_PATH: Final = re.compile(r"[:./\\]")
"""Characters that no word of econsim's has."""

PATH_LENGTH_MAX: Final = 200
"""Characters of `module:Class`: no module that people name is longer."""


class PolicyPath(str):
    """A policy of one's own, as `module:Class`."""

    __slots__ = ()

    @property
    def module(self) -> str:
        """Name of the module."""
        return self.partition(":")[0]

    @property
    def qualname(self) -> str:
        """Name of the class in its module."""
        return self.partition(":")[2]


class _PolicyForm:
    """Validation of a policy: one of econsim's words, `module:Class`, or such a class itself."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        words = handler.generate_schema(PolicyName)
        return no_info_wrap_validator_function(_read, words, serialization=simple_ser_schema("str"))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        words: JsonSchemaValue = handler(schema)
        path = {"type": "string", "pattern": PATH_PATTERN, "maxLength": PATH_LENGTH_MAX}
        return {"anyOf": [words, path]}


GroupPolicy = Annotated[PolicyName | PolicyPath, _PolicyForm()]
"""Policy of a group: one of econsim's, or one's own as `module:Class`."""


class PolicySource(ScenarioPart):
    """A policy of one's own, and the digest of its source when the run was opened."""

    policy: Annotated[str, Field(pattern=PATH_PATTERN, max_length=PATH_LENGTH_MAX)]
    """Policy, as `module:Class`."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the source: of the module's file, or of all files of its top package."""


def _read(value: object, words: ValidatorFunctionWrapHandler) -> PolicyName | PolicyPath:
    """Return a policy; raises an error with the right form for a class that nobody could find again, and a wrong path."""
    if isinstance(value, type):
        value = f"{value.__module__}:{value.__qualname__}"
    if not isinstance(value, str) or not _IS_MEANT_AS_PATH.search(value):
        return words(value)  # type: ignore[no-any-return]  # the validator of PolicyName
    if "<locals>" in value:
        what = f"{value!r} is a class inside a function"
        raise wrong(what, "move it to the top of its module")
    module = value.partition(":")[0]
    if len(value) > PATH_LENGTH_MAX or not re.fullmatch(PATH_PATTERN, value) or module.endswith(".py"):
        what = f"{value[:PATH_LENGTH_MAX]!r} is no policy of one's own"
        raise wrong(what, 'write module:Class, like "my_policies:Patient", without a path and without .py')
    return PolicyPath(value)
