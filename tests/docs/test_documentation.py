"""What the documentation names exists: links, make targets, decision records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SECTIONS = ["Situation", "Decision", "Consequences", "Turned down", "Revisit when"]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())

    missing = [target for target in targets if not (page.parent / target).exists()]

    assert not missing, f"{name(page)} links to what is not there: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"(?:`|^ {4}|^\$ )make ([a-z-]+)", page.read_text(), re.MULTILINE))

    assert named <= targets, f"{name(page)} names make targets that are not there: {sorted(named - targets)}"


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_a_decision_record_says_what_would_reopen_it(record: Path) -> None:
    text = record.read_text()

    assert re.match(rf"# {record.name[:4]} \S", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()

    missing = [record.name for record in RECORDS[1:] if f"decisions/{record.name}" not in index]

    assert not missing, f"docs/index.md does not list {missing}"


def test_the_changelog_keeps_its_form() -> None:
    headings = re.findall(r"^##+ (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == "[Unreleased]"
    assert all(
        re.fullmatch(r"\[\d+\.\d+\.\d+] - \d{4}-\d\d-\d\d|Added|Changed|Deprecated|Fixed|Removed|Security", h)
        for h in headings[1:]
    )


def test_glossary_terms_are_sorted_and_unique() -> None:
    rows = re.findall(r"^\| ([a-z-][^|]*?) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    terms = [row for row in rows if not row.startswith("---")]

    assert terms == sorted(set(terms))
