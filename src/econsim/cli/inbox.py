"""`econsim inbox`: the questions that wait for a person, and the answers; questions of a person to an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.operator_connection import connect_operator
from econsim.cli.output import print_text_of_others, say
from econsim.cli.run_argument import RunArgument

if TYPE_CHECKING:
    from econsim.cli.operator_connection import OperatorConnection
    from econsim.config import Settings
    from econsim.schemas.base import Message
    from econsim.schemas.social import Question, Questions

WAIT_MS: Final = 4_000
"""Milliseconds that one request waits for a question: less than an operator's request may last."""

ANSWER_S: Final = 60.0
"""Seconds that `ask` waits by default."""

inbox: Final = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Answer the questions of agents, and ask them."
)

QuestionArgument = Annotated[
    str,
    typer.Argument(
        help="Id of a question, as `inbox show` has it.", metavar="QUESTION", parser=option_types.text
    ),
]
"""Argument: id of a question."""

TextArgument = Annotated[
    str, typer.Argument(help="Text of the answer or question.", metavar="TEXT", parser=option_types.text)
]
"""Argument: a text of the person."""


@inbox.command()
def show(context: typer.Context, run: RunArgument = "last", *, as_json: JsonOption = False) -> None:
    """Show the questions of a run that wait for an answer.

    Example: [cyan]econsim inbox show last[/cyan]
    """
    run_async(_show(settings_of(context), run, as_json=as_json))


@inbox.command()
def answer(context: typer.Context, run: RunArgument, question: QuestionArgument, text: TextArgument) -> None:
    """Answer a question: `yes` or `no` to a confirmation, an option of a list, else any text.

    Example: [cyan]econsim inbox answer last question.ana.q1 yes[/cyan]
    """
    run_async(_answer(settings_of(context), run, question, text))


@inbox.command()
def watch(context: typer.Context, run: RunArgument = "last") -> None:
    """Show each question as it comes and ask for its answer, until Ctrl-C; an empty answer leaves it waiting.

    Example: [cyan]econsim inbox watch last[/cyan]
    """
    config, left = settings_of(context), set[str]()
    while True:
        question = run_async(_next(config, run, left))
        _print(question)
        text = typer.prompt("answer", default="", show_default=False)
        if text:
            run_async(_answer(config, run, question.question_id, text))
        else:
            left.add(question.question_id)


@inbox.command()
def ask(
    context: typer.Context,
    run: RunArgument,
    agent: Annotated[
        str, typer.Argument(help="Name of an agent.", metavar="AGENT", parser=option_types.name)
    ],
    text: TextArgument,
    *,
    deadline: Annotated[
        float,
        typer.Option(
            help="Seconds that the agent has for its answer",
            metavar="SECONDS",
            parser=option_types.Seconds(0.001, 604_800.0),
        ),
    ] = ANSWER_S,
) -> None:
    """Ask an agent and wait for its answer.

    Example: [cyan]econsim inbox ask last ana "Why so dear?"[/cyan]
    """
    run_async(_ask(settings_of(context), run, agent, text, deadline))


async def _show(config: Settings, run: str, *, as_json: bool) -> None:
    from econsim.schemas.social import Audience, ListQuestions

    name = await _open_run(config, run)
    async with connect_operator(config) as operator:
        found = await _list(operator, name, ListQuestions())
    waiting = [each for each in found.questions if each.audience is Audience.PERSON]
    if as_json:
        write_rows(question.model_dump(mode="json") for question in waiting)
        return
    if not waiting:
        say("no question of {run} waits for an answer", run=name)
    for question in waiting:
        _print(question)


async def _next(config: Settings, run: str, left: set[str]) -> Question:
    """Wait for a question that the person has not left."""
    from econsim.schemas.social import Audience, ListQuestions

    name = await _open_run(config, run)
    async with connect_operator(config, brief=False) as operator:
        version = wait_ms = 0
        while True:
            found = await _list(operator, name, ListQuestions(after=version, wait_ms=wait_ms))
            people = (each for each in found.questions if each.audience is Audience.PERSON)
            if new := next((each for each in people if each.question_id not in left), None):
                return new
            version, wait_ms = found.version, WAIT_MS


async def _answer(config: Settings, run: str, question_id: str, text: str) -> None:
    from econsim import subjects
    from econsim.schemas.base import validated_message
    from econsim.schemas.social import AnswerQuestion, Question

    name = await _open_run(config, run)
    request = validated_message(AnswerQuestion, question_id=question_id, answer=text)
    async with connect_operator(config) as operator:
        answered = await operator.ask(subjects.ANSWER_QUESTION, request, Question, run=name)
    say("{id} is answered", id=answered.question_id)


async def _ask(config: Settings, run: str, agent: str, text: str, deadline_s: float) -> None:
    from econsim import subjects
    from econsim.adapters.clock import random_id
    from econsim.schemas.base import validated_message
    from econsim.schemas.social import AskAgent, ListQuestions, Question, QuestionState

    name = await _open_run(config, run)
    fields = {"request_id": random_id(), "agent": agent, "text": text}
    request = validated_message(AskAgent, **fields, deadline_ms=round(deadline_s * 1_000))
    async with connect_operator(config, brief=False) as operator:
        question = await operator.ask(subjects.ASK_AGENT, request, Question, run=name)
        found = await _list(operator, name, ListQuestions())
        while any(each.question_id == question.question_id for each in found.questions):
            found = await _list(operator, name, ListQuestions(after=found.version, wait_ms=WAIT_MS))
        # A repeat is the same question, with its answer.
        question = await operator.ask(subjects.ASK_AGENT, request, Question, run=name)
    if question.state is QuestionState.ANSWERED:
        print_text_of_others(question.answer or "")
    else:
        say("{agent} did not answer: the question is {state}", agent=agent, state=question.state.value)
        raise typer.Exit(1)


async def _open_run(config: Settings, run: str) -> str:
    from econsim import subjects
    from econsim.adapters.jetstream import run_reader
    from econsim.cli.run_names import resolve
    from econsim.errors import NotFound

    async with connect_to_server(config) as client:
        name = await resolve(client, run)
        if await run_reader.newest(client, subjects.RUN_CLOSED(run=name)):
            message = (
                f"run {name!r} has ended, and its questions with it; `econsim runs` lists those that are open"
            )
            raise NotFound(message, code="run_is_closed")
        return name


async def _list(operator: OperatorConnection, run: str, request: Message) -> Questions:
    from econsim import subjects
    from econsim.schemas.social import Questions

    return await operator.ask(subjects.LIST_QUESTIONS, request, Questions, run=run)


def _print(question: Question) -> None:
    """Print a question: who asks, until when, the text, and the possible answers."""
    from econsim.schemas.social import QuestionKind

    who, end = question.asker, f"{question.deadline_at[:19]} UTC"
    if question.deadline_tick is not None:
        end = f"the end of tick {question.deadline_tick}"
    say("[bold]{id}[/bold]  {who} asks, until {end}", id=question.question_id, who=who, end=end)
    print_text_of_others(question.text)
    offered = ("yes", "no") if question.kind is QuestionKind.CONFIRM else question.options
    if offered:
        say("answers:")
        for option in offered:
            print_text_of_others(option)
    if question.default is not None:
        say("without an answer:")
        print_text_of_others(question.default)
