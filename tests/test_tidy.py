"""The written style as a test: sizes, documentation, banned calls, and files that speak of econsim alone.

Seen to fail: each rule has an example of what it must refuse, further down.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import pytest
from source import Finding, Module, documentation, dotted, imports, module, package, report, tracked_texts

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 350
NESTING_MAX = 3

# Known to be larger: "file" or "file::function" -> its size today. Entries may shrink or go, never grow.
RATCHET: dict[str, int] = {}

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPE = (*FUNCTION, ast.ClassDef, ast.Lambda)
BLOCK = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)

CLOCK = ("src/econsim/adapters/clock.py",)
CONFIG = ("src/econsim/config.py",)
# NO_COLOR is for every program of a terminal, and asked for where the settings are too heavy to load.
ENVIRONMENT = (*CONFIG, "src/econsim/cli/output.py")
# What is called or read -> where it may be, and what to use elsewhere.
BANNED = {
    "datetime.now": (CLOCK, "Ask the Clock port."),
    "datetime.utcnow": (CLOCK, "Ask the Clock port."),
    "date.today": (CLOCK, "Ask the Clock port."),
    "time.time": (CLOCK, "Ask the Clock port; for durations use time.perf_counter."),
    "time.time_ns": (CLOCK, "Ask the Clock port; for durations use time.perf_counter_ns."),
    "uuid.uuid1": (CLOCK, "Derive the id: domain/audit/envelope.py."),
    "uuid.uuid4": (CLOCK, "Derive the id: domain/audit/envelope.py."),
    "uuid.uuid7": (CLOCK, "Derive the id: domain/audit/envelope.py."),
    "random": (CLOCK, "Draw from a seed: domain/agent/random_draws.py."),
    "os.environ": (ENVIRONMENT, "Read it in config.py and hand the setting in."),
    "os.getenv": (CONFIG, "Read it in config.py and hand the setting in."),
}

PATCHES = ("src/econsim/adapters/nats/patches.py",)
NAMED_TUPLE = frozenset({"_asdict", "_fields", "_make", "_replace"})  # public in spite of the names
PRIVATE_PATCH = re.compile(r"(setattr|patch)\(.*[\"'.]_[a-z]")

SUBJECT_HOMES = (
    # Attributes of spans, whose published names have the form of subjects.
    "src/econsim/domain/tracing/span_names.py",
    "src/econsim/schemas/subject",
    "src/econsim/streams/__init__.py",
)  # how the paths of these files begin
SUBJECT = re.compile(r"(agent|market|system|mcp|trace|admin)\.([\w*>{}-]+(\.[\w*>{}-]*)*)?")

# Pieced together, so that this file names none either.
REGISTRIES = "|".join(("py" + "pi", "python" + "hosted", "npm" + "js"))
# Paths of one person's machine, and hosts of package registries: both make the project depend on a place.
PLACES = re.compile(
    rf"(?<![\w.$}}~])/(home|root|Users|work)/[\w.-]+|[\w.-]*({REGISTRIES})[\w.-]*|https?://[\w.-]*registry[\w.-]*",
    re.IGNORECASE,
)


def test_functions_and_files_stay_small() -> None:
    findings = list(found(sizes))

    assert not findings, report(findings)


def test_the_ratchet_holds_only_what_is_still_too_large() -> None:
    measured = {
        name: size for source in package() for name, size, limit, _ in measure(source) if size > limit
    }

    stale = {name: size for name, size in RATCHET.items() if measured.get(name, 0) < size}

    assert not stale, f"Lower or remove these entries of RATCHET, their code has shrunk: {stale}"


def test_control_flow_is_never_deeper_than_three() -> None:
    findings = list(found(nesting))

    assert not findings, report(findings)


def test_every_public_name_is_documented() -> None:
    findings = list(found(undocumented))

    assert not findings, report(findings)


def test_every_field_of_a_message_is_documented() -> None:
    findings = list(found(undocumented_fields))

    assert not findings, report(findings)


def test_time_chance_and_environment_have_one_home_each() -> None:
    findings = list(found(banned))

    assert not findings, report(findings)


def test_subjects_are_written_in_one_place() -> None:
    findings = list(found(subject_literals))

    assert not findings, report(findings)


def test_no_test_replaces_a_private_member() -> None:
    findings = [finding for path, text in tracked_texts() for finding in private_patches(path, text)]

    assert not findings, report(findings)


def test_tests_on_a_server_are_in_the_folders_that_make_collects() -> None:
    texts = dict(tracked_texts())
    folders = re.search(r"SERVED := \$\(addprefix tests/,(.*)\)", texts["Makefile"])[1].split()

    marked = {path for path, text in texts.items() if path.startswith("tests/") and "mark.nats" in text}

    assert {path.split("/")[1] for path in marked} - {"test_tidy.py"} == set(folders)


def test_no_file_names_a_machine_or_a_registry() -> None:
    findings = [finding for path, text in tracked_texts() for finding in places(path, text)]

    assert not findings, report(findings)


def test_private_members_of_the_client_library_have_one_home() -> None:
    findings = list(found(private_members))

    assert not findings, report(findings)


def measure(source: Module) -> Iterator[tuple[str, int, int, int]]:
    """Yield (name, lines, limit, first line) of the file and of each function in it."""
    yield source.path, len(source.text.splitlines()), FILE_LINES_MAX, 1
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTION):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{source.path}::{node.name}", lines, FUNCTION_LINES_MAX, node.lineno


def sizes(source: Module) -> Iterator[Finding]:
    """A file or function is over its limit, or over what the ratchet allows it."""
    for name, lines, limit, at in measure(source):
        allowed = max(limit, RATCHET.get(name, 0))
        if lines > allowed:
            what = f"{name.rpartition('::')[2]} has {lines} lines, allowed are {allowed}"
            yield source.finding(at, what, "Move one of its jobs out; do not just cut it in two.")


def depth(node: ast.AST) -> int:
    """Return how many blocks of control flow are nested in a body; an elif counts."""
    children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, SCOPE)]
    return max((depth(child) + isinstance(child, BLOCK) for child in children), default=0)


def nesting(source: Module) -> Iterator[Finding]:
    """A function nests too deep."""
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTION) and (found_depth := depth(node)) > NESTING_MAX:
            what = f"{node.name} nests {found_depth} deep, allowed are {NESTING_MAX}"
            yield source.finding(node, what, "Return early, match instead of elif, or name the inner part.")


def undocumented(source: Module) -> Iterator[Finding]:
    """A public module, class, function or method has no docstring."""
    if not ast.get_docstring(source.tree):
        yield source.finding(1, "the module has no docstring", "Say its job and its boundary.")
    for node in public_definitions(source.tree):
        if not ast.get_docstring(node):
            remedy = "Say in the imperative what it gives: units, errors, source."
            yield source.finding(node, f"{node.name} has no docstring", remedy)


def public_definitions(
    scope: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield public classes and functions at module level and, recursively, in public classes."""
    for node in scope.body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node)


