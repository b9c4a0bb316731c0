"""The pages of the Python API: every block runs, in the order of its page; every signature is the code's."""

from __future__ import annotations

import ast
import inspect
import re
from enum import Enum
from pathlib import Path

import pytest

import econsim
from econsim.agents import cognition, economy, session, social, tools, workspace
from econsim.agents.outcomes import OutcomeKind
from econsim.schemas.orders import OrderKind

PAGES = sorted((Path(__file__).parents[2] / "docs" / "reference" / "python").glob("*.md"))
JOIN = next(page for page in PAGES if page.stem == "join")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"^(.*?\S) +# → (.*)$", re.MULTILINE)
"""An expression and, behind an arrow, what it is."""
SERVICES = {
    "me": session.AgentSession,
    "me.economy": economy.EconomicService,
    "me.cognition": cognition.CognitionService,
    "me.tools": tools.ToolService,
    "me.workspace": workspace.WorkspaceService,
    "me.social": social.SocialService,
}


@pytest.mark.parametrize("page", [page for page in PAGES if page != JOIN], ids=lambda page: page.stem)
def test_every_block_of_a_page_runs_and_shows_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}

    for block in BLOCK.findall(page.read_text()):
        exec(compile(block, page.name, "exec"), names)
        for expression, shown in SHOWN.findall(block):
            assert repr(eval(expression, names)) == shown, expression


@pytest.mark.nats
def test_the_bot_of_the_page_trades_and_its_repeat_is_no_second_order(economy, capsys):
    names = {}
    [block] = BLOCK.findall(JOIN.read_text())
    exec(block, names)

    run = economy.run("genesis", periods=1, bots={"ana": names["main"]})

    assert capsys.readouterr().out.splitlines()[:2] == ["False True", "accepted 1 2.02 "]
    assert len(run.facts("bid_accepted", actor="ana")) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_of_the_sdk_has_every_method_with_its_signature(service):
    table = re.search(
        rf"^\| `{re.escape(service)}` \|.*?(?=\n\n)", JOIN.read_text(), re.DOTALL | re.MULTILINE
    )[0]

    written = set(re.findall(r"`(\w+\([^`]*\))`", "".join(row.split("|")[1] for row in table.splitlines())))

    methods = [
        each
        for name, each in vars(SERVICES[service]).items()
        if not name.startswith("_") and inspect.isfunction(each)
    ]
    assert written == {signature(method) for method in methods}


def test_the_page_of_the_sdk_has_the_signature_of_join():
    assert f"`{signature(econsim.join)}`" in JOIN.read_text()


@pytest.mark.parametrize("words", [OrderKind, OutcomeKind], ids=lambda words: words.__name__)
def test_the_page_of_the_sdk_explains_every_kind(words):
    table = JOIN.read_text().partition(f"<!-- table: {words.__name__} -->")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)[-len(words) :] == [word.value for word in words]


def test_the_page_of_run_explains_every_argument():
    page = (JOIN.parent / "run.md").read_text()

    table = page.partition("| Argument |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert named == [*inspect.signature(econsim.run).parameters]


def test_the_page_of_results_explains_every_public_name():
    page = (JOIN.parent / "result.md").read_text()

    missing = [
        name
        for name in vars(econsim.Result)
        if not name.startswith("_") and not re.search(rf"`[^`]*\b{name}\b", page)
    ]

    assert not missing


def test_an_expression_of_a_page_is_one():
    shown = [expression for page in PAGES for expression, _ in SHOWN.findall(page.read_text())]

    assert shown
    assert all(ast.parse(expression, mode="eval") for expression in shown)


def signature(function):
    """Return the call as a page shows it: names and defaults, without types."""
    parts, star = [], False
    for each in inspect.signature(function).parameters.values():
        if each.kind is each.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        default = each.default.value if isinstance(each.default, Enum) else each.default
        parts.append(each.name if each.default is each.empty else f"{each.name}={default!r}")
    return f"{function.__name__}({', '.join(parts).removeprefix('self').removeprefix(', ')})"
