"""Requirements as data: which tests prove which promise of requirements.toml. Run as a program, it prints the page.

A test says what it proves with `@requirement("log.replay")`. The tests are read as text, so that a promise counts as
proved although its test is not run at the moment.
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FILE = TESTS / "requirements.toml"
PAGE = ROOT / "docs" / "reference" / "requirements.md"

requirement = pytest.mark.requirement
"""Decorator of a test: the ids of the promises it proves."""

HEAD = """# Requirements

Each row is a promise of econsim: **proved** by the tests it names, or **to come**, with the reason. The promises stand in
[requirements.toml](../../tests/requirements.toml); `make catalog` writes this page.

{proved} promises are proved, {deferred} are to come.
"""


def promises() -> dict[str, dict[str, str]]:
    """Return section → id → sentence."""
    return {
        section: rows for section, rows in tomllib.loads(FILE.read_text()).items() if section != "deferred"
    }


def deferred() -> dict[str, str]:
    """Return id → the reason why no test proves it yet."""
    found: dict[str, str] = tomllib.loads(FILE.read_text())["deferred"]
    return found


@cache
def proofs() -> dict[str, list[str]]:
    """Return id → the tests that name it, as `tests/…/test_x.py::test_y`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for ids, test in _marked(ast.parse(file.read_text())):
            for each in ids:
                found[each].append(f"{file.relative_to(ROOT)}::{test}")
    return dict(found)


def _marked(tree: ast.Module) -> Iterator[tuple[list[str], str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "requirement":
                    yield [ast.literal_eval(argument) for argument in mark.args], node.name


def page() -> str:
    """Return the page: a table a section, a row a promise."""
    reasons, tests = deferred(), proofs()
    lines = [
        HEAD.format(
            proved=sum(len(rows) for rows in promises().values()) - len(reasons), deferred=len(reasons)
        )
    ]
    for section, rows in promises().items():
        lines += [
            f"## {section.replace('_', ' ').capitalize()}",
            "",
            "| Promise | State | Tests, or the reason |",
        ]
        lines += ["| --- | --- | --- |"]
        for each, sentence in rows.items():
            shown = ", ".join(_link(test) for test in tests.get(each, ()))
            promise = sentence.replace("<", "\\<")
            state, why = ("to come", reasons[each]) if each in reasons else ("proved", shown)
            lines.append(f"| `{each}`: {promise} | {state} | {why} |")
        lines.append("")
    return "\n".join(lines)


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../../{file})"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is the output
