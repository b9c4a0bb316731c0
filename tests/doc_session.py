"""A reader's terminals on one page: what the page says is typed there, in a folder with what a clone has.

Each command is a process of its own, with its own signals and exit code. Those of econsim are forked from a server that has
loaded it once, because loading it costs more than most commands do; whatever else a page types is given to bash.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from doc_blocks import ROOT, Typed

END_S = 200
"""Seconds that a command has to end, or to say that it is ready; the longest takes ten on a free machine."""
LAST_S = 20
"""Seconds that a command of a failed test has to end after Ctrl-C."""
FORKED = get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        "econsim.app",
        "econsim.cli",
        "econsim.cli.run",
        "econsim.cli.watch",
        "econsim.report.html",
        "econsim.evaluation.bench.plan",
    ]
)
READY = {"up": "econsim is up at", "watch": "is at http://", "play": "trades in run", "--follow": "\n"}
"""Word of a command that serves until Ctrl-C → what it says when it is ready."""
STOPPED = 130
SHELL = frozenset("<>|;&")
"""What only a shell understands."""
AGAIN = "does not answer now"
"""What a command says of a service that is still starting: it is typed again."""
ANYTHING = "…"
"""What a page shows for what differs each time."""
SETTING = re.compile(r"([A-Z_]+)=(.*)")
METRICS = "127.0.0.1:9464"
"""The address for metrics on the pages; here somebody else may have it."""


@dataclass
class Terminal:
    """One command that runs, or has ended."""

    command: str
    output: Path
    process: object

    def said(self) -> str:
        """Return what it has printed so far."""
        return self.output.read_text()

    def code(self, timeout_s: float) -> int | None:
        """Return its exit code, once it has ended."""
        if isinstance(self.process, subprocess.Popen):
            try:
                return self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return None
        self.process.join(timeout_s)
        return self.process.exitcode

    def until(self, told: str) -> None:
        """Wait until it says this; fails if it ends before."""
        end = time.monotonic() + END_S
        while told not in self.said():
            assert self.code(0.02) is None, f"{self.command} ended before it said {told!r}:\n{self.said()}"
            assert time.monotonic() < end, f"{self.command} did not say {told!r}:\n{self.said()}"

    def press_ctrl_c(self) -> None:
        """Interrupt it, as a terminal does."""
        os.kill(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it with all that it has started, whatever it does; nothing if it has ended."""
        if self.code(0) is None:
            self.press_ctrl_c()
            if self.code(LAST_S) is None:
                self.process.kill()


@dataclass
class Session:
    """The terminals of a reader of one page."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    open: list[Terminal] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        """Put into the folder what a clone has, and take away the settings of whoever runs the tests."""
        for entry in ROOT.iterdir():
            if entry.name not in (".git", ".venv", ".econsim"):
                (self.folder / entry.name).symlink_to(entry)
        (self.folder / ".venv").symlink_to(sys.prefix)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ECONSIM_")}
        path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{kept['PATH']}"
        # `true` is a browser that opens nothing.
        self.environment = kept | {"PATH": path, "BROWSER": "true", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
        (self.folder / ".said").mkdir()

    def type(self, typed: Typed) -> str:
        """Type a command; return what it has printed when it ended, or was ready."""
        words = typed.words
        if words[0] == "export":
            self.environment |= settings(words[1:])
            return ""
        terminal = self._start(typed)
        self.open.append(terminal)
        words = words[len(settings(words)) :]
        ready = next((READY[word] for word in (*words[1:2], words[-1]) if word in READY), None)
        if ready or typed.goes_on:
            terminal.until(ready or ("waiting for" if "--external" in words else "\n"))
        if not typed.goes_on:
            if ready:
                terminal.press_ctrl_c()
            if self._is_early(terminal):
                return self.type(typed)
            self._ended(terminal, STOPPED if ready else 0)
        return terminal.said()

    def _is_early(self, terminal: Terminal) -> bool:
        """Tell whether a command, which has ended, has to be typed again in a moment."""
        terminal.code(END_S)
        if is_early := AGAIN in terminal.said():
            self.open.remove(terminal)
        return is_early

    def close(self) -> None:
        """Stop what still goes on with Ctrl-C."""
        while self.open:
            terminal = self.open[-1]
            if terminal.code(0) is None:
                terminal.press_ctrl_c()
            self._ended(terminal, 0, STOPPED)

    def kill(self) -> None:
        """Leave nothing behind, also when the test failed."""
        for terminal in self.open:
            terminal.kill()

    def _ended(self, terminal: Terminal, *codes: int) -> None:
        code = terminal.code(END_S)
        assert code in codes, f"{terminal.command} ended with {code}:\n{terminal.said()}"
        self.open.remove(terminal)

    def _start(self, typed: Typed) -> Terminal:
        self.count += 1
        output = self.folder / ".said" / str(self.count)
        output.touch()
        set_here = settings(typed.words)
        words = typed.words[len(set_here) :]
        if words[0] == "econsim" and not SHELL & {*words}:
            given = (words, self.folder, self.environment | set_here, output)
            process = FORKED.Process(target=econsim, args=given)
            process.start()
        else:
            with output.open("w") as file:
                process = subprocess.Popen(
                    ["bash", "-c", typed.text], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                    stdout=file, stderr=subprocess.STDOUT,
                )  # fmt: skip
        return Terminal(typed.text.strip(), output, process)


def settings(words: list[str]) -> dict[str, str]:
    """Return the settings of the environment that a command begins with."""
    found: dict[str, str] = {}
    for word in words:
        if not (setting := SETTING.fullmatch(word)):
            break
        found[setting[1]] = setting[2].replace(METRICS, free_address())
    return found


def free_address() -> str:
    """Return an address of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return "{}:{}".format(*listening.getsockname())


def econsim(words: list[str], folder: Path, environment: dict[str, str], output: Path) -> None:
    """Be the command `econsim` in this process; ends it with the command's exit code."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115 - open to the end
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115 - open to the end
    sys.argv = words
    from econsim.__main__ import main

    main()


def prints(shown, said):
    """Tell whether an output has the lines shown, one after the other: a line `…` stands for any, elsewhere `…` for anything in its line."""
    return follows([ANYTHING, *plain(shown), ANYTHING], [*plain(said)])


def follows(shown, said):
    if not shown:
        return not said
    if shown[0] == ANYTHING:
        return any(follows(shown[1:], said[place:]) for place in range(len(said) + 1))
    return bool(said) and is_line(shown[0], said[0]) and follows(shown[1:], said[1:])


def is_line(shown, said):
    return re.fullmatch(re.escape(shown).replace(ANYTHING, ".*"), said)


def plain(text):
    """Yield the lines of a text without what depends on a terminal's width: empty lines, and how many spaces or dashes stand together."""
    for line in text.splitlines():
        if line.strip():
            yield re.sub(r"([─ ])\1+", r"\1", line.strip())