def undocumented_fields(source: Module) -> Iterator[Finding]:
    """A field of a class in schemas/ has no sentence below it."""
    classes = (node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef))
    for owner in classes if source.name.startswith("schemas") else ():
        for node, after in zip(owner.body, [*owner.body[1:], None], strict=True):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            field = node.target.id
            constant = "ClassVar" in ast.unparse(node.annotation) or field.startswith("_")
            is_documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if not constant and not is_documented:
                remedy = "Put its meaning and unit in a string below it."
                yield source.finding(node, f"{owner.name}.{field} is not explained", remedy)


def banned(source: Module) -> Iterator[Finding]:
    """A call or read has a better replacement here."""
    uses = [(node, target) for node, target in imports(source)]
    uses += [(node, dotted(node)) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)]
    for node, name in uses:
        for bad, (homes, remedy) in BANNED.items():
            same = f"{name}.".startswith(f"{bad}.") or name.endswith(f".{bad}")
            if same and source.path not in homes:
                yield source.finding(node, f"{name} is used", remedy)


def subject_literals(source: Module) -> Iterator[Finding]:
    """A subject is spelled out instead of built."""
    if source.path.startswith(SUBJECT_HOMES):
        return
    prose = documentation(source.tree)
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in prose:
            continue
        if SUBJECT.fullmatch(node.value):
            remedy = "Build it from the table in subjects.py."
            yield source.finding(node, f"the subject {node.value!r} is spelled out", remedy)


def private_members(source: Module) -> Iterator[Finding]:
    """A module that speaks to the client library reaches into an object that is not its own."""
    if source.path in PATCHES or not any(name.partition(".")[0] == "nats" for _, name in imports(source)):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        if dotted(node.value) not in {"self", "cls"} and node.attr not in NAMED_TUPLE:
            remedy = "Add a function to adapters/nats/patches.py that says why."
            yield source.finding(node, f"it uses the private member {node.attr}", remedy)


