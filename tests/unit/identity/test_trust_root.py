"""The trust root is made once, kept private, and gives every role its own key and its own lists."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from claims import claims

from econsim.adapters.clock import unix_seconds
from econsim.errors import InvalidSubject, NotFound, SetupError
from econsim.identity import nats_jwt
from econsim.identity.access import SIM
from econsim.identity.nats_jwt import Key, NkeyKind, user_claims
from econsim.identity.private_files import write
from econsim.identity.roles import OPERATOR, READER_REQUESTS, READERS, ROLES, permissions
from econsim.identity.trust_root import SYSTEM_USER, Trust

HOSTILE = ["*", ">", "a.b", "", "A", "ada ", "ada\n", "{{name()}}", "../ada", "a" * 65]


@pytest.fixture
def trust(tmp_path):
    return Trust.open(tmp_path, unix_seconds)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def account(trust, name, beside=None):
    """Return the claims of account SIM or READERS."""
    key = trust.sim if name == SIM else trust.readers
    return claims(trust.accounts(beside)[key.public])["nats"]


def test_is_private_to_its_owner(trust, tmp_path):
    paths = [tmp_path / "trust", *(tmp_path / "trust").rglob("*")]

    assert {mode(path) for path in paths if path.is_dir()} == {0o700}
    assert {mode(path) for path in paths if path.is_file()} == {0o600}


def test_opens_again_with_the_same_keys_and_creds(trust, tmp_path):
    before = {path: path.read_text() for path in (tmp_path / "trust").rglob("*.creds")}

    again = Trust.open(tmp_path, unix_seconds)

    assert again.operator.seed == trust.operator.seed
    assert again.sim.public == trust.sim.public
    assert {path: path.read_text() for path in before} == before
    assert {path.stem for path in before} == {*ROLES, SYSTEM_USER}


def test_opened_by_many_at_once_is_one_trust(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        trusts = list(threads.map(lambda _: Trust.open(tmp_path, unix_seconds), range(8)))

    assert len({trust.operator.seed for trust in trusts}) == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"[1]", b"\xff\xfe\x00"])
@pytest.mark.parametrize(
    "name", ["operator.seed", "roles/market.seed", "creds/market.creds", "creds/sys.creds", "revoked.json"]
)
def test_a_damaged_file_is_named(trust, tmp_path, name, content):
    (trust.directory / name).write_bytes(content)

    with pytest.raises(SetupError, match=name):
        Trust.open(tmp_path, unix_seconds).accounts()


@pytest.mark.parametrize("left", ["nothing", "keys of another log"])
def test_a_log_of_other_keys_is_refused_with_the_remedy_and_no_key_is_made(tmp_path, left):
    (tmp_path / "nats" / "data" / "jetstream" / Key(NkeyKind.ACCOUNT).public).mkdir(parents=True)
    seed = tmp_path / "trust" / "sim.seed"
    if left != "nothing":
        seed.parent.mkdir()
        write(seed, Key(NkeyKind.ACCOUNT).seed)

    with pytest.raises(SetupError, match=r"put that directory back from a copy, or move .*nats away"):
        Trust.open(tmp_path, unix_seconds)
    assert not (tmp_path / "trust" / "operator.seed").exists()


def test_a_log_of_the_same_keys_is_opened(trust, tmp_path):
    (tmp_path / "nats" / "data" / "jetstream" / trust.sim.public).mkdir(parents=True)

    assert Trust.open(tmp_path, unix_seconds).sim.public == trust.sim.public


def test_a_seed_with_a_wrong_letter_or_of_another_kind_is_refused(trust, tmp_path):
    for seed in (trust.sim.seed[:-3] + "AAA", trust.operator.seed):
        (trust.directory / "sim.seed").write_text(seed)

        with pytest.raises(SetupError, match="damaged"):
            Trust.open(tmp_path, unix_seconds)


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "state").write_text("a file")

    with pytest.raises(SetupError, match="choose another state directory"):
        Trust.open(tmp_path / "state", unix_seconds)


def test_an_unknown_role_is_refused_with_the_list(trust):
    with pytest.raises(NotFound, match="market, ledger, cognition, clock"):
        trust.creds("nobody")


@pytest.mark.parametrize("role", NkeyKind)
def test_a_key_survives_its_seed(role):
    key = Key(role)

    assert Key.from_seed(key.seed, role).public == key.public
    assert key.public[0] == role.name[0]


@pytest.mark.parametrize("name", [SIM, READERS])
def test_an_account_holds_its_roles_lists_each_under_a_key_of_its_own(trust, name):
    scopes = {scope["key"]: scope for scope in account(trust, name)["signing_keys"]}

    assert {key: scope["role"] for key, scope in scopes.items()} == {
        key.public: role for role, key in trust.roles.items() if ROLES[role].account == name
    }
    for scope in scopes.values():
        assert scope["template"].items() >= permissions(scope["role"]).items()


def test_readers_import_their_questions_and_nothing_else(trust):
    imports = account(trust, READERS)["imports"]

    assert [(each["subject"], each["type"]) for each in imports] == [(q, "service") for q in READER_REQUESTS]
    assert {each["account"] for each in imports} == {trust.sim.public}


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_user_is_signed_by_its_role_and_carries_no_lists(trust, role):
    found = claims(trust.creds(role).read_text().splitlines()[1])

    assert found["iss"] == trust.roles[role].public
    assert found["nats"]["issuer_account"] == trust.account_key(role).public
    assert not {"pub", "sub"} & found["nats"].keys()


def test_creds_name_their_user_role_and_account(trust):
    found = user_claims(trust.creds("market").read_text())

    assert (found.name, found.role, found.account, found.expires) == (
        "market",
        "market",
        trust.sim.public,
        None,
    )


@pytest.mark.parametrize("role", ["market", "observer"])
def test_creds_that_name_no_role_or_another_account_are_made_anew(trust, tmp_path, role):
    user = Key(NkeyKind.USER)
    tagged = nats_jwt.scoped_user_jwt(
        trust.roles[role], trust.system.public, user.public, role, role, issued=0
    )
    for old in (nats_jwt.user_jwt(trust.sim, user.public, role, issued=0), tagged):
        write(trust.creds(role), nats_jwt.creds(old, user.seed))

        Trust.open(tmp_path, unix_seconds)

        found = user_claims(trust.creds(role).read_text())
        assert (found.role, found.account) == (role, trust.account_key(role).public)


def test_a_grant_is_a_role_under_a_persons_own_name(trust, tmp_path):
    path = tmp_path / "ada.creds"

    trust.grant("ada", OPERATOR, path)

    found = user_claims(path.read_text())
    assert (found.name, found.role, found.account) == ("ada", OPERATOR, trust.sim.public)
    assert mode(path) == 0o600


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_before_it_becomes_a_permission(trust, tmp_path, name):
    """The server puts the name into the operators' subjects: a user called `*` would command as everybody."""
    with pytest.raises(InvalidSubject, match="is not a subject token"):
        trust.grant(name, OPERATOR, tmp_path / "hostile.creds")

    assert not (tmp_path / "hostile.creds").exists()


