"""Who may import whom, read from the source: layers, cycles, purity, the one way out.

Seen to fail: each rule has an example of what it must refuse, further down.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest
from requirements import requirement
from source import ROOT, Finding, Module, dotted, imports, module, package, report

from econsim.identity.roles import ROLES
from econsim.routers import SERVICES
from econsim.schemas.subject import OWNERS
from econsim.services.asyncapi import SERVICE_DESCRIPTIONS

Floors = tuple[tuple[str, ...], ...]

# A room is a folder of the package, or a module at its root (`__init__` is what `import econsim` offers). One row a
# floor: a room may import the rows above its own, and nothing beside it.
HOUSE: Floors = (
    ("errors",),
    ("schemas",),
    ("config", "ports", "subjects"),
    ("domain",),
    ("report", "streams"),
    ("identity",),
    ("adapters",),
    ("agents", "services"),
    ("routers",),
    ("app",),
    ("runs",),
    ("checks", "evaluation", "terminal"),
    ("api",),
    ("__init__", "cli", "envs", "testing"),
    ("__main__",),
)
# One more of each for the public Python API, which programs, notebooks and tests of agents use, and which uses what commands use; and a
# room for `envs`: libraries of learning agents, which nothing else may need.
ROOMS_MAX = 24
FLOORS_MAX = 15

# The same inside a room. A word is a folder or module of it; "" stands for the modules that are not named.
WITHIN: dict[str, Floors] = {
    "domain": (
        ("finding",),
        ("audit",),
        ("cognition", "ledger", "measures", "tracing"),
        ("agent",),
        ("market", "mcp", "social"),
        ("admission", "clock", "expectation", "scenario", "verification"),
        ("metrics", "workspace"),
        ("runtime",),
        ("execution",),
    ),
    "adapters": (
        (
            "cancellation",
            "clock",
            "exposition",
            "logs",
            "operator_file",
            "otlp",
            "poll",
            "pydantic_plugins",
            "time_limit",
        ),
        ("nats", "policies"),
        ("jetstream", "mcp", "models", "server"),
        ("live_page",),
    ),
    "agents": (("", "sandbox"), ("toolset",), ("mcp_server", "synadia")),
    "services": (("",), OWNERS),
    "routers": (OWNERS, ("",)),
    "runs": (("scenarios", "launch"), ("",)),
    "checks": (("",), ("attacks", "permissions")),
    "envs": (("market_game", "registration"), ("many_agents", "one_agent")),
    "evaluation": (("bench",), ("studies",), ("experiments",)),
}

# One word, its places: where each service has a file or a folder of its name.
PLACES = (
    *("src/econsim/schemas", "src/econsim/services", "src/econsim/routers"),
    *("docs/concepts", "tests/unit/services"),
)

# Page that lists the services → pattern of their names on it.
SERVICE_LISTS = {
    "compose.yaml": r"econsim\.app:(\w+)",
    "README.md": r"`econsim up ([a-z ]+)`",
    "docs/concepts/architecture.md": r"^\| ([a-z]+) \| [^`]",
    "docs/how-to/add-a-service.md": r"`(\w+)`(?=[^.]* exist\.)",
}

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
PURE_PACKAGES = frozenset(
    {"econsim", "jsonschema_rs", "msgspec", "pydantic", "pydantic_core", "sortedcontainers"}
)
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

# NATS is the only way between components. Models, outside tools and collectors alone are elsewhere, so these speak to others.
OUTWARD = ("adapters.models.", "adapters.mcp.", "adapters.otlp")

# One module knows the client library of tool servers; another one is a server itself, over its own standard input.
PROTOCOL_MODULES = frozenset({"adapters.mcp.client", "agents.mcp_server.server"})
HTTP_CLIENTS = frozenset(
    [
        "aiohttp",
        "grpc",
        "http.client",
        "httplib2",
        "httpx",
        "httpx2",
        "mcp.client",
        "niquests",
        "openai",
        "pycurl",
        "pydantic_ai",
        "requests",
        "urllib.request",
        "urllib3",
        "websockets",
    ]
)


def test_every_room_has_a_floor() -> None:
    findings = list(found(unplaced))

    assert not findings, report(findings)


def test_imports_only_go_up_the_floors_of_the_house() -> None:
    findings = list(found(misdirected))

    assert not findings, report(findings)


def test_imports_only_go_up_the_floors_within_a_room() -> None:
    findings = list(found(misdirected_within))

    assert not findings, report(findings)


def test_no_table_names_what_is_not_there() -> None:
    modules = [source.path.removeprefix("src/econsim/") for source in package()]

    dead = [*dead_words(HOUSE, "", modules)]
    dead += [word for room, floors in WITHIN.items() for word in dead_words(floors, f"{room}/", modules)]

    assert not dead, f"remove these words from the tables, no file or folder has them: {dead}"


def test_the_house_stays_small_enough_to_know() -> None:
    rooms = {room_of(source) for source in package()}

    assert len(rooms) <= ROOMS_MAX
    assert len(HOUSE) <= FLOORS_MAX


@pytest.mark.parametrize("word", OWNERS)
@pytest.mark.parametrize("place", PLACES)
def test_a_service_has_its_word_in_every_place(word: str, place: str) -> None:
    there = [*(ROOT / place).glob(f"{word}.*"), *(ROOT / place).glob(f"{word}/*.py")]

    assert there, f"service {word!r} has no file or folder {word} in {place}: docs/how-to/add-a-service.md"


def test_every_list_of_services_names_the_same_ones() -> None:
    lists = {
        "SERVICES of routers/__init__.py": SERVICES,
        "SERVICE_DESCRIPTIONS of services/asyncapi.py": SERVICE_DESCRIPTIONS,
        "ROLES of identity/roles.py": [role for role in ROLES if role in SERVICES or role in OWNERS],
    }

    _assert_all_services(lists)


def test_every_page_that_lists_the_services_names_the_same_ones() -> None:
    lists = {
        page: " ".join(re.findall(pattern, (ROOT / page).read_text(), re.MULTILINE)).split()
        for page, pattern in SERVICE_LISTS.items()
    }

    _assert_all_services(lists)


def _assert_all_services(lists: Mapping[str, Iterable[str]]) -> None:
    other = {name: sorted({*words} ^ {*OWNERS}) for name, words in lists.items() if {*words} != {*OWNERS}}

    assert not other, f"not the services of OWNERS in schemas/subject.py; add or remove: {other}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    circle = cycle(package())

    assert not circle, f"{' imports '.join(circle)}. Move what they share into a module above both."


def test_the_domain_is_pure() -> None:
    findings = list(found(impurities))

    assert not findings, report(findings)


@requirement("layers.nats_only", "gateway.only_door")
def test_only_providers_of_models_and_the_tool_gateway_speak_to_others() -> None:
    findings = list(found(http_imports))

    assert not findings, report(findings)


def test_one_module_knows_the_client_library_of_tool_servers_and_one_is_a_server() -> None:
    users = {
        source.name
        for source in package()
        for _, target in imports(source)
        if target.partition(".")[0] in ("mcp", "mcp_types")
    }

    assert users == PROTOCOL_MODULES


def room_of(source: Module) -> str:
    """Return the room a module is in, which is itself at the package's root."""
    return source.name.partition(".")[0] or "__init__"


