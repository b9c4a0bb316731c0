"""Agents, roles and deployments from the command line, without a server: files are made, found, replaced and deleted."""

import re
import shutil
import stat

import pytest
from claims import claims
from typer.testing import CliRunner

from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats import account_push
from econsim.adapters.nats.revocations import outstanding
from econsim.cli import agent as command
from econsim.cli import app
from econsim.errors import InvalidMessage, Unavailable
from econsim.identity.agent_credentials import each_account, mint
from econsim.identity.nats_jwt import user_claims
from econsim.identity.roles import ROLES
from econsim.identity.trust_root import Trust


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a state directory with a trust root, which takes a moment to make."""
    state = tmp_path_factory.mktemp("made")
    Trust.open(state, unix_seconds)
    return state


@pytest.fixture
def state(made, tmp_path):
    return shutil.copytree(made, tmp_path / "state")


@pytest.fixture
def cli(state, monkeypatch, tmp_path):
    """Run the command line in this process, on the state directory, in a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECONSIM_NATS", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args):
        return CliRunner().invoke(app, ["--state", str(state), *map(str, args)])

    return run


def accounts(state):
    return {(each.run, each.agent): each.account for each in each_account(Trust.open(state, unix_seconds))}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("366d", 31_622_400)]
)
def test_a_length_of_time_is_a_number_and_a_letter(text, seconds):
    assert command.seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0s", "-1s", "24", "h", "1.5h", "1w", "1 h", "01h", "1h\n", "٣s", "9" * 9 + "s"]
)
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(InvalidMessage, match="is no length of time"):
        command.seconds(text)


@pytest.mark.parametrize("text", ["367d", "99999999d", "31622401s"])
def test_credentials_hold_for_a_year_at_most(text):
    with pytest.raises(InvalidMessage, match="at most"):
        command.seconds(text)


def test_an_account_is_made_for_a_time_and_stored_for_the_next_server(cli, state):
    shown = cli("agent", "create", "anna", "--run", "demo", "--expires", "2h")

    (found,) = each_account(Trust.open(state, unix_seconds))
    assert shown.exit_code == 0
    assert "the next one will know it" in shown.output
    assert (found.run, found.agent) == ("demo", "anna")
    assert found.expires - claims(found.jwt())["iat"] == 7_200


def test_only_its_owner_can_read_a_copy_to_hand_out(cli, state, tmp_path):
    shown = cli("agent", "create", "anna", "--run", "demo", "--output", "given.creds")

    given = tmp_path / "given.creds"
    assert "given.creds" in shown.output
    assert given.read_text() == next(each_account(Trust.open(state, unix_seconds))).creds.read_text()
    assert stat.S_IMODE(given.stat().st_mode) == 0o600


def test_the_error_of_a_copy_that_cannot_be_written_names_the_option(cli, tmp_path):
    shown = cli("agent", "create", "anna", "--run", "demo", "--output", tmp_path / "none" / "x.creds")

    assert shown.exit_code == 1
    assert "choose another place with --output" in shown.output


def test_without_a_server_the_revocation_of_the_old_account_stays_pending(cli, state):
    cli("agent", "create", "anna", "--run", "demo")
    old = accounts(state)["demo", "anna"]

    cli("agent", "create", "anna", "--run", "demo")

    assert accounts(state)["demo", "anna"] != old
    assert [each.account for each in outstanding(Trust.open(state, unix_seconds))] == [old]


def test_a_revocation_that_the_server_does_not_take_stays_pending(cli, state, monkeypatch):
    async def refuse(*_args):
        raise Unavailable

    cli("agent", "create", "anna", "--run", "demo")
    old = accounts(state)["demo", "anna"]

    monkeypatch.setattr(account_push, "connect", refuse)
    shown = cli("--nats", "nats://127.0.0.1:1", "agent", "create", "anna", "--run", "demo")

    assert shown.exit_code == 1
    assert [each.account for each in outstanding(Trust.open(state, unix_seconds))] == [old]


@pytest.mark.parametrize(
    ("run", "name"), [("*", "anna"), ("demo", "*"), ("..", "anna"), ("demo", "../x"), ("A", "b")]
)
def test_a_name_that_is_none_changes_nothing(cli, state, run, name):
    cli("agent", "create", "anna", "--run", "demo")
    before = accounts(state)

    assert cli("agent", "create", name, "--run", run).exit_code == 2
    assert cli("agent", "revoke", name, "--run", run).exit_code == 2
    assert accounts(state) == before
    assert not outstanding(Trust.open(state, unix_seconds))


