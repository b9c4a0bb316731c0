"""The operator's file of providers: what it makes, and a sentence with the remedy for everything that is wrong in it."""

import sys
from pathlib import Path

import pytest

from econsim.adapters.models.provider_file import parse_providers, read_providers
from econsim.errors import SetupError

KEY = "sk-0123456789"
SERVER = """
[providers.ollama]
kind = "openai_compatible"
base_url = "http://127.0.0.1:11434/v1"
"""


def test_a_server_needs_kind_and_address(tmp_path):
    pytest.importorskip("aiohttp")
    file = tmp_path / "models.toml"
    file.write_text(SERVER + 'calls_max = 3\nmodels = { default = "qwen2.5:0.5b" }\n')

    [provider] = read_providers(file, {}).values()

    assert (provider.name, provider.calls_max) == ("ollama", 3)


def test_reading_a_file_imports_no_library_of_a_model_that_it_does_not_name(tmp_path, monkeypatch):
    pytest.importorskip("aiohttp")
    monkeypatch.delitem(sys.modules, "econsim.adapters.models.named", raising=False)
    file = tmp_path / "models.toml"
    file.write_text(SERVER)

    read_providers(file, {})

    assert "econsim.adapters.models.named" not in sys.modules


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("providers = ", r"is no TOML"),
        ("", r"providers is missing"),
        ("[provider.a]", r"providers is missing"),
        ("[providers.a]", r"providers\.a has no kind; write one of openai_compatible, named, local"),
        ('[providers.a]\nkind = "openai"', r"providers\.a\.kind is no kind of provider; write one of"),
        ('[providers.a]\nkind = "openai_compatible"', r"providers\.a\.base_url is missing"),
        (SERVER + "calls_maxx = 2", r"providers\.ollama\.calls_maxx is no key.*did you mean calls_max\?"),
        (SERVER + "colour = 2", r"providers\.ollama\.colour is no key.*it takes base_url, calls_max"),
        (
            SERVER + "calls_max = 0",
            r"providers\.ollama\.calls_max: input should be greater than or equal to 1",
        ),
        (SERVER.replace("http:", "ftp:"), r"base_url is no address; write one like"),
        (SERVER.replace("/v1", "/v1/"), r"base_url is no address.*without user, query, or slash"),
        (SERVER.replace("ollama", "rules"), r"providers\.rules: this name belongs to econsim's own provider"),
        (SERVER.replace("ollama", "recorded"), r"providers\.recorded: this name belongs"),
        (SERVER + f'key = "{KEY}"', r"key is no key of this table; put the key into an environment variable"),
        (SERVER.replace("127.0.0.1", f"anna:{KEY}@a"), r"base_url is no address"),
        (SERVER + f'key_env = "{KEY}"', r"providers\.ollama\.key_env"),
    ],
)
def test_a_mistake_has_its_place_and_its_remedy_and_no_key(text, sentence):
    with pytest.raises(SetupError, match=sentence) as refused:
        parse_providers(text, "models.toml")

    assert str(refused.value).startswith("models.toml")
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({}, "is not set"),
        ({"A_KEY": " "}, "is not set"),
        ({"A_KEY": f"{KEY}\nx"}, "has characters"),
        ({"A_KEY": f"{KEY} x"}, "has a space"),
    ],
)
def test_a_key_that_cannot_be_sent_is_named_by_its_variable(environment, fault, tmp_path):
    pytest.importorskip("aiohttp")
    file = tmp_path / "models.toml"
    file.write_text(SERVER + 'key_env = "A_KEY"\n')

    with pytest.raises(SetupError, match=f"A_KEY {fault}") as refused:
        read_providers(file, environment)

    assert KEY not in str(refused.value)


def test_the_file_of_the_guide_is_one():
    guide = Path(__file__).parents[4] / "docs" / "how-to" / "offer-a-model.md"
    text = guide.read_text().partition("```toml\n")[2].partition("```")[0]

    assert list(parse_providers(text, "models.toml").providers) == ["ollama", "openai", "claude", "small"]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"none\.toml cannot be read: No such file"):
        read_providers(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("kind", "library", "extra"),
    [
        ('"openai_compatible"\nbase_url = "http://a"', "aiohttp", "llm"),
        ('"named"\nvendor = "anthropic"', "pydantic_ai", "llm"),
        ('"local"', "xllamacpp", "local"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_command(
    kind, library, extra, tmp_path, monkeypatch
):
    monkeypatch.setattr("econsim.adapters.models.provider_file.find_spec", lambda name: name != library)
    file = tmp_path / "models.toml"
    file.write_text(f"[providers.a]\nkind = {kind}\n")

    with pytest.raises(SetupError, match=rf"pip install 'econsim\[{extra}\]'"):
        read_providers(file, {})
