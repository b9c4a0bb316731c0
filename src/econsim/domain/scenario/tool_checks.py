"""The check of a scenario's tools that needs JSON Schema: their parameters, and the arguments of recorded answers. Pure."""

from __future__ import annotations

from econsim.domain.cognition.schema_check import schema_fault, text_fault
from econsim.domain.mcp.request import canonical_json
from econsim.errors import InvalidMessage, ScenarioError
from econsim.schemas.scenario_tools import OfferedTool, RecordedAnswer


def check_offered_tools(tools: tuple[OfferedTool, ...]) -> None:
    """Refuse parameters that are no JSON Schema, and recorded answers to arguments that no call can have.

    Raises ScenarioError with the tool.
    """
    for tool in tools:
        if fault := _json_fault(tool.parameters) or schema_fault(tool.parameters):
            message = f"parameters of tool {tool.name!r} are not a JSON Schema that is taken: {fault}"
            raise ScenarioError(message, key="parameters", tool=tool.name)
        for number, answer in enumerate(tool.answers, 1):
            if fault := _answer_fault(tool, answer):
                message = (
                    f"params of answer {number} of tool {tool.name!r} are none that a call can have: {fault}"
                )
                raise ScenarioError(message, key="answers", tool=tool.name)


def _answer_fault(tool: OfferedTool, answer: RecordedAnswer) -> str | None:
    return _json_fault(answer.params) or text_fault(tool.parameters, canonical_json(answer.params))


def _json_fault(value: dict[str, object]) -> str | None:
    """Return why a table is no JSON: TOML has dates, and numbers that JSON does not have."""
    try:
        canonical_json(value)
    except (InvalidMessage, TypeError) as error:
        return str(error)
    return None
