"""Who may import whom, read from the source: layers, cycles, purity, the one way out.

Seen to fail: each rule has an example of what it must refuse, further down.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter

import pytest
from source import Finding, Module, dotted, imports, module, package, report

# A row may import the rows above it and itself. The first word of a module's dotted name picks its row.
LAYERS = (
    ("collector", "errors", "grammar", "nearest", "subject_rows", "subjects"),
    ("schemas",),
    ("domain",),
    ("ports",),
    (
        "config",
        "stream_form",
        "quota_streams",
        "streams",
        "permissions",
        "agent_access",
        "testing",
        "scenarios",
        "scenario_files",
        "scenario_lines",
    ),
    (
        "adapters",
        "ledger_state",
        "ledger_writer",
        "stored_books",
        "quota_meter",
        "rejections",
        "middlewares",
        "state",
    ),
    ("link", "serving", "screening", "operator_audit"),
    ("tenancy",),
    ("hearing", "workers"),
    ("routers", "agents", "sandbox", "adversary"),
    ("drivers", "memory", "report", "experiments"),
    ("app", "catalog", "access"),
    ("launch",),
    ("cli", "__main__"),
)
ROW = {word: row for row, words in enumerate(LAYERS) for word in words}

# Modules of these packages never import each other: what two of them need lives above them.
STRANGERS = ("routers",)

# What domain/ may not know: time, chance, the outside, and everything that waits.
IMPURE = frozenset(
    [
        "asyncio",
        "concurrent",
        "contextvars",
        "ftplib",
        "glob",
        "http",
        "importlib",
        "io",
        "locale",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "platform",
        "queue",
        "random",
        "sched",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "zoneinfo",
    ]
)
PURE_PACKAGES = frozenset({"econsim", "pydantic", "sortedcontainers"})
IMPURE_CALLS = {
    "datetime.now": "hand the time in",
    "datetime.utcnow": "hand the time in",
    "date.today": "hand the date in",
    "hash": "use a digest: hash() differs from process to process",
    "id": "use the thing's own id: addresses differ from process to process",
    "input": "hand the value in",
    "open": "hand the content in",
    "print": "return an event",
}

# NATS is the only way between components; nothing here speaks HTTP.
HTTP_CLIENTS = frozenset(
    [
        "aiohttp",
        "grpc",
        "http.client",
        "httplib2",
        "httpx",
        "niquests",
        "openai",
        "pycurl",
        "requests",
        "urllib.request",
        "urllib3",
        "websockets",
    ]
)


def test_every_module_has_a_row_in_the_layer_table() -> None:
    findings = list(found(unplaced))

    assert not findings, report(findings)


def test_imports_only_go_up_the_layers() -> None:
    findings = list(found(downward_imports))

    assert not findings, report(findings)


def test_routers_never_import_each_other() -> None:
    findings = list(found(stranger_imports))

    assert not findings, report(findings)


def test_no_modules_import_each_other_in_a_circle() -> None:
    circle = cycle(package())

    assert not circle, f"{' imports '.join(circle)}. Move what they share into a module above both."


def test_the_domain_is_pure() -> None:
    findings = list(found(impurities))

    assert not findings, report(findings)


def test_nothing_speaks_http() -> None:
    findings = list(found(http_imports))

    assert not findings, report(findings)


def unplaced(source: Module) -> Iterator[Finding]:
    """The module's first word has no row."""
    word = source.name.partition(".")[0]
    if word and word not in ROW:
        remedy = (
            "Give the word a row in LAYERS of tests/test_architecture.py, above everything that imports it."
        )
        yield source.finding(1, f"{word!r} is in no layer", remedy)


def downward_imports(source: Module) -> Iterator[Finding]:
    """An import points at a lower row."""
    row = ROW.get(source.name.partition(".")[0], len(LAYERS))
    for node, target in inner_imports(source):
        word = target.partition(".")[0]
        if ROW.get(word, row) > row:
            remedy = f"Imports go up only; hand {word} in, or move what both need above."
            yield source.finding(node, f"{source.name} imports {target}", remedy)


