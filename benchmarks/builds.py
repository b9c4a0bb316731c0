"""Builds of econsim to measure: this one, and an earlier one in a work tree and virtual environment of its own.

What is measured of several builds uses only what all of them have: the command line, and `snippets/`.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BUILDS: Final = ROOT / ".tools" / "builds"
"""Folder of the builds that were made; git ignores it."""
LOCKS: Final = ("requirements-dev.lock", "requirements-build.lock")
"""Locks to install, those that a revision has: the tools too, as in `make setup`, because libraries look for each other."""


@dataclass(frozen=True, slots=True)
class Build:
    """One installed econsim."""

    name: str
    """Name in the table."""
    python: Path
    """Interpreter of the environment that it is installed in."""

    @classmethod
    def this(cls) -> Build:
        """Return the build that runs this program."""
        return cls("this build", Path(sys.executable))

    def econsim(self, *arguments: str | Path) -> list[str]:
        """Return a command of its command line."""
        return [str(self.python), "-m", "econsim", *map(str, arguments)]


def build_of(revision: str) -> Build:
    """Return the build of a revision of this repository; made once, which takes minutes, and kept.

    Raises CalledProcessError if there is no such revision, or if it cannot be installed.
    """
    commit = _output("git", "rev-parse", "--verify", f"{revision}^{{commit}}")[:12]
    tree = BUILDS / commit
    python, ready = tree / ".venv" / "bin" / "python", tree / ".venv" / ".ready"
    if not ready.exists():
        print(f"making the build of {commit} in {tree.relative_to(ROOT)}, once …", file=sys.stderr)
        if not tree.exists():
            _output("git", "worktree", "add", "--detach", str(tree), commit)
        _output(sys.executable, "-m", "venv", "--clear", str(tree / ".venv"))
        install = (str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check")
        locks = [part for lock in LOCKS if (tree / lock).exists() for part in ("-r", str(tree / lock))]
        _output(*install, "--require-hashes", *locks)
        _output(*install, "--no-deps", "--no-build-isolation", "--editable", str(tree))
        ready.touch()
    return Build(commit[:7], python)


def _output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
