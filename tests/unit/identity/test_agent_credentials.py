"""An agent's account is minted for one run, ends by itself, and leaves nothing that could sign another."""

import stat
import time

import pytest
from claims import claims

from econsim.adapters.clock import unix_seconds
from econsim.errors import InvalidSubject, NotFound, SetupError
from econsim.identity.agent_account import imports, permissions
from econsim.identity.agent_credentials import LIMITS, delete_account, each_account, find_account, mint
from econsim.identity.nats_jwt import user_claims
from econsim.identity.trust_root import Trust

HOSTILE = ["*", ">", "a.b", "", "..", "../anna", "A", "anna\n", "{run}", "a" * 65]


@pytest.fixture
def trust(tmp_path):
    return Trust.open(tmp_path, unix_seconds)


def names(found):
    return [(each.run, each.agent) for each in found]


def test_the_account_holds_the_agents_imports_within_its_walls(trust):
    account = claims(mint(trust, "run_1", "anna").jwt())

    assert account["iss"] == trust.operator.public
    assert account["nats"]["imports"] == imports("run_1", "anna", trust.sim.public)
    assert account["nats"]["limits"].items() >= {**LIMITS, "exports": 0, "leaf": 0}.items()
    assert not {"mem_storage", "disk_storage", "streams"} & account["nats"]["limits"].keys()


def test_its_user_has_the_agents_lists_and_is_signed_by_the_account(trust):
    found = mint(trust, "run_1", "anna")

    user = claims(found.creds.read_text().splitlines()[1])
    assert (user["iss"], user["name"]) == (found.account, "anna")
    assert user["nats"].items() >= permissions("anna").items()
    assert user_claims(found.creds.read_text()).role == ""


def test_account_and_user_end_together(trust):
    found = mint(trust, "run_1", "anna", life_s=60)

    ends = {claims(found.jwt())["exp"], claims(found.creds.read_text().splitlines()[1])["exp"], found.expires}
    assert len(ends) == 1
    assert 50 < found.expires - time.time() <= 61
    assert not found.expired(trust.now())
    assert mint(trust, "run_1", "anna", life_s=0).expired(trust.now())


def test_its_files_are_private_and_hold_no_key_of_the_account(trust):
    found = mint(trust, "run_1", "anna")

    files = list(found.creds.parent.iterdir())
    assert {file.name for file in files} == {"anna.creds", "anna.jwt"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(found.creds.parent.stat().st_mode) == 0o700
    assert not [file for file in files if "\nSA" in file.read_text()]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("names", [("run_1", None), (None, "anna")], ids=["agent", "run"])
def test_a_hostile_name_is_refused_before_anything_is_written(trust, names, name):
    run, agent = (each if each is not None else name for each in names)

    with pytest.raises(InvalidSubject, match="is not a subject token"):
        mint(trust, run, agent)

    assert not (trust.directory / "agents").exists()


def test_minted_anew_an_agent_has_another_account(trust):
    first, second = mint(trust, "run_1", "anna"), mint(trust, "run_1", "anna")

    assert first.account != second.account
    assert list(each_account(trust)) == [second]


def test_all_are_listed_by_run_and_name_or_those_of_one_run(trust):
    for run, agent in (("run_2", "anna"), ("run_1", "bert"), ("run_1", "anna")):
        mint(trust, run, agent)

    assert names(each_account(trust)) == [("run_1", "anna"), ("run_1", "bert"), ("run_2", "anna")]
    assert names(each_account(trust, "run_2")) == [("run_2", "anna")]


def test_one_is_found_by_run_and_name_and_nobody_else(trust):
    anna = mint(trust, "run_1", "anna")
    mint(trust, "run_1", "bert")

    assert find_account(trust, "run_1", "anna") == anna
    with pytest.raises(NotFound, match="'anna' has no credentials for run 'run_2'"):
        find_account(trust, "run_2", "anna")


@pytest.mark.parametrize("run", ["*", "run_?", "[r]un_1", "../agents/run_1"])
def test_a_run_is_a_name_and_no_pattern_of_files(trust, run):
    mint(trust, "run_1", "anna")

    with pytest.raises(InvalidSubject, match="is not a subject token"):
        find_account(trust, run, "anna")


def test_forgotten_it_is_gone(trust):
    found = mint(trust, "run_1", "anna")

    delete_account(found)
    delete_account(found)

    assert not list(each_account(trust))
    assert not list(found.creds.parent.iterdir())


def test_a_directory_that_cannot_be_written_is_named(trust):
    (trust.directory / "agents").write_text("a file")

    with pytest.raises(SetupError, match="choose another state directory"):
        mint(trust, "run_1", "anna")
