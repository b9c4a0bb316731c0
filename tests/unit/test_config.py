"""Settings come from the environment, are overridden by options, and a wrong one is named."""

from pathlib import Path

import pytest
import typer

from econsim.cli import option_types
from econsim.config import settings
from econsim.errors import SetupError


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in ("STATE", "NATS", "CREDS", "PORT", "REPLICAS", "LOG_LEVEL", "NATS_SERVER", "PROVIDERS"):
        monkeypatch.delenv(f"ECONSIM_{name}", raising=False)


def test_everything_has_a_default():
    assert settings().state == Path(".econsim")
    assert settings().nats is None


def test_the_environment_sets_and_an_option_overrides(monkeypatch):
    monkeypatch.setenv("ECONSIM_REPLICAS", "3")
    monkeypatch.setenv("ECONSIM_STATE", "/tmp/a")

    assert settings().replicas == 3
    assert settings(replicas=None, state="/tmp/b").replicas == 3
    assert settings(state="/tmp/b").state == Path("/tmp/b")


def test_a_wrong_setting_is_named(monkeypatch):
    monkeypatch.setenv("ECONSIM_PORT", "70000")

    with pytest.raises(SetupError, match=r"ECONSIM_PORT.*65535"):
        settings()


@pytest.mark.parametrize("given", ["foo", "http://127.0.0.1:99999", "ftp://127.0.0.1:4318"])
def test_an_address_of_a_collector_is_checked_as_trace_checks_it(monkeypatch, given):
    monkeypatch.setenv("ECONSIM_OTLP_URL", given)

    with pytest.raises(typer.BadParameter) as said:
        option_types.http_url(given)
    with pytest.raises(SetupError, match="ECONSIM_OTLP_URL") as refused:
        settings()
    assert str(refused.value).endswith(f"is not usable: {said.value.message}")


def test_an_unknown_option_is_refused():
    with pytest.raises(SetupError, match="colour"):
        settings(colour="blue")