def test_a_grant_of_an_unknown_role_is_refused_with_the_list(trust, tmp_path):
    with pytest.raises(NotFound, match="market, ledger, cognition, clock"):
        trust.grant("ada", "superuser", tmp_path / "ada.creds")


def test_rotation_changes_every_role_and_the_system_user_and_no_account(trust):
    before = {path.name: path.read_text() for path in (trust.directory / "creds").iterdir()}

    new = trust.rotate()

    after = {path.name: path.read_text() for path in (trust.directory / "creds").iterdir()}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert not {key.public for key in trust.roles.values()} & {key.public for key in new.roles.values()}
    assert (new.operator.seed, new.system.seed, new.sim.seed) == (
        trust.operator.seed,
        trust.system.seed,
        trust.sim.seed,
    )


def test_rotation_revokes_the_system_user_of_before_for_good(trust, tmp_path):
    old = user_claims(trust.creds(SYSTEM_USER).read_text()).user

    trust.rotate().rotate()

    revoked = claims(Trust.open(tmp_path, unix_seconds).accounts()[trust.system.public])["nats"][
        "revocations"
    ]
    assert revoked[old] >= time.time() - 60
    assert len(revoked) == 2
    assert user_claims(trust.creds(SYSTEM_USER).read_text()).user not in revoked


def test_while_rotating_old_and_new_keys_hold_beside_each_other(trust):
    new = trust.rotate()

    def keys(beside):
        return {each["key"] for name in (SIM, READERS) for each in account(new, name, beside)["signing_keys"]}

    both = {key.public for each in (trust, new) for key in each.roles.values()}
    assert keys(beside=trust) == both
    assert keys(beside=None) == {key.public for key in new.roles.values()}


def test_a_role_that_a_trust_root_lacks_gets_its_key_and_creds_when_it_is_opened(trust, tmp_path):
    (trust.directory / "roles" / "cognition.seed").unlink()
    (trust.directory / "creds" / "cognition.creds").unlink()
    before = (trust.directory / "creds" / "market.creds").read_text()

    again = Trust.open(tmp_path, unix_seconds)

    assert (again.directory / "creds" / "cognition.creds").exists()
    assert (again.directory / "creds" / "market.creds").read_text() == before