def test_agents_are_listed_by_run_and_those_whose_time_is_over_too(cli, state):
    for run, agent, life_s in (("demo", "anna", 60), ("demo", "bert", 0), ("other", "carl", 60)):
        mint(Trust.open(state, unix_seconds), run, agent, life_s)

    everybody, few = cli("agent", "list").output, cli("agent", "list", "--run", "demo").output

    assert [re.split(r"\s+", line.strip())[:2] for line in everybody.splitlines() if "UTC" in line] == [
        ["demo", "anna"],
        ["demo", "bert"],
        ["other", "carl"],
    ]
    assert [line for line in few.splitlines() if "expired" in line and "bert" in line]
    assert "carl" not in few


def test_revoked_an_agent_is_gone_here_and_from_the_next_server(cli, state):
    cli("agent", "create", "anna", "--run", "demo")
    old = accounts(state)["demo", "anna"]

    shown = cli("agent", "revoke", "anna", "--run", "demo")

    assert "the next one will not know it" in shown.output
    assert not accounts(state)
    assert [each.account for each in outstanding(Trust.open(state, unix_seconds))] == [old]
    again = cli("agent", "revoke", "anna", "--run", "demo")
    assert again.exit_code == 1
    assert "has no credentials" in again.output


@pytest.mark.parametrize("command", [("list",), ("revoke", "anna", "--run", "demo"), ("watch",)])
def test_commands_that_read_make_no_keys(cli, tmp_path, command):
    shown = cli("--state", tmp_path / "empty", "agent", *command)

    assert shown.exit_code == 1
    assert "econsim trust init" in shown.output
    assert not (tmp_path / "empty").exists()


def test_watching_needs_a_server(cli):
    shown = cli("agent", "watch")

    assert shown.exit_code == 1
    assert "name one with --nats" in shown.output


def test_a_person_is_granted_a_role_under_their_own_name(cli, tmp_path):
    cli("trust", "grant", "ada", "--role", "auditor")
    cli("trust", "grant", "ada", "--output", "other")

    files = [*sorted((tmp_path / "ada").iterdir()), *sorted((tmp_path / "other").iterdir())]
    granted = [user_claims(path.read_text()) for path in files]
    assert [path.stem for path in files] == ["auditor", "observer", "operator"]
    assert [(each.name, each.role) for each in granted] == [("ada", path.stem) for path in files]
    assert len({each.user for each in granted}) == 3


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("ada", "--role", "king"), "there is no role 'king'"),
        (("Ada",), "is no name; use"),
        (("../ada",), "is no name; use"),
        (("ada", "--output", "/dev/null/ada"), "'--output': '/dev/null/ada' is no usable path"),
    ],
)
def test_a_grant_that_cannot_be_made_says_why_and_writes_nothing(cli, tmp_path, args, told):
    shown = cli("trust", "grant", *args)

    assert shown.exit_code == 2
    assert told in shown.output
    assert not list(tmp_path.glob("**/ada.creds"))


def test_what_is_shown_of_the_trust_root_holds_no_secret(cli, state):
    cli("agent", "create", "anna", "--run", "demo")

    shown = cli("trust", "show").output

    assert "1 agents have accounts" in shown
    assert all(role in shown for role in ROLES)
    for seed in state.glob("trust/**/*.seed"):
        assert seed.read_text().strip() not in shown


def test_rotating_without_a_server_replaces_the_keys_of_roles_and_keeps_those_of_agents(cli, state):
    cli("agent", "create", "anna", "--run", "demo")
    before, agent = (
        {role: (state / f"trust/creds/{role}.creds").read_text() for role in ROLES},
        accounts(state),
    )

    assert "the next one starts with them" in cli("trust", "rotate").output

    after = {role: (state / f"trust/creds/{role}.creds").read_text() for role in ROLES}
    assert not set(before.values()) & set(after.values())
    assert accounts(state) == agent


def test_a_deployment_is_laid_out_so_that_each_gets_its_own_part(cli, state):
    shown = cli("operator", "create", "--resolver", "/data/accounts")

    files = [state / "server/trust.conf", *(state / f"server/accounts/{name}.jwt" for name in ("sys", "sim"))]
    files += [state / f"services/{role}/user.creds" for role in ROLES]
    assert shown.exit_code == 0
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert 'dir: "/data/accounts"' in files[0].read_text()
    assert {user_claims(file.read_text()).role for file in files[3:]} == set(ROLES)


def test_writing_a_deployment_again_keeps_its_keys_and_shows_no_seed(cli, state):
    cli("operator", "create")
    first = {path: path.read_text() for path in state.glob("services/*/user.creds")}

    shown = cli("operator", "create")

    assert {path: path.read_text() for path in first} == first
    operator = (state / "trust/operator.seed").read_text().strip()
    assert operator not in shown.output
    assert not [path for path in (state / "server").rglob("*.*") if operator in path.read_text()]
