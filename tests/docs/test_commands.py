"""Every command of the documentation is typed as a reader types it, and prints what its page says.

A page is one session, from its first block to its last: CONTRIBUTING.md states the rule. What cannot be typed here is in UNTYPED,
each with its reason.
"""

from __future__ import annotations

import pytest
from doc_blocks import blocks, commands
from doc_session import Session, prints

CONSOLE = {block.page for block in blocks() if block.language == "console"}
SESSIONS = {
    page: [block for block in blocks() if block.page == page and block.language in ("console", "text")]
    for page in sorted(CONSOLE)
}
IN_MEMORY = {
    "docs/how-to/change-things-by-period.md",
    "docs/how-to/keep-and-export-data.md",
    "docs/how-to/learn-in-a-market.md",
    "docs/how-to/make-figures.md",
    "docs/how-to/write-a-policy.md",
}
"""Pages that need no server."""
INSTALLS = "installs from another machine; the gate installs before it tests"
ELSEWHERE = "names a server on another machine; tests/e2e/test_bench_commands.py has workers on this one"
SCREEN = "draws on a terminal's whole screen; tests/integration/test_watching.py and test_watching_batches.py look at it"
PLUGIN = "takes half a minute; tests/integration/test_pytest_plugin.py has it"
UNTYPED = {
    ("README.md", "git clone"): INSTALLS,
    ("README.md", "econsim adversary"): "takes minutes; tests/e2e/test_adversary.py tries every attack",
    ("CONTRIBUTING.md", "git clone"): INSTALLS,
    ("CONTRIBUTING.md", "make check"): "runs this suite",
    ("docs/how-to/design-a-study.md", "econsim up"): ELSEWHERE,
    ("docs/how-to/design-a-study.md", "econsim bench worker"): ELSEWHERE,
    ("docs/how-to/design-a-study.md", "econsim study opening_hours.toml --transport workers"): ELSEWHERE,
    ("docs/how-to/join-with-a-synadia-host.md", "pip install"): INSTALLS,
    ("docs/how-to/join-with-a-synadia-host.md", "econsim synadia-bridge"): "needs a host of other people",
    ("docs/how-to/join-with-an-assistant.md", "pip install"): INSTALLS,
    ("docs/how-to/run-a-benchmark.md", "econsim up"): ELSEWHERE,
    ("docs/how-to/run-a-benchmark.md", "econsim bench worker"): ELSEWHERE,
    ("docs/how-to/run-a-benchmark.md", "econsim bench run my.toml --seeds 1..1000"): ELSEWHERE,
    ("docs/how-to/run-a-benchmark.md", "econsim bench watch thrice --terminal"): SCREEN,
    ("docs/how-to/test-your-agents.md", "pytest -n 2"): PLUGIN,
    ("docs/how-to/test-your-agents.md", "pytest --econsim-transport"): PLUGIN,
    ("docs/how-to/trace-a-run.md", "pip install"): INSTALLS,
    ("docs/how-to/trace-a-run.md", "econsim trace last --otlp"): "needs a collector",
    ("docs/how-to/trace-a-run.md", "nats sub"): "needs another program",
    ("docs/how-to/trade-by-hand.md", "econsim play lab --as ana --nats"): "names a server of one's own",
    ("docs/how-to/watch-a-run.md", "econsim watch demo --nats"): "names a server of one's own",
    ("docs/how-to/watch-a-run.md", "pip install"): INSTALLS,
    ("docs/how-to/watch-a-run.md", " run b2-2"): SCREEN,
    ("docs/how-to/watch-a-run.md", "econsim watch demo --terminal"): SCREEN,
    ("docs/how-to/write-a-bot-in-javascript.md", "cd examples"): INSTALLS,
    (
        "docs/how-to/write-a-bot-in-javascript.md",
        "ECONSIM_NATS",
    ): "needs what the line above installs; tests/examples/test_javascript.py runs it",
    ("docs/operations/observe.md", "docker"): "needs containers; tools/check-compose reads compose.yaml",
}
"""Page, and how the command or the output begins → why it is not typed or compared. Its options are checked all the same."""
UNTYPED_MAX = 27
"""The table may only shrink."""


def marked(page):
    return pytest.param(page, marks=pytest.mark.slow if page in IN_MEMORY else pytest.mark.nats)


@pytest.fixture
def session(tmp_path):
    session = Session(tmp_path)
    yield session
    session.kill()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [marked(page) for page in SESSIONS])
def test_a_page_prints_what_it_says(session, page):
    said = ""
    for block in SESSIONS[page]:
        if block.language == "console":
            said = type_block(session, block)
        elif not reason(page, block.text):
            assert prints(block.text, said), f"{block}: not printed by the block above:\n{said}"


def type_block(session, block):
    """Type what the block has; return what it printed altogether."""
    said = []
    for typed in commands(block):
        if reason(block.page, typed.text):
            continue
        said.append(session.type(typed))
        if typed.shown.strip():
            assert prints(typed.shown, said[-1]), f"{block}: {typed.text} printed something else:\n{said[-1]}"
    session.close()
    return "".join(said)


def reason(page, text):
    """Return why a command is not typed or an output not compared, or nothing."""
    return next(
        (why for (where, begin), why in UNTYPED.items() if where == page and text.startswith(begin)), ""
    )


def test_what_is_not_typed_only_shrinks_and_is_on_its_page():
    texts = [
        (page, text)
        for page, here in SESSIONS.items()
        for block in here
        for text in ([each.text for each in commands(block)] if block.language == "console" else [block.text])
    ]

    unused = [
        key for key in UNTYPED if not any(page == key[0] and text.startswith(key[1]) for page, text in texts)
    ]

    assert not unused
    assert len(UNTYPED) == UNTYPED_MAX


@pytest.mark.parametrize(
    ("shown", "does"),
    [
        ("2.20", True),
        ("paid 0.05 credits", False),
        ("ana paid … credits\n2.20", True),
        ("2.20\nana paid 0.05 credits", False),
        ("a\n…\n2.20", True),
        ("a\n2.20", False),
        (" a ──────  b", True),
    ],
)
def test_an_output_is_the_one_shown_or_not(shown, does):
    assert prints(shown, "\na\nana  paid 0.05 credits\n2.20\n a ── b \n") is does
