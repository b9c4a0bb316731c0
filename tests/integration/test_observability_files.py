"""The files of the compose profile `observability`: complete, and read by the programs that this machine has."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus import DEPLOY, promtool
from requirements import requirement

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
WATCHING = {
    name: service for name, service in COMPOSE.items() if service.get("profiles") == ["observability"]
}


def test_prometheus_reads_its_configuration() -> None:
    done = promtool("check", "config", DEPLOY / "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr


@requirement("operations.logs")
def test_what_is_mounted_is_there() -> None:
    mounts = [
        volume.split(":")[0]
        for service in WATCHING.values()
        for volume in service["volumes"]
        if volume.startswith(".")
    ]

    assert len(mounts) > len(WATCHING)
    assert [path for path in mounts if not (ROOT / path).exists()] == []


def test_nothing_of_it_starts_unasked_or_has_more_rights_than_a_service() -> None:
    assert WATCHING.keys() == {"prometheus", "tempo", "loki", "alloy", "grafana"}
    for service in WATCHING.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["user"].split(":")[0] != "0"


@pytest.mark.parametrize("name", WATCHING)
def test_an_image_has_a_whole_version(name) -> None:
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", WATCHING[name]["image"])


def test_grafana_alone_is_seen_from_outside_and_only_on_this_machine() -> None:
    ports = {name: service["ports"] for name, service in COMPOSE.items() if "ports" in service}

    assert ports == {"grafana": ["127.0.0.1:3000:3000"]}


def test_grafana_asks_services_that_are_there_at_their_ports() -> None:
    sources = yaml.safe_load((DEPLOY / "grafana/datasources.yml").read_text())["datasources"]
    ports = {
        "prometheus": 9090,
        **{
            name: yaml.safe_load((DEPLOY / f"{name}.yml").read_text())["server"]["http_listen_port"]
            for name in ("loki", "tempo")
        },
    }

    assert {source["url"] for source in sources} == {f"http://{name}:{port}" for name, port in ports.items()}


def test_every_service_writes_its_log_where_it_is_shipped_from() -> None:
    services = [each for each in COMPOSE.values() if each.get("command", [""])[0] == "faststream"]

    assert all("logs:/logs" in each["volumes"] for each in services)
    assert "/logs/*.log" in (DEPLOY / "config.alloy").read_text()
    assert "logs:/logs:ro" in COMPOSE["alloy"]["volumes"]
