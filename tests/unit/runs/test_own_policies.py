"""A scenario file that names policies of one's own: found beside it, in the run's hash, and better than random traders."""

from pathlib import Path

import pytest
from run_builders import canonical_hash

from econsim.adapters.policies import load_policies
from econsim.cli.own_policies import policies_of
from econsim.domain.execution import in_memory
from econsim.errors import ScenarioError
from econsim.evaluation.bench.batch import run_in_memory
from econsim.evaluation.bench.plan import Treatment, make_plan
from econsim.report.aggregate import RunAggregator
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.runs.settings import with_settings

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
MODULE = """
from econsim import Policy

class Buyer(Policy):
    def act(self, see, draws):
        yield see.markets["cpu"].quote({price})
"""
FILE = """
name = "own"
clock = { ticks_per_period = 3 }
markets = [{ resource = "cpu" }]
agents = [
    { name = "seller", policy = "truthful", roles = [{ resource = "cpu", side = "ask", values = [[1]] }] },
    { name = "buyer", policy = "mine:Buyer", roles = [{ resource = "cpu", side = "bid", values = [[3]] }] },
]
"""


def written(directory, price=2, file=FILE):
    directory.mkdir(exist_ok=True)
    (directory / "mine.py").write_text(MODULE.format(price=price))
    (directory / "own.toml").write_text(file)
    return directory / "own.toml"


def hash_of(file):
    found = scenario_file.load(file)
    return canonical_hash(in_memory.run(found, policies=load_policies(found)))


def test_a_file_in_another_directory_finds_the_module_beside_it(tmp_path, monkeypatch):
    file = written(tmp_path / "study")
    monkeypatch.chdir("/")

    found = scenario_file.load(file)

    assert found.policies_from == str(tmp_path / "study")
    assert [each.policy for each in found.policies] == ["mine:Buyer"]


def test_the_hash_has_the_source_of_the_policy_and_not_its_place(tmp_path):
    here, there = hash_of(written(tmp_path / "a")), hash_of(written(tmp_path / "b"))
    other = hash_of(written(tmp_path / "c", price="2 + 0"))

    assert here == there != other


def test_options_of_a_run_keep_the_source_of_its_policies(tmp_path):
    found = scenario_file.load(written(tmp_path / "a"))

    assert apply_overrides(found, seed=9).policies == found.policies


async def test_a_run_whose_policy_has_changed_is_refused_before_it_is_resumed(tmp_path):
    opened = scenario_file.load(written(tmp_path / "a"))
    assert await policies_of([opened], None) == tmp_path / "a"
    written(tmp_path / "a", price=1)

    with pytest.raises(
        ScenarioError, match="source of policy mine:Buyer has changed since the run was opened"
    ):
        await policies_of([opened], None)


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        ("mine:Seller", "has no class 'Seller'; it has Buyer"),
        ("mine:Buyr", "did you mean 'Buyer'"),
        ("nine:Buyer", "did you mean 'mine'"),
        ("mine.py:Buyer", "write module:Class, like .* without a path and without .py"),
        ("./mine.py", "write module:Class"),
        ("zi_d", "did you mean 'zi_u'"),
    ],
)
def test_a_wrong_policy_is_named_with_file_line_key_and_remedy(tmp_path, policy, what):
    file = written(tmp_path / "a", file=FILE.replace("mine:Buyer", policy))

    with pytest.raises(ScenarioError, match=what) as caught:
        scenario_file.load(file)

    assert f"{file}, line 7: agents[2].policy: " in str(caught.value)


def test_no_file_may_say_itself_what_the_source_of_its_policies_is(tmp_path):
    file = written(tmp_path / "a", file=FILE.replace('name = "own"', 'name = "own"\npolicies_from = "/tmp"'))

    with pytest.raises(ScenarioError, match="is not a key of this table"):
        scenario_file.load(file)


def earnings(seed, group, policy=None):
    """Return the gains of a group of the shipped scenario smith1962, credits, in three days."""
    text = (Path(scenario_file.__file__).parent / "scenarios" / "smith1962.toml").read_text()
    if policy:
        text = text.replace(f'name = "{group}"\npolicy = "zi_c"', f'name = "{group}"\npolicy = "{policy}"')
    found = apply_overrides(scenario_file.parse(text, directory=EXAMPLES), seed=seed, periods=3)
    tally = RunAggregator()
    for addressed in in_memory.run(found, policies=load_policies(found)):
        tally.add(addressed)
    return sum(each.profit for each in tally.summary().holders if each.agent.startswith(group)) / 1_000_000


@pytest.mark.parametrize("group", ["buyer", "seller"])
def test_the_patient_policy_of_the_examples_earns_more_than_zi_c_in_a_shipped_market(group):
    gains = [earnings(seed, group, "patient:Patient") - earnings(seed, group) for seed in range(1, 9)]

    assert sum(gain > 0 for gain in gains) >= 7
    assert sum(gains) / len(gains) > 1


def test_a_policy_that_a_setting_names_is_found_beside_the_file_and_entered_with_its_digest(tmp_path):
    own = written(tmp_path)
    scenario = scenario_file.load(own)
    random = with_settings(scenario, {"agents.buyer.policy": "zi_c"})

    again = with_settings(random, {"agents.buyer.policy": "mine:Buyer"}, own.parent)

    assert random.policies == ()
    assert again.policies == scenario.policies
    with pytest.raises(ScenarioError, match=r"^agents\.buyer\.policy: policy mine:Nobody"):
        with_settings(random, {"agents.buyer.policy": "mine:Nobody"}, own.parent)


def test_a_batch_does_not_go_on_once_the_source_of_a_policy_has_changed(tmp_path):
    scenario, taken = scenario_file.load(written(tmp_path)), []
    before = (scenario.policies[0].model_copy(update={"digest": "0" * 64}),)
    text = scenario.model_copy(update={"policies": before}).model_dump_json()
    plan = make_plan("b", [Treatment(name="own", scenario=text)], [1, 2])

    with pytest.raises(ScenarioError, match="the source of policy mine:Buyer has changed"):
        run_in_memory(plan, plan.cells, 1, taken.append)

    assert taken == []
