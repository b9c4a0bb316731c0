"""The tables of a scenario file about outside tools: their prices, and answers of an earlier run that need no server."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.money import Credits
from econsim.schemas.scenario_parts import ScenarioPart, wrong
from econsim.schemas.types import JsonObject, ServerName

TOOLS_MAX: Final = 64
"""Tools of one scenario: as many as one call of a model may offer."""

ANSWERS_MAX: Final = 1_000
"""Recorded answers of one tool; a scenario is sent whole in the run's opening."""

OWN_TOOLS: Final = (
    "write_note",
    "append_note",
    "read_note",
    "ask_person",
    "delegate_task",
    "accept_task",
    "deliver_result",
    "approve_result",
    "reject_result",
)
"""Tools that no server offers but econsim itself: files of the agent, people, and tasks between agents."""

OfferedName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
"""Name of a tool, as its server has it and as a model can call it."""


class RecordedAnswer(ScenarioPart):
    """An answer that a tool gave to these arguments."""

    params: JsonObject = Field(default_factory=dict)
    """Arguments of the call."""
    text: str
    """Text of the answer."""
    structured: JsonObject | None = None
    """Answer as one object, from a tool that gives one."""
    is_error: Annotated[bool, Field(strict=True)] = False
    """True if the tool reported an error."""


class OfferedTool(ScenarioPart):
    """A tool that the agents of a run may call."""

    name: OfferedName
    """Name of the tool at its server; unique in the scenario."""
    server: ServerName
    """Server of the tool, as the operator's file names it."""
    description: str = ""
    """Description of the tool for the models."""
    parameters: JsonObject = Field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON Schema of the arguments."""
    price: Credits = 0
    """Price of a call, credits; also of one in which the tool reports an error."""
    answers: Annotated[tuple[RecordedAnswer, ...], Field(max_length=ANSWERS_MAX)] = ()
    """Recorded answers: they answer every call, so that the run needs no server; empty for a tool that is asked."""


def check_tools(tools: tuple[OfferedTool, ...]) -> None:
    """Refuse two tools of one name, two answers to equal arguments, and a server with answers of some of its tools alone."""
    recorded = {tool.server for tool in tools if tool.answers}
    for place, tool in enumerate(tools):
        if tool.name in OWN_TOOLS:
            what = f"tool {tool.name!r} has the name of one that every scenario has"
            raise wrong(what, "use another name", "tools", place, "name")
        if tool.name in [each.name for each in tools[:place]]:
            what = f"tool {tool.name!r} is declared twice"
            raise wrong(what, "use another name", "tools", place, "name")
        if tool.server in recorded and not tool.answers:
            what = f"tool {tool.name!r} has no answers, and other tools of server {tool.server!r} have recorded ones"
            raise wrong(what, "record its answers too, or those of none", "tools", place, "name")
        _check_answers(tool, place)


def _check_answers(tool: OfferedTool, place: int) -> None:
    for number, answer in enumerate(tool.answers):
        if answer.params in [each.params for each in tool.answers[:number]]:
            what = f"tool {tool.name!r} has two answers to equal params"
            raise wrong(what, "leave one out", "tools", place, "answers", number, "params")


def check_used_tools(used: tuple[str, ...], tools: tuple[OfferedTool, ...], *at: int | str) -> None:
    """Refuse the use of a tool that is not declared, and of one tool twice."""
    names = [*(tool.name for tool in tools), *OWN_TOOLS]
    for place, name in enumerate(used):
        if name in used[:place]:
            what = f"tool {name!r} stands there twice"
            raise wrong(what, "name it once", *at)
        if name not in names:
            near = get_close_matches(name, names, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"declare it, or use one of {', '.join(names)}"
            what = f"{name!r} is not among the tools of the scenario"
            raise wrong(what, remedy, *at)
