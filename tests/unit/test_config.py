"""Settings come from the environment, are overridden by options, and a wrong one is named."""

from pathlib import Path

import pytest

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


def test_an_unknown_option_is_refused():
    with pytest.raises(SetupError, match="colour"):
        settings(colour="blue")
