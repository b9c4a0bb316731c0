"""Every block of the documentation that is no command is read by what reads it in econsim, or is run by a test."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from doc_blocks import ROOT, blocks
from doc_session import prints
from expectation_builders import FORM, form, judged

from econsim.adapters.mcp.server_file import parse_tool_servers
from econsim.adapters.models.provider_file import parse_providers
from econsim.adapters.server import binary
from econsim.agents.synadia.answer import parse_answer
from econsim.domain.audit.facts import as_record
from econsim.domain.execution import in_memory
from econsim.evaluation.studies import design_file
from econsim.report.event_filter import EventSearch
from econsim.runs import scenario_file

PYTHON = "docs/reference/python/"
"""Pages whose blocks tests/docs/test_python_pages.py runs."""
EXAMPLES = ROOT / "examples"
BASE = """
name = "page"

[clock]
periods = 20

[[markets]]
resource = "cpu"

[[markets]]
resource = "good"

[[markets]]
resource = "tokens"

[[agents]]
name = "lab"
policy = "zip"
roles = [{ resource = "cpu", side = "bid", values = [[3.20, 2.90]] }]
"""
"""What a part of a scenario stands in: a page shows only what it is about."""
AGENT = """
[[agents]]
name = "one"
policy = "zi_c"
"""


def of(language):
    return [block for block in blocks() if block.language == language]


def is_bot(block):
    """Whether a block of Python is a bot that is no file."""
    return "async def main(run, name)" in block.text and not block.page.startswith(PYTHON)


@cache
def text_of_tests():
    """Return the text of all tests, but of those of the documentation."""
    return "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path.parent.name != "docs")


def keys(block):
    return tomllib.loads(block.text).keys()


TOML = [block for block in of("toml") if not block.file]
SCENARIOS = [block for block in TOML if not keys(block) & {"servers", "providers", "expectations"}]


def text_of(page, begin):
    """Return the block of a page that begins so."""
    [found] = [each.text for each in of("text") if each.page == page and each.text.startswith(begin)]
    return found


@pytest.fixture(scope="module")
def demo():
    """Return the scenario genesis, and the events of its first period as run demo."""
    found = scenario_file.load("genesis")
    clock = found.clock.model_copy(update={"periods": 1})
    short = found.model_copy(update={"clock": clock, "expectations": ()})
    return short, [*in_memory.run(short, "demo")]


def test_no_language_is_left_out():
    read = {"console", "toml", "python", "javascript", "json", "markdown", "mermaid", "text", "conf"}

    assert {block.language for block in blocks()} == read


def test_scenarios_that_pages_show_in_parts_are_scenarios():
    pages = defaultdict(list)
    for block in SCENARIOS:
        pages[block.page].append(block.text if block.text.startswith("[") else AGENT + block.text)

    for page, parts in pages.items():
        assert scenario_file.parse("\n".join([BASE, *parts]), page, EXAMPLES / "policies")


@pytest.mark.parametrize("block", [block for block in TOML if block not in SCENARIOS], ids=str)
def test_a_file_of_an_operator_or_of_expectations_is_read(block):
    kinds = {
        "servers": lambda: parse_tool_servers(block.text, block.page),
        "providers": lambda: parse_providers(block.text, block.page),
        "expectations": lambda: [
            FORM.validate_python(each) for each in tomllib.loads(block.text)["expectations"]
        ],
    }

    [kind] = keys(block)
    assert kinds[kind]()


@pytest.mark.parametrize("block", [block for block in of("toml") if block.file], ids=str)
def test_a_file_that_a_page_shows_is_one_of_its_kind(block):
    path = ROOT / block.file

    if "servers" in keys(block):
        assert parse_tool_servers(block.text, block.file)
    else:
        assert (design_file if "seeds" in keys(block) else scenario_file).load(path)


@pytest.mark.parametrize("block", [*of("python"), *of("javascript")], ids=str)
def test_code_is_a_file_that_a_test_runs_or_is_run_from_its_page(block):
    if block.file.startswith("examples/"):
        assert f'"{Path(block.file).stem}' in text_of_tests() or Path(block.file).name in text_of_tests()
    elif not block.file:
        assert is_bot(block) or block.page.startswith(PYTHON) or block.text.strip() in text_of_tests()


@pytest.mark.nats
@pytest.mark.parametrize("block", [block for block in of("python") if is_bot(block)], ids=str)
def test_a_bot_of_a_page_runs_to_the_end(block, economy):
    names = {}
    exec(block.text, names)

    assert economy.run("genesis", periods=1, bots={"ana": names["main"]}).facts("closed")


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_an_answer_of_a_host_is_understood(block):
    assert parse_answer(block.text)


def test_an_entry_of_the_changelog_is_in_it():
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert all(block.text in changelog for block in of("markdown"))


@pytest.mark.parametrize("block", of("mermaid"), ids=str)
def test_a_picture_of_messages_names_those_who_send_and_receive(block):
    kind, *lines = block.text.splitlines()
    named = set(re.findall(r"^ *(?:participant|actor) (\w+)", block.text, re.MULTILINE))
    arrows = [re.match(r" *(\w+) *-?->>?[+-]?(\w+): .", line) for line in lines]

    assert kind in ("flowchart LR", "sequenceDiagram", "stateDiagram-v2")
    assert kind != "sequenceDiagram" or {end for arrow in arrows if arrow for end in arrow.groups()} <= named


def test_events_are_found_by_what_the_page_types(demo):
    page = (ROOT / "docs/how-to/watch-a-run.md").read_text()
    wanted = [EventSearch.parse(text) for text in re.findall(r"`(type:\w.*?)`", page)]

    assert len(wanted) == 2
    assert all(any(each.fits(as_record(event)) for event in demo[1]) for each in wanted)


def test_a_failure_is_told_as_the_page_shows(demo):
    fields = {"trigger": {"type": "bid_accepted"}, "event": {"type": "trade_executed"}}
    late = form(form="then", **fields, same=["order_id = bid_id"], within={"ticks": 3})

    _, [verdict] = judged(demo[0], [(each.subject, each.json()) for each in demo[1]], late)

    assert prints(text_of("docs/how-to/state-a-hypothesis.md", "FAILS"), "\n".join(verdict.lines()))


def test_the_configuration_of_a_server_is_one(tmp_path):
    path = tmp_path / "server.conf"
    [block] = of("conf")
    path.write_text(block.text)

    done = subprocess.run([binary.find(), "-t", "-c", path], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
