"""Bad values at every option and argument of every command; the tests walk the commands, so a new option is tried too.

Nothing starts: what a parser takes meets a directory without runs, and `run` a scenario that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from typer import BadParameter
from typer.main import get_command

from econsim.adapters.clock import unix_seconds
from econsim.cli import app, bench_options, figure, option_types
from econsim.cli.run_choice import run_choice
from econsim.identity.trust_root import Trust
from econsim.services import asyncapi

ROOT: Any = get_command(app)

# Options that Typer brings, and flags, take no value of anybody's.
FLAGS = {"BoolParamType"}

# What takes any text, because it is judged where it is used: a scenario says what is wrong with a file, a shell with a command.
TEXTS = {"run scenario", "check file", "agent run command", "quota set limits"}
TEXTS |= {"inbox answer question", "inbox answer text", "inbox ask text"}
TEXTS |= {"tools call tool", "tools call arguments"}
TEXTS |= {"study design", "bench run scenarios", "bench watch expectations", "bench audit scenario"}

NUMBERS = ["", " ", "abc", "-1", "1.5", "nan", "inf", "-inf", "1e400", "0x10", "٣", "1_0", "1\0", "9" * 40]
NAMES = ["", " ", "My Run", "Ada", "ä", "a.b", "../x", "*", ">", "a\0", "a\n", "[/x]", "a" * 49]
PATHS = ["", "\0", "x" * 5_000, "file/below", "file/below/that"]
URLS = [
    "",
    " ",
    "a b",
    "http://x",
    "nats://",
    "nats://x:99999",
    "nats://x:0",
    "nats://x:y",
    "nats://[::1",
    "x,,y",
    "x\0",
]

REFUSED: dict[object, list[str]] = {
    option_types.Whole: NUMBERS,
    option_types.ScenarioNumber: [value for value in NUMBERS if value != "9" * 40] + ["9" * 20],
    option_types.Seconds: ["", "abc", "-1", "0", "nan", "inf", "-inf", "1e400", "9" * 40],
    option_types.OneOf: [*NAMES, "9" * 400],
    option_types.ParsedBy: ["", " ", "My Run", "-1", "\0", "٣s"],
    option_types.name: NAMES,
    option_types.person: [*NAMES, "treasury", "transfer", "host_1"],
    option_types.run_or_file: [*NAMES, "."],
    run_choice: [*(value for value in NAMES if value != "*"), ".", "My Run=a", "a=b=c"],
    option_types.run_name: [*NAMES, "last", "none"],
    option_types.agent: [*NAMES, "transfer", "treasury", "clearing_cpu"],
    option_types.event: ["", " ", "a b", "ä", "*", "\0", "a" * 500],
    option_types.event_or_file: ["", " ", "a b", "ä", "*", "\0", "a" * 500],
    option_types.identifier: ["", " ", "a b", "ä", "*", "\0", "a" * 129],
    option_types.code: ["", " ", "Not A Code", "ä", "*", "\0", "a" * 500],
    option_types.urls: URLS,
    option_types.http_url: ["", "collector", "127.0.0.1:4318", "nats://x", "http://", "http://x:0", "http://x:y", "http://x y"],
    option_types.websocket_url: ["", "page", "127.0.0.1:9222", "http://x", "ws://", "ws://x:0", "ws://x:y", "ws://x y", "ws://x;y z"],
    option_types.state_directory: [*PATHS, "file"],
    option_types.existing: [*PATHS, "nowhere"],
    option_types.new_file: [*PATHS, ".", "directory", "-", "/dev/stdout"],
    bench_options.json_file: [*PATHS, ".", "directory", "/dev/stdout"],
    figure.figure_file: [*PATHS, ".", "directory", "-", "figure", "figure.gif"],
    option_types.new_directory: [*PATHS, "file"],
    option_types.any_path: PATHS,
}  # fmt: skip
"""Parser → what it must refuse."""

GOOD: dict[object, str] = {
    option_types.name: "demo",
    option_types.run_name: "demo",
    option_types.person: "ada",
    option_types.event: "a",
    option_types.new_directory: "directory",
}
"""Parser → a value for an argument or option that must be there."""

THROWN = sorted(
    {text for texts in REFUSED.values() for text in texts} | {"file", ".", "nowhere", "[/x]", "\udcff"}
)

NAMES_OF_NO_RUN = [text for text in THROWN if not re.fullmatch(r"[a-z0-9_]{1,48}", text)]
"""Texts that are no name of a run: `watch` waits for a run of any other name."""


def parameters(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """Yield the words that call a command, the command, and each of its parameters."""
    for name, below in getattr(command, "commands", {}).items():
        yield from parameters(below, (*path, name))
    for parameter in command.params:
        if type(parameter.type).__name__ not in FLAGS and parameter.expose_value:
            yield " ".join(path), command, parameter


VALUED = list(parameters())

CATALOG = cache(asyncapi.document)


def parser(parameter: Any) -> object:
    """Return what reads a parameter, in the form the tables here have it."""
    found = parser_of(parameter)
    return type(found) if type(found) in REFUSED else found


def parser_of(parameter: Any) -> object:
    """Return the parser of a parameter; none if it has none."""
    return getattr(parameter.type, "func", None)


FIRST = {parser(parameter): parameter for _, _, parameter in reversed(VALUED)}
"""Parser → the first parameter that it reads."""


def thrown(path: str, parameter: Any) -> Iterator[str]:
    """Yield the texts that a parameter's command meets, and at the first parameter of a parser those that it refuses, too."""
    for text in THROWN if path != "watch" else NAMES_OF_NO_RUN:
        if FIRST[parser(parameter)] is parameter or takes(parameter, text):
            yield text


