"""The operator's file of tool servers: what it means, and the sentence for each mistake."""

from pathlib import Path

import pytest

from econsim.adapters.mcp.server_file import parse_tool_servers, read_tool_servers
from econsim.errors import SetupError

STDIO = '[servers.time]\nkind = "stdio"\ncommand = "python"\n'
HTTP = '[servers.web]\nkind = "http"\nurl = "http://127.0.0.1:1/mcp"\n'


def terms(text, tool="now"):
    return parse_tool_servers(STDIO + text, "tools.toml").servers["time"].tools[tool]


def test_prices_are_credits():
    assert terms("[servers.time.tools.now]\nprice = 0.25\n").price == 250_000


def test_a_hit_costs_as_much_as_a_call_unless_the_file_says_less():
    assert terms("[servers.time.tools.now]\nprice = 0.25\n").hit_price == 250_000
    assert terms("[servers.time.tools.now]\nprice = 0.25\ncached_price = 0.1\n").hit_price == 100_000


def test_results_of_a_tool_that_is_not_pure_are_not_kept():
    assert terms("[servers.time.tools.now]\ncached_for_s = 60\n").ttl_s == 0
    assert terms("[servers.time.tools.now]\ncached_for_s = 60\npure = true\n").ttl_s == 60


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("", False),
        ("pure = true", True),
        ("repeatable = true", True),
        ("pure = true\nrepeatable = false", False),
    ],
)
def test_a_tool_may_be_repeated_if_it_is_pure_or_declared(text, may):
    assert terms(f"[servers.time.tools.now]\n{text}\n").may_repeat is may


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[servers.time", "tools.toml is no TOML"),
        ("[servers.time]\n", "servers.time has no kind; write one of stdio, http"),
        ('[servers.time]\nkind = "smoke"\n', "servers.time.kind is no kind of server"),
        ('[servers.time]\nkind = "stdio"\n', "servers.time.command is missing; write it"),
        (STDIO + 'comand = "x"\n', "servers.time.comand is no key of this table"),
        (STDIO.replace("time", "Time"), "servers.Time"),
        (STDIO + "[servers.time.tools.now]\nprice = -1\n", "servers.time.tools.now.price"),
        (HTTP.replace("http://", "http://user:pass@"), "servers.web.url"),
        ("[server.time]\n", "servers is missing"),
    ],
)
def test_each_mistake_has_a_sentence_that_names_its_place(text, sentence):
    with pytest.raises(SetupError) as error:
        parse_tool_servers(text, "tools.toml")

    assert sentence in str(error.value)


def test_no_sentence_repeats_a_value_that_may_be_a_secret(tmp_path):
    (tmp_path / "tools.toml").write_text(HTTP + 'headers_env = { Authorization = "KEY" }\n')

    with pytest.raises(SetupError) as error:
        read_tool_servers(tmp_path / "tools.toml", {"KEY": "hush\n\x00"}, lambda _: None)

    assert "KEY" in str(error.value)
    assert "hush" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SetupError, match="No such file"):
        read_tool_servers(tmp_path / "none.toml", {}, lambda _: None)


def test_servers_are_made_and_not_started(tmp_path):
    (tmp_path / "tools.toml").write_text(STDIO + HTTP)

    found = read_tool_servers(tmp_path / "tools.toml", {}, lambda _: None)

    assert {name: server.is_open for name, server in found.items()} == {"time": False, "web": False}


def test_relative_paths_begin_at_the_folder_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc").mkdir()
    paths = 'directory = "."\nreadable = ["data", "/srv"]\nwritable = ["out"]\n'
    (tmp_path / "etc" / "tools.toml").write_text(STDIO + paths)

    found = read_tool_servers(Path("etc/tools.toml"), {}, None)["time"].table

    folder = tmp_path / "etc"
    assert (found.directory, found.readable, found.writable) == (
        folder, (folder / "data", Path("/srv")), (folder / "out",),
    )  # fmt: skip
