"""Files of a deployment, laid out so that each server and service gets its own part and no more.

    <dir>/trust/                      keys: stay with the operator, nobody mounts them
    <dir>/server/trust.conf           what a server includes: operator, system account, resolver
    <dir>/server/accounts/<name>.jwt  the accounts, for a resolver of another kind
    <dir>/services/<role>/user.creds  one role's credentials

Writing a layout again keeps all keys.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from econsim.identity.private_files import private_directory, write
from econsim.identity.roles import ROLES
from econsim.identity.server_config import unquote
from econsim.identity.trust_root import Trust

_RESOLVER: Final = re.compile(r'dir: ("(?:[^"\\]|\\.)*")')


def write_layout(trust: Trust, directory: Path, resolver: Path) -> list[Path]:
    """Write the files for servers and services; return their paths.

    `resolver` is the server's own directory for account JWTs pushed to it later. Raises OSError.
    """
    server, services = directory / "server", directory / "services"
    for path in (server, server / "accounts", services, *(services / role for role in ROLES)):
        private_directory(path)
    config = server / "trust.conf"
    write(config, trust.server_config(resolver))
    files = [config]
    for name, key in (("sys", trust.system), ("sim", trust.sim), ("readers", trust.readers)):
        files.append(server / "accounts" / f"{name}.jwt")
        write(files[-1], trust.accounts()[key.public])
    for role in ROLES:
        files.append(services / role / "user.creds")
        write(files[-1], trust.creds(role).read_text())
    return files


def rewrite_layout(trust: Trust, directory: Path) -> None:
    """Write a layout again after a rotation; do nothing where there is none."""
    config = directory / "server" / "trust.conf"
    if config.exists():
        resolver = _RESOLVER.search(os.fsdecode(config.read_bytes()))
        assert resolver is not None, "a layout names its resolver"
        write_layout(trust, directory, unquote(resolver[1]))