def floor_of(floors: Floors, word: str) -> int | None:
    """Return the row a word is in; where none names it, the row of the unnamed."""
    rows = {each: row for row, words in enumerate(floors) for each in words}
    return rows.get(word, rows.get(""))


def dead_words(floors: Floors, prefix: str, modules: list[str]) -> Iterator[str]:
    """Yield the words of a table that are neither module nor folder."""
    for word in (each for row in floors for each in row if each):
        path = f"{prefix}{word}"
        if not any(module == f"{path}.py" or module.startswith(f"{path}/") for module in modules):
            yield path


def unplaced(source: Module) -> Iterator[Finding]:
    """The module's room has no floor."""
    room, _, inner = source.name.partition(".")
    if room and floor_of(HOUSE, room) is None:
        remedy = "Give the room a row in HOUSE of tests/test_architecture.py, below everything it imports."
        yield source.finding(1, f"{room!r} is on no floor", remedy)
    floors, word = WITHIN.get(room), inner.partition(".")[0]
    if floors and word and floor_of(floors, word) is None:
        remedy = f"Give the word a row in WITHIN[{room!r}] of tests/test_architecture.py."
        yield source.finding(1, f"{word!r} is on no floor of {room!r}", remedy)


def misdirected(source: Module) -> Iterator[Finding]:
    """An import points at a room below or beside the module's own."""
    room = room_of(source)
    own = floor_of(HOUSE, room)
    for node, target in inner_imports(source):
        other = target.partition(".")[0]
        floor = floor_of(HOUSE, other)
        if other != room and own is not None and floor is not None and floor >= own:
            remedy = f"Imports go up only; hand {other} in, or move what both need above."
            yield source.finding(node, f"{source.name} imports {target}", remedy)


