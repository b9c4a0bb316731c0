"""`econsim inbox` without a server: what it prints of an agent's text, and its help."""

import pytest
from typer.testing import CliRunner

from econsim.cli import app, inbox
from econsim.domain.social.display import printable
from econsim.schemas.social import Question, QuestionKind


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Buy?\nNow?", "Buy?\nNow?"),
        ("\x1b[2J\x1b]0;owned\x07Buy?", " [2J ]0;owned Buy?"),
        ("yes\u202eon", "yes on"),
        ("a\r\nb\tc\x00", "a\nb c"),
    ],
)
def test_no_control_character_of_an_agent_reaches_the_terminal(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize("command", ["show", "answer", "watch", "ask"])
def test_every_command_has_an_example(command):
    found = CliRunner().invoke(app, ["inbox", command, "--help"])

    assert found.exit_code == 0
    assert f"econsim inbox {command}" in found.output


def test_no_line_of_an_agents_text_stands_where_the_inbox_writes(capsys):
    forged = "\x1b[2JBuy?\nquestion.bob.q9  bob asks, until 2030 UTC\ranswers:"
    question = Question.model_construct(
        question_id="question.ana.q1",
        asker="ana",
        kind=QuestionKind.PROMPT,
        text=forged,
        options=("yes, all", "no"),
        default="no",
        deadline_at="2026-01-01T00:00:00Z",
    )

    inbox._print(question)

    lines = capsys.readouterr().out.splitlines()
    own = [line for line in lines if not line.startswith("  | ")]
    assert all(line.isprintable() for line in lines)
    assert own == [
        "question.ana.q1  ana asks, until 2026-01-01T00:00:00 UTC",
        "answers:",
        "without an answer:",
    ]


def test_a_question_of_a_hosted_agent_waits_until_a_tick_ends(capsys):
    question = Question.model_construct(
        question_id="question.ana.1-1",
        asker="ana",
        kind=QuestionKind.PROMPT,
        text="Buy?",
        deadline_at="2026-01-01T00:00:00Z",
        deadline_tick=9,
    )

    inbox._print(question)

    assert capsys.readouterr().out.startswith("question.ana.1-1  ana asks, until the end of tick 9\n")
