"""The trust root is made once, kept private, and gives every role its own key and its own lists."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from econsim.adapters.jwt import Key, Role
from econsim.adapters.trust import Trust
from econsim.errors import NotFound, SetupError
from econsim.grammar import Kind
from econsim.permissions import ROLES, permissions
from econsim.subjects import TABLE


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def may(patterns, subject):
    """Tell whether a list of NATS patterns permits a subject."""
    return any(matches(pattern.split("."), subject.split(".")) for pattern in patterns)


def matches(pattern, tokens):
    for place, part in enumerate(pattern):
        if part == ">":
            return len(tokens) > place
        if place >= len(tokens) or part not in ("*", tokens[place]):
            return False
    return len(pattern) == len(tokens)


def test_is_private_to_its_owner(tmp_path):
    Trust.open(tmp_path)

    paths = [tmp_path / "trust", *(tmp_path / "trust").rglob("*")]

    assert {mode(path) for path in paths if path.is_dir()} == {0o700}
    assert {mode(path) for path in paths if path.is_file()} == {0o600}


def test_opens_again_with_the_same_keys_and_creds(tmp_path):
    first = Trust.open(tmp_path)
    before = {path: path.read_text() for path in (tmp_path / "trust").rglob("*.creds")}

    second = Trust.open(tmp_path)

    assert second.operator.seed == first.operator.seed
    assert second.sim.public == first.sim.public
    assert {path: path.read_text() for path in before} == before
    assert len(before) == len(ROLES) + 1


def test_opened_by_many_at_once_is_one_trust(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        trusts = list(threads.map(lambda _: Trust.open(tmp_path), range(8)))

    assert len({trust.operator.seed for trust in trusts}) == 1


def test_a_damaged_seed_is_named(tmp_path):
    trust = Trust.open(tmp_path)
    path = trust.directory / "sim.seed"
    path.write_text(trust.sim.seed[:-3] + "AAA")

    with pytest.raises(SetupError, match="damaged"):
        Trust.open(tmp_path)


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "state").write_text("a file")

    with pytest.raises(SetupError, match="choose another state directory"):
        Trust.open(tmp_path / "state")


def test_an_unknown_role_is_refused_with_the_list(tmp_path):
    with pytest.raises(NotFound, match="market, ledger, clock"):
        Trust.open(tmp_path).creds("nobody")


@pytest.mark.parametrize("role", Role)
def test_a_key_survives_its_seed(role):
    key = Key(role)

    assert Key.from_seed(key.seed).public == key.public
    assert key.public[0] == role.name[0]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_everything(role):
    allowed = permissions(role)

    assert ">" not in allowed["pub"]["allow"] + allowed["sub"]["allow"]
    assert not may(allowed["pub"]["allow"], "$SYS.REQ.CLAIMS.UPDATE")


@pytest.mark.parametrize("row", [row for row in TABLE if row.kind in (Kind.EVENT, Kind.DELIVERY)])
def test_an_event_may_be_published_by_its_owner_and_the_operator_only(row):
    subject = row(**dict.fromkeys(row.places, "x1"))

    allowed = {role for role in ROLES if may(permissions(role)["pub"]["allow"], subject)}

    assert allowed == {row.owner, "operator"}


@pytest.mark.parametrize("row", [row for row in TABLE if row.kind in (Kind.REQUEST, Kind.OPERATOR)])
def test_a_request_may_be_heard_by_who_answers_it_and_the_operator_only(row):
    subject = row(**dict.fromkeys(row.places, "x1"))

    allowed = {role for role in ROLES if may(permissions(role)["sub"]["allow"], subject)}

    assert allowed == {row.owner, "operator"}


@pytest.mark.parametrize(
    "subject", ["$JS.API.STREAM.CREATE.x", "$JS.API.STREAM.DELETE.audit_log", "$KV.leases.x"]
)
def test_an_observer_changes_nothing(subject):
    assert not may(permissions("observer")["pub"]["allow"], subject)