def misdirected_within(source: Module) -> Iterator[Finding]:
    """An import points at a sub-room below or beside the module's own."""
    room, _, inner = source.name.partition(".")
    floors, word = WITHIN.get(room), inner.partition(".")[0]
    own = floor_of(floors, word) if floors else None
    for node, target in inner_imports(source):
        there, _, rest = target.partition(".")
        other = rest.partition(".")[0]
        if there != room or not floors or own is None or not inner or not rest:
            continue
        floor = floor_of(floors, other)
        unnamed = not {word, other} & {each for row in floors for each in row}
        if other != word and not unnamed and floor is not None and floor >= own:
            remedy = f"{word} and {other} are strangers: put what they share above both, or hand it in."
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
    """A client of others' servers is imported outside the two places that speak to them."""
    if source.name.startswith(OUTWARD):
        return
    for node, target in imports(source):
        if any(f"{target}.".startswith(f"{client}.") for client in HTTP_CLIENTS):
            yield source.finding(node, f"{source.name} imports {target}", "Ask over NATS instead.")


def inner_imports(source: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield imports of econsim's own modules, by their name below econsim."""
    known = {each.name for each in package()} | {room for row in HOUSE for room in row}
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
        (unplaced, "src/econsim/adapters/http/x.py", ""),
        (misdirected, "src/econsim/domain/x.py", "from econsim.adapters.clock import SystemClock"),
        (misdirected, "src/econsim/ports.py", "def late():\n    from econsim.adapters import clock"),
        (misdirected, "src/econsim/services/x.py", "from econsim.agents.channel import Line"),
        (misdirected_within, "src/econsim/routers/market.py", "from econsim.routers.ledger import router"),
        (
            misdirected_within,
            "src/econsim/adapters/nats/x.py",
            "from econsim.adapters.jetstream import leases",
        ),
        (misdirected_within, "src/econsim/services/context.py", "from econsim.services.market import batch"),
        (impurities, "src/econsim/domain/market/x.py", "import asyncio"),
        (impurities, "src/econsim/domain/market/x.py", "from os import environ"),
        (impurities, "src/econsim/domain/market/x.py", "import nats.errors"),
        (impurities, "src/econsim/domain/market/x.py", "import faststream"),
        (impurities, "src/econsim/domain/market/x.py", "async def f(): ..."),
        (impurities, "src/econsim/domain/market/x.py", "import datetime\ndatetime.datetime.now()"),
        (impurities, "src/econsim/domain/market/x.py", "print(hash('a'))"),
        (http_imports, "src/econsim/adapters/x.py", "from urllib import request"),
        (http_imports, "src/econsim/adapters/x.py", "import httpx"),
        (http_imports, "src/econsim/adapters/x.py", "import aiohttp"),
        (http_imports, "src/econsim/services/mcp/x.py", "from mcp.client.stdio import stdio_client"),
        (http_imports, "src/econsim/services/cognition/x.py", "from pydantic_ai.direct import model_request"),
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
    assert not list(misdirected(module(text)))
    assert not list(http_imports(module("import aiohttp", "src/econsim/adapters/models/x.py")))