def stranger_imports(source: Module) -> Iterator[Finding]:
    """An import points at a sibling that must stay a stranger."""
    home, _, name = source.name.partition(".")
    for node, target in inner_imports(source):
        there, _, other = target.partition(".")
        if home == there in STRANGERS and name and other and other.partition(".")[0] != name:
            remedy = f"Put what {name} and {other} share into domain/ or a port."
            yield source.finding(node, f"{source.name} imports {target}", remedy)


def impurities(source: Module) -> Iterator[Finding]:
    """The domain waits, or reaches for time, chance or the outside."""
    if not source.name.startswith("domain"):
        return
    for node, target in imports(source):
        word = target.partition(".")[0]
        stdlib = word in sys.stdlib_module_names or word == "__future__"
        if word in IMPURE or not (stdlib or word in PURE_PACKAGES):
            yield source.finding(
                node, f"domain imports {target}", "Take it as an argument, or do it in an adapter."
            )
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield source.finding(
                node, "domain waits", "Decide here; wait in the router or adapter that calls."
            )
        if isinstance(node, ast.Call):
            name = ".".join(dotted(node.func).split(".")[-2:])
            if name in IMPURE_CALLS:
                yield source.finding(node, f"domain calls {name}()", f"{IMPURE_CALLS[name].capitalize()}.")


def http_imports(source: Module) -> Iterator[Finding]:
    """An HTTP client is imported."""
    for node, target in imports(source):
        if any(f"{target}.".startswith(f"{client}.") for client in HTTP_CLIENTS):
            yield source.finding(node, f"{source.name} imports {target}", "Ask over NATS instead.")


def inner_imports(source: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield imports of econsim's own modules, by their name below econsim."""
    known = {each.name for each in package()} | set(ROW)
    for node, target in imports(source):
        if target.startswith("econsim."):
            inner = target.removeprefix("econsim.")
            yield node, inner if inner in known or "." not in inner else inner.rpartition(".")[0]


def cycle(modules: tuple[Module, ...]) -> list[str]:
    """Return the names of one circle of imports, or nothing. A package is not its modules."""
    names = {source.name for source in modules}
    graph = {
        m.name: {target for _, target in inner_imports(m) if target in names - {m.name}} for m in modules
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def found(rule: Callable[[Module], Iterator[Finding]]) -> Iterator[Finding]:
    """Apply a rule to the whole package."""
    for source in package():
        yield from rule(source)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (unplaced, "src/econsim/odds_and_ends.py", ""),
        (downward_imports, "src/econsim/domain/x.py", "from econsim.ports import Clock"),
        (downward_imports, "src/econsim/ports.py", "def late():\n    from econsim.adapters import clock"),
        (stranger_imports, "src/econsim/routers/market.py", "from econsim.routers.ledger import router"),
        (impurities, "src/econsim/domain/x.py", "import asyncio"),
        (impurities, "src/econsim/domain/x.py", "from os import environ"),
        (impurities, "src/econsim/domain/x.py", "import nats.errors"),
        (impurities, "src/econsim/domain/x.py", "import faststream"),
        (impurities, "src/econsim/domain/x.py", "async def f(): ..."),
        (impurities, "src/econsim/domain/x.py", "import datetime\ndatetime.datetime.now()"),
        (impurities, "src/econsim/domain/x.py", "print(hash('a'))"),
        (http_imports, "src/econsim/adapters/x.py", "from urllib import request"),
        (http_imports, "src/econsim/adapters/x.py", "import httpx"),
    ],
)
def test_a_breach_is_found(rule: Callable[[Module], Iterator[Finding]], path: str, text: str) -> None:
    findings = list(rule(module(text, path)))

    assert findings
    assert findings[0].where.startswith(path)


def test_a_circle_of_imports_is_found() -> None:
    one = module("from econsim.schemas.base import x", "src/econsim/schemas/types.py")
    other = module("from econsim.schemas import types", "src/econsim/schemas/base.py")

    assert set(cycle((one, other))) == {"schemas.types", "schemas.base"}


def test_pure_code_is_left_alone() -> None:
    text = "import hashlib\nfrom datetime import datetime\nfrom econsim.schemas.base import Event\n"

    assert not list(impurities(module(text)))
    assert not list(downward_imports(module(text)))