def takes(parameter: Any, text: str) -> bool:
    """Return whether a parameter's parser takes a text."""
    try:
        parameter.type.convert(text, parameter, None)
    except BadParameter:
        return False
    return True


def line(path: str, command: Any, parameter: Any, value: str) -> list[str]:
    """Return a command line with a value for one parameter, and good ones for those that must be there."""
    words, behind = path.split() or ["scenarios"], []
    for other in command.params:
        given = value if other is parameter else GOOD.get(parser(other), "a")
        # An argument stands behind all those before it, whether they must be there or not.
        if other.param_type_name == "argument" and (
            other.required or parameter.param_type_name == "argument"
        ):
            behind.append(given)
        elif other.required or other is parameter:
            words.append(f"{other.opts[0]}={given}")
        if other is parameter and other.param_type_name == "argument":
            break
    rest = [
        f"{other.opts[0]}={GOOD.get(parser(other), 'a')}"
        for other in command.params
        if other.required and other.param_type_name == "option" and other.opts[0] not in " ".join(words)
    ]
    behind += ["nowhere"] if path == "run" and not behind else []
    return [*words, *rest, "--", *behind]


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a state directory with a trust root and no runs."""
    state = tmp_path_factory.mktemp("state")
    Trust.open(state, unix_seconds)
    return str(state)


@pytest.fixture
def cli(trust: str, tmp_path, monkeypatch, capsys):
    """Run the command line in this process, where there is a file, a directory, and no server."""
    # One below: what a command writes to `../x` is not there for another test.
    here = tmp_path / "here"
    (here / "directory").mkdir(parents=True)
    (here / "file").touch()
    monkeypatch.chdir(here)
    monkeypatch.delenv("ECONSIM_NATS", raising=False)
    monkeypatch.setenv("ECONSIM_STATE", trust)
    # Nobody starts the server that a person's page waits for.
    monkeypatch.setattr("econsim.cli.play.WAIT_S", 0.0)
    # Every file that is written has the same catalog, which takes a sixth of a second to make.
    monkeypatch.setattr(asyncapi, "document", CATALOG)

    def run(words: list[str]) -> tuple[int, str, str]:
        """Return exit code, output and errors; without Typer's runner, which makes all commands anew each time."""
        with pytest.raises(SystemExit) as ended:
            ROOT.main(words, "econsim")
        shown = capsys.readouterr()
        return ended.value.code, shown.out, shown.err

    return run


@pytest.mark.parametrize(
    ("path", "command", "parameter"), VALUED, ids=[f"{path} {each.name}" for path, _, each in VALUED]
)
def test_a_bad_value_is_one_line_that_names_its_option(cli, path, command, parameter) -> None:
    for value in REFUSED.get(parser(parameter), []):
        status, out, err = cli(line(path, command, parameter, value))

        assert (status, out, err.count("\n")) == (2, "", 1), (value, err)
        assert (parameter.metavar if parameter.param_type_name == "argument" else parameter.opts[0]) in err


@pytest.mark.parametrize(
    ("path", "command", "parameter"), VALUED, ids=[f"{path} {each.name}" for path, _, each in VALUED]
)
@pytest.mark.slow
def test_no_value_ends_in_a_traceback(cli, path, command, parameter) -> None:
    for value in thrown(path, parameter):
        status, _, err = cli(line(path, command, parameter, value))

        assert status in (0, 1, 2)
        assert err.count("\n") <= 1, (value, err)


def test_every_option_says_what_it_takes() -> None:
    """Any text is for what is judged where it is used; all else has a parser, or is one of a few words."""
    loose = {
        f"{path} {parameter.name}".strip()
        for path, _, parameter in VALUED
        if parser(parameter) not in REFUSED and not hasattr(parameter.type, "choices")
    }

    assert loose == TEXTS


def test_the_help_names_the_type_of_an_argument_without_a_word_of_python() -> None:
    """Typer shows the name of the parser, `function` for one without a name, or the Python type."""
    arguments = [each for each in VALUED if each[2].param_type_name == "argument"]
    shown = {
        f"{path} {each.name}": getattr(parser_of(each), "__name__", "str") for path, _, each in arguments
    }

    assert {name: word for name, word in shown.items() if word in {"function", "str", "ParsedBy"}} == {}


def test_every_option_has_a_name_in_small_letters() -> None:
    """Typer names an option after its metavar if the two differ in case alone; such a one is named by hand."""
    names = [name for _, _, parameter in VALUED for name in parameter.opts]

    assert [name for name in names if name != name.lower()] == []
