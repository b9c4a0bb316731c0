"""The files of the container deployment, on the nats-server this machine has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from requirements import requirement

from econsim.adapters.server import binary
from econsim.identity.roles import ROLES

DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.nats


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    create(tmp_path)
    return tmp_path


def create(state: Path) -> None:
    """Lay out a deployment as the container of compose.yaml does."""
    command = ["econsim", "--state", str(state), "operator", "create", "--resolver", str(state / "resolver")]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)


def test_the_server_accepts_its_configuration(layout: Path) -> None:
    config = (DEPLOY / "nats.conf").read_text().replace("/data/jetstream", str(layout / "jetstream"))
    (layout / "nats.conf").write_text(config)
    (layout / "trust").rename(layout / "kept")
    (layout / "server").rename(layout / "trust")

    check = subprocess.run(
        [binary.find(), "-t", "-c", layout / "nats.conf"], check=False, capture_output=True, text=True
    )

    assert check.returncode == 0, check.stderr


def test_each_service_gets_its_own_credentials_and_no_keys(layout: Path) -> None:
    handed = {
        path.relative_to(layout / "services") for path in (layout / "services").rglob("*") if path.is_file()
    }

    assert handed == {Path(role) / "user.creds" for role in ROLES}


def test_only_the_owner_can_read_what_is_handed_out(layout: Path) -> None:
    files = [*(layout / "services").rglob("user.creds"), layout / "server" / "trust.conf"]

    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_repeating_the_layout_keeps_every_key(layout: Path) -> None:
    before = (layout / "services" / "market" / "user.creds").read_text()

    create(layout)

    assert (layout / "services" / "market" / "user.creds").read_text() == before


@requirement("operations.single_node")
def test_every_service_of_the_compose_file_mounts_a_role_that_exists() -> None:
    mounted = re.findall(r"subpath: services/(\w+)", (DEPLOY.parent / "compose.yaml").read_text())

    assert set(mounted) <= set(ROLES)
