"""Names and sentences as a test: verbs act, one name is one idea, and no sentence speaks of what is not there.

Seen to fail: each rule has an example of what it must refuse, further down.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePath

import pytest
from source import PACKAGE, ROOT, Finding, Module, module, package, report, tracked_texts

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

# Participles that do not end in -ed; and words that end in -ed and are verbs.
IRREGULAR = frozenset(
    {
        "begun", "bought", "broken", "built", "chosen", "done", "drawn", "found", "given", "gone",
        "heard", "held", "kept", "known", "left", "lost", "made", "paid", "said", "seen", "sent",
        "shown", "sold", "spent", "taken", "thrown", "told", "understood", "won", "written",
    }
)  # fmt: skip
VERBS = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed", "speed"})
# Words after which a participle is still no noun phrase: `carried_out`, `read_from`.
PARTICLES = frozenset(
    {"after", "as", "aside", "at", "back", "by", "down", "for", "from", "in", "of", "on", "out", "to", "up"}
)

CLAUSE = re.compile(r"(What|Who|Whose|Whom|Which|Where|When|Whether|How)\b")
# Documents that do not ship with econsim, as sources are cited: "architecture B2", "seed 5.2", "economy.md §4".
UNSHIPPED = re.compile(
    r"\b(architecture|roadmap|seed|economy|design|guide)s?(\.md)? ?(§ ?\d|[A-G]\d\b|\d+\.\d)", re.IGNORECASE
)
# Words that say something else to every reader, and have a word of the field: the glossary's last column.
PRIVATE = re.compile(
    r"\b(entrance|guest|outsider|outside agent|agents? from outside|undertaker|crier|purse|siege)s?\b",
    re.IGNORECASE,
)
BACKTICKED = re.compile(r"`([A-Za-z_][\w./]*)(?:\(\))?`")


def test_functions_that_act_are_verbs() -> None:
    findings = list(found(participles))

    assert not findings, report(findings)


def test_no_class_name_stands_twice_in_the_package() -> None:
    findings = list(doubles(package()))

    assert not findings, report(findings)


def test_sentences_begin_with_their_subject() -> None:
    findings = list(found(clauses))

    assert not findings, report(findings)


def test_the_comment_of_a_field_repeats_its_noun() -> None:
    findings = list(found(single_words))

    assert not findings, report(findings)


def test_nothing_refers_to_a_document_that_does_not_ship() -> None:
    findings = [finding for path, text in tracked_texts() for finding in unshipped(path, text)]

    assert not findings, report(findings)


def test_no_text_uses_a_word_that_the_glossary_avoids() -> None:
    findings = [finding for path, text in tracked_texts() for finding in private_words(path, text)]

    assert not findings, report(findings)


def test_names_in_documentation_are_names_of_the_code() -> None:
    findings = list(found(unknown_names))

    assert not findings, report(findings)


def test_prose_has_no_function_name_in_place_of_a_word() -> None:
    findings = list(found(bare_names))

    assert not findings, report(findings)


def documentation(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield (line, owner, text) of every docstring, and of every string that documents a field or constant."""
    for each in ast.walk(node):
        if not isinstance(each, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if text := ast.get_docstring(each):
            yield each.body[0].lineno, getattr(each, "name", "the module"), text
        for statement, comment in zip(each.body, each.body[1:], strict=False):
            if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(comment, ast.Expr):
                value = comment.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                    yield comment.lineno, f"the field {ast.unparse(target)}", value.value


def is_participle(name: str) -> bool:
    """Tell whether a name is a participle alone, or with a particle: `closed`, `carried_out`; not `scoped_key`."""
    first, *rest = name.strip("_").split("_")
    alone = not rest or rest[-1] in PARTICLES
    return alone and ((first.endswith("ed") and first not in VERBS) or first in IRREGULAR)


def participles(source: Module) -> Iterator[Finding]:
    """A function that acts, or returns a thing, is named by a participle: those are events' and predicates'."""
    for node in ast.walk(source.tree):
        if not isinstance(node, FUNCTION) or not is_participle(node.name):
            continue
        returns = ast.unparse(node.returns) if node.returns else ""
        if returns == "bool" or any("property" in ast.unparse(mark) for mark in node.decorator_list):
            continue
        remedy = "Name it by a verb if it acts, by what it returns if it is pure."
        yield source.finding(node, f"{node.name}() is a participle", remedy)


def doubles(modules: tuple[Module, ...]) -> Iterator[Finding]:
    """One class name stands for two ideas."""
    places: defaultdict[str, list[tuple[Module, ast.ClassDef]]] = defaultdict(list)
    for source in modules:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append((source, node))
    for name, where in places.items():
        for source, node in where[1:]:
            other = where[0][0].path
            yield source.finding(
                node, f"{name} is a class of {other} too", "Give one of them a name of its own."
            )


def clauses(source: Module) -> Iterator[Finding]:
    """A sentence of the documentation begins with a clause that has no subject yet."""
    for line, owner, text in documentation(source.tree):
        if start := CLAUSE.match(text.strip()):
            what = f"the documentation of {owner} begins with {start[0]!r}"
            yield source.finding(line, what, "Begin with the noun: 'Agent that placed the order.'")


def single_words(source: Module) -> Iterator[Finding]:
    """A field is described by one word, in the published catalog too."""
    for line, owner, text in documentation(source.tree):
        if owner.startswith("the field") and len(text.split()) == 1:
            yield source.finding(
                line, f"{owner} is described by {text!r}", "Say what it holds, with its noun."
            )


def unshipped(path: str, text: str) -> Iterator[Finding]:
    """A text cites a document that its reader does not have."""
    if path.startswith(("docs/decisions/", "CHANGELOG", "findings/")) or path == "tests/test_words.py":
        return
    for number, line in enumerate(text.splitlines(), 1):
        if cited := UNSHIPPED.search(line):
            yield Finding(f"{path}:{number}", f"cites {cited[0]!r}", "Name the paper or the decision record.")


def private_words(path: str, text: str) -> Iterator[Finding]:
    """A text uses a private metaphor where the field has a word."""
    if path.startswith(("CHANGELOG", "docs/glossary.md")) or path == "tests/test_words.py":
        return
    for number, line in enumerate(text.splitlines(), 1):
        if word := PRIVATE.search(line):
            yield Finding(f"{path}:{number}", f"says {word[0]!r}", "Use the word of docs/glossary.md.")


@cache
def vocabulary() -> frozenset[str]:
    """Return every word that stands in code: names, words of strings, files and folders."""
    words: set[str] = set()
    for source in package():
        comments = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in comments:
                words.update(re.findall(r"[A-Za-z_]\w*", node.value))
        words.update(re.findall(r"[A-Za-z_]\w*", re.sub(r'(?s)""".*?"""|`[^`]*`', "", source.text)))
    for file in (
        *ROOT.glob("*"),
        *PACKAGE.rglob("*"),
        *(ROOT / "tests").rglob("*"),
        *(ROOT / "docs").rglob("*.md"),
    ):
        words.update((file.name, *PurePath(file.name).stem.split(".")))
    return frozenset(words)


def unknown_names(source: Module) -> Iterator[Finding]:
    """The documentation names something that code has not, or has no longer."""
    for line, owner, text in documentation(source.tree):
        for name in BACKTICKED.findall(text):
            parts = [
                part for part in re.split(r"[./]", name) if part not in {"py", "md", "toml", "js", "html"}
            ]
            if missing := [
                part for part in parts if part and not part.isdigit() and part not in vocabulary()
            ]:
                what = f"the documentation of {owner} names `{name}`, but there is no {missing[0]!r}"
                yield source.finding(line, what, "Name what is there.")


def bare_names(source: Module) -> Iterator[Finding]:
    """A sentence has the name of one of its module's functions without backticks, as careless renaming leaves it."""
    names = {node.name for node in ast.walk(source.tree) if isinstance(node, FUNCTION) and "_" in node.name}
    for line, owner, text in documentation(source.tree):
        # An indented line is a drawing or an example.
        prose = [part for part in re.sub(r"`[^`]*`", "", text).splitlines() if not part.startswith("    ")]
        for name in sorted(names & {*re.findall(r"[A-Za-z_]\w*", " ".join(prose))}):
            yield source.finding(
                line, f"the documentation of {owner} has {name} in a sentence", "Write the words."
            )


def found(rule: Callable[[Module], Iterator[Finding]]) -> Iterator[Finding]:
    """Apply a rule to the whole package."""
    for source in package():
        yield from rule(source)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (participles, "def closed(run): ..."),
        (participles, "async def _carried_out(task) -> None: ..."),
        (participles, "def told(event) -> str: ..."),
        (clauses, '"""What an agent may say."""'),
        (clauses, 'class A:\n    "An a."\n    b: int\n    "Who placed it."'),
        (single_words, 'class A:\n    "An a."\n    b: int\n    "Whose."'),
        (unknown_names, '"""Made by `no_such_function`."""'),
        (unknown_names, '"""See `domain/no_such_file.py`."""'),
        (bare_names, 'def odd_lines():\n    """Send headers with odd_lines lines."""'),
    ],
)
def test_a_breach_is_found(rule: Callable[[Module], Iterator[Finding]], text: str) -> None:
    assert list(rule(module(text)))


@pytest.mark.parametrize("cited", ["(architecture B2)", "economy.md §4", "seed 5.2"])
def test_a_source_that_does_not_ship_is_found(cited: str) -> None:
    assert list(unshipped("src/econsim/x.py", f'"""Rules of a market: {cited}."""'))


@pytest.mark.parametrize("word", ["the entrance's answer", "an agent from outside", "a siege"])
def test_a_private_word_is_found(word: str) -> None:
    assert list(private_words("docs/x.md", word))


def test_a_name_of_two_classes_is_found() -> None:
    one, other = module("class Report: ..."), module("class _Report: ...", "src/econsim/runs/example.py")

    assert [finding.where for finding in doubles((one, other))] == ["src/econsim/runs/example.py:1"]


@pytest.mark.parametrize(
    "text",
    [
        "def is_closed() -> bool: ...",
        "def closed() -> bool: ...",
        "def scoped_user_jwt() -> str: ...",
        "def seed(): ...",
    ],
)
def test_verbs_nouns_and_predicates_are_left_alone(text: str) -> None:
    assert not list(participles(module(text)))
