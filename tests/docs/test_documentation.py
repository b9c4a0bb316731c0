"""What the documentation names exists: links, make targets, decision records."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from doc_blocks import PAGES, blocks, commands
from typer.main import get_command

import econsim
from econsim.cli import app

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "econsim"
REFERENCE = ROOT / "docs" / "reference"
RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
GUIDES = [page for page in PAGES if page.parent.name in (ROOT.name, "how-to")]
EMBEDDED = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
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


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_row_of_a_table_belongs_to_one_and_has_its_cells(page: Path) -> None:
    assert not broken_rows(page.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n| --- | --- |\n| 1 |",
        "| a | b |\n| --- | --- |\n| 1 | 2 | 3 |",
        "| a | b |\n| --- | --- |\n| `x|y` | 2 |",
        "| a | b |\n| --- |\n| 1 | 2 |",
        "| a |\n| --- |\n| 1 |\n\n| 2 |",
        "| a |\n| 1 |",
    ],
)
def test_a_broken_table_is_found(text: str) -> None:
    assert broken_rows(text)


def test_a_table_that_is_whole_is_left_alone() -> None:
    assert not broken_rows(
        "| a | b |\n| :-- | --: |\n| `x\\|y` | 2 |\n\n```\n| no table\n```\n    | nor this"
    )


def broken_rows(text: str) -> list[str]:
    """Return the rows outside code with another number of cells than their table's heading, or without one."""
    broken, cells = [], 0
    lines = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        here = len(re.findall(r"(?<!\\)\|", line)) - 1 if line.startswith("|") else 0
        if here and not cells:
            ruled = re.fullmatch(r"\|( ?:?-+:? ?\|)+", below)
            cells = here if ruled and below.count("|") - 1 == here else -1
        broken += [line] if here and here != cells else []
        cells = cells if here else 0
    return broken


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


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_embedded_code_is_a_file_as_it_is(page: Path) -> None:
    for path, block in EMBEDDED.findall(page.read_text()):
        assert block == (ROOT / path).read_text(), f"{name(page)} shows another {path} than there is"


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_code_in_guides_is_embedded_from_a_file(page: Path) -> None:
    text = page.read_text()

    embedded = re.findall(r"^<!-- file: \S+ -->\n```(?:python|javascript)$", text, re.MULTILINE)
    assert len(re.findall(r"^```(?:python|javascript)$", text, re.MULTILINE)) == len(embedded)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_named_exists_with_its_options(page: Path) -> None:
    """What a block types, and what prose has in backticks: also a command that no test types."""
    typed = [each.text for block in blocks() if block.page == name(page) for each in commands(block)]
    named = [*typed, *re.findall(r"`(econsim [^`]+)`", page.read_text())]

    unknown = {command: word for command in named if (word := unknown_word(command))}

    assert not unknown


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("econsim rum genesis", "rum"),
        ("econsim run genesis --trasport memory", "--trasport"),
        ("econsim quota show|get RUN", "show|get"),
        ("econsim trust", ""),
        ("pip install econsim", ""),
        ("econsim --state there quota set demo --agent ana max_order_rate=5  # its share", ""),
    ],
)
def test_a_command_or_option_that_is_not_there_is_found(command: str, word: str) -> None:
    assert unknown_word(command) == word


@cache
def whole_program():
    """Return the command line with all its commands."""
    return get_command(app)


def unknown_word(text: str) -> str:
    """Return the first word of a command that econsim does not know as a command or option, or nothing."""
    words = text.partition("  #")[0].split()
    if "econsim" not in words or words[0] in ("pip", "git"):
        return ""
    found = whole_program()
    options = [*found.params]
    words = words[words.index("econsim") + 1 :]
    for before, word in zip(["", *words], words, strict=False):
        if word in ("--", ">", "|"):
            break
        deeper = getattr(found, "commands", {})
        if word.startswith("--"):
            known = {each for option in options for each in (*option.opts, *option.secondary_opts)}
            if word.partition("=")[0] not in {"--help", *known}:
                return word
        elif deeper and word.islower() and not before.startswith("--"):
            if not {*word.split("|")} <= deeper.keys():
                return word
            found = deeper[word.partition("|")[0]]
            options += found.params
    return ""


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent.name != "decisions" and page.name != "CHANGELOG.md"],
    ids=name,
)
def test_every_subject_named_is_made_of_words_that_subjects_have(page: Path) -> None:
    """Generated pages have all subjects, and the names by which agents call them."""
    known = {
        word
        for reference in ("subjects", "permissions")
        for word in subject_words(REFERENCE / f"{reference}.md")
    }

    assert subject_words(page) <= known


def subject_words(page: Path) -> set[str]:
    """Return the words of subjects that a page has in backticks, but of places that stand for any word."""
    named = re.findall(r"`(?:market|system|admin)((?:\.[\w<>{}*]+)+)`", page.read_text())
    return {word for subject in named for word in subject.split(".") if re.fullmatch("[a-z_]+", word)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_module_named_exists(page: Path) -> None:
    unknown = unknown_modules(page.read_text())

    assert not unknown, f"{name(page)} names modules that are not there: {unknown}"


def test_a_module_that_is_not_there_is_found() -> None:
    text = "`domain/no_such_file.py`, `services.nothing.do`, `services/quota_meter.py`, `routers/W.py`, `subjects.TABLE`"

    assert unknown_modules(text) == ["domain/no_such_file.py", "services.nothing.do"]


def unknown_modules(text: str) -> list[str]:
    """Return the paths and dotted names of modules that the package has not; W and WORD stand for any word."""
    paths = [
        path for path in re.findall(r"`([\w./]+/[\w.]+\.py)`", text) if not re.search(r"\bW(ORD)?\b", path)
    ]
    missing = [path for path in paths if not any((base / path).exists() for base in (ROOT, PACKAGE))]
    folders = "|".join(sorted(entry.name for entry in PACKAGE.iterdir() if entry.is_dir()))
    dotted = re.findall(rf"`((?:{folders})(?:\.\w+)+)`", text)
    return missing + [each for each in dotted if not any_module(each)]


def any_module(dotted: str) -> bool:
    """Tell whether a dotted name is a module, or a name in one."""
    path = PACKAGE.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or path.parent.with_suffix(".py").exists()


def test_the_page_for_bots_names_the_methods_of_a_session_that_there_are() -> None:
    from econsim.agents import session

    page = (ROOT / "docs" / "how-to" / "write-a-bot.md").read_text()
    classes = {
        "tools": session.ToolService,
        "workspace": session.WorkspaceService,
        "social": session.SocialService,
    }

    tables = {word: re.search(rf"\| `me.{word}` \|.*?\n\n", page, re.DOTALL)[0] for word in classes}
    named = {word: set(re.findall(r"`(\w+)\(", table)) for word, table in tables.items()}

    public = {word: {each for each in vars(kind) if each[0] != "_"} for word, kind in classes.items()}
    assert named == {word: names - {"stop", "changes"} for word, names in public.items()}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_test_named_exists(page: Path) -> None:
    """SECURITY.md rests on it: each boundary names the tests that hold it."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text()))

    missing = [
        f"{path}::{test}"
        for path, test in sorted(named)
        if not (ROOT / path).exists() or (test and f"def {test}(" not in (ROOT / path).read_text())
    ]

    assert not missing, f"{name(page)} names tests that are not there: {missing}"


def test_the_citation_names_this_version_and_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert citation["version"] == econsim.__version__
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
