"""The providers of a worker: `rules` always, and those of the operator's file."""

import pytest

from econsim.errors import SetupError
from econsim.services.cognition.providers import close_providers, configured_providers

SERVER = '[providers.ollama]\nkind = "openai_compatible"\nbase_url = "http://127.0.0.1:1/v1"\n'


def test_without_a_file_there_are_rules_alone():
    assert list(configured_providers(None, {})) == ["rules"]


async def test_a_file_adds_its_providers(tmp_path):
    pytest.importorskip("aiohttp")
    file = tmp_path / "models.toml"
    file.write_text(SERVER)

    providers = configured_providers(file, {})
    await close_providers(providers)

    assert list(providers) == ["rules", "ollama"]


def test_a_file_that_cannot_be_used_stops_the_service(tmp_path):
    with pytest.raises(SetupError, match="cannot be read"):
        configured_providers(tmp_path / "none.toml", {})