def private_patches(path: str, text: str) -> Iterator[Finding]:
    """A test replaces what only its module knows: it breaks with the next rename, and tests no behaviour."""
    if path.startswith("tests/") and path != "tests/test_tidy.py":
        for number, line in enumerate(text.splitlines(), 1):
            if PRIVATE_PATCH.search(line):
                yield Finding(
                    f"{path}:{number}", "replaces a private member", "Hand the thing in, or test its effect."
                )


def places(path: str, text: str) -> Iterator[Finding]:
    """A text names a place that only one machine or one network has."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := PLACES.search(line):
            yield Finding(f"{path}:{number}", f"it names {match[0]!r}", "Leave the place out.")


def found(rule: Callable[[Module], Iterator[Finding]]) -> Iterator[Finding]:
    """Apply a rule to the whole package."""
    for source in package():
        yield from rule(source)


NESTED = "def f():\n for a in b:\n  if a:\n   while a:\n    with a:\n     pass"


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (sizes, "src/econsim/x.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
        (sizes, "src/econsim/x.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
        (nesting, "src/econsim/x.py", NESTED),
        (undocumented, "src/econsim/x.py", "x = 1"),
        (undocumented, "src/econsim/x.py", '"""Do it."""\nclass A:\n    """An a."""\n    def f(self): ...'),
        (undocumented_fields, "src/econsim/schemas/x.py", "class A:\n    a: int\n    b: int\n    'B.'"),
        (banned, "src/econsim/x.py", "import datetime\ndatetime.datetime.now()"),
        (banned, "src/econsim/x.py", "from datetime import datetime\ndatetime.now(tz=None)"),
        (banned, "src/econsim/x.py", "import time\ntime.time()"),
        (banned, "src/econsim/x.py", "from uuid import uuid4"),
        (banned, "src/econsim/x.py", "import random"),
        (banned, "src/econsim/x.py", "from random import choice"),
        (banned, "src/econsim/x.py", "import os\nos.environ['A']"),
        (banned, "src/econsim/adapters/clock.py", "import os\nos.getenv('A')"),
        (private_members, "src/econsim/x.py", "from nats.aio.client import Client\ndef f(c): c._pongs = []"),
        (private_members, "src/econsim/adapters/nats/x.py", "import nats\nnats.connect()._subs"),
        (subject_literals, "src/econsim/x.py", "a = 'market.cpu.place_bid.run_1'"),
        (subject_literals, "src/econsim/x.py", "a = f'market.{b}.place_bid'"),
        (subject_literals, "src/econsim/x.py", "a = 'agent.*.*.*'"),
    ],
)
def test_a_breach_is_found(rule: Callable[[Module], Iterator[Finding]], path: str, text: str) -> None:
    findings = list(rule(module(text, path)))

    assert findings
    assert findings[0].where.startswith(path)


@pytest.mark.parametrize(
    "text",
    [
        "cd /" + "home/anna",
        "path = '/" + "root/x'",
        "https://" + "py" + "pi.example/simple",
        "from Py" + "PI",
        "host = files.python" + "hosted.example",
        "https://" + "registry.example/x",
    ],
)
def test_a_place_is_found(text: str) -> None:
    assert list(places("README.md", text))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (banned, "src/econsim/adapters/clock.py", "import time\ntime.time()"),
        (banned, "src/econsim/x.py", "import time\ntime.perf_counter()\nself.random_seed.x"),
        (
            subject_literals,
            "src/econsim/x.py",
            'def f():\n    """market.cpu.place_bid"""\n    return "the market. It"',
        ),
        (nesting, "src/econsim/x.py", "def f():\n for a in b:\n  if a:\n   while a:\n    pass"),
    ],
)
def test_what_is_allowed_is_left_alone(
    rule: Callable[[Module], Iterator[Finding]], path: str, text: str
) -> None:
    assert not list(rule(module(text, path)))


@pytest.mark.parametrize("target", ['host, "_answer"', '"econsim.services.agent.host._answer"'])
def test_a_private_patch_is_found(target: str) -> None:
    assert list(private_patches("tests/unit/x.py", f"monkeypatch.setattr({target}, late)"))
    assert not list(
        private_patches("tests/unit/x.py", f"monkeypatch.setattr({target.replace('_', '')}, late)")
    )
