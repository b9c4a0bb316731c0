"""`econsim.load` and `econsim.run` in memory: the command line's runs, from any thread and in a running loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from run_builders import canonical_hash, small_scenario

import econsim
from econsim.domain.execution import in_memory
from econsim.errors import InvalidMessage, RunFailed, ScenarioError
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides


def test_a_run_has_the_hash_of_the_command_line():
    wanted = apply_overrides(scenario_file.load("smith1962"), seed=7, periods=2)

    assert econsim.run("smith1962", seed=7, periods=2).hash == canonical_hash(in_memory.run(wanted))


def test_a_loaded_scenario_runs_like_its_name():
    assert econsim.run(econsim.load("smith1962"), periods=2).hash == econsim.run("smith1962", periods=2).hash


def test_a_changed_scenario_is_another_one_and_the_first_stays():
    first = econsim.load("smith1962")

    second = first.with_({"agents.buyer.count": 5}, seed=3, periods=2)

    assert (second.groups["buyer"], second.seed, second.periods) == (5, 3, 2)
    assert first == econsim.load("smith1962")
    assert econsim.run(second).scenario == second


def test_settings_of_a_run_are_those_of_a_changed_scenario():
    changed = econsim.load("smith1962").with_({"agents.buyer.count": 5}, periods=2)

    assert econsim.run("smith1962", {"agents.buyer.count": 5}, periods=2).hash == econsim.run(changed).hash


def test_a_file_is_a_scenario_with_its_warnings(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(scenario_file.template())

    found = econsim.load(path)

    assert found.definition == scenario_file.load(path)
    assert found.warnings == scenario_file.scenario_warnings(path)


@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        (lambda: econsim.run("smith1962", ["seed"]), InvalidMessage, "give paths and values"),
        (lambda: econsim.load("smith1962").with_("seed"), InvalidMessage, "give paths and values"),
        (lambda: econsim.load("smith1926"), ScenarioError, "did you mean 'smith1962'"),
        (lambda: econsim.run({"seed": 1}), ScenarioError, "is no scenario; give the name of a shipped one"),
        (lambda: econsim.load("smith1962").with_({1: 2}), ScenarioError, "'1' is no setting of this scenario"),
        (lambda: econsim.load("genesis").with_({"markets.cpu.tick_sice": 1}), ScenarioError, "tick_size"),
        (lambda: econsim.load("genesis").with_(sed=1), ScenarioError, "seed"),
        (lambda: econsim.run("smith1962", periods=0), ScenarioError, "clock.periods"),
        (lambda: econsim.run("smith1962", transport="natz"), InvalidMessage, "write transport='memory'"),
        (lambda: econsim.run("smith1962", name="ü"), InvalidMessage, "'ü' is no name of a run"),
        (lambda: econsim.run("smith1962", name="last"), InvalidMessage, "no word of the system"),
        (lambda: econsim.run(small_scenario("external")), ScenarioError, "nobody joins; write transport='nats'"),
    ],
    ids=["no settings", "text", "name", "type", "key", "path", "keyword", "value", "transport", "run", "reserved", "external"],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_remedy(call, error, reason):
    with pytest.raises(error, match=reason):
        call()


def test_a_run_that_cannot_go_on_is_an_error(monkeypatch):
    from econsim.domain.execution import coded_run
    from econsim.domain.ledger import ledger

    for limited in (ledger, coded_run):
        monkeypatch.setattr(limited, "AMOUNT_MAX", 10_000_000)

    with pytest.raises(RunFailed, match="the ledger refused 100 credits"):
        econsim.run(small_scenario())


async def test_a_run_is_made_within_a_running_loop():
    assert econsim.run(small_scenario()).hash == canonical_hash(in_memory.run(small_scenario()))
    assert asyncio.get_running_loop().is_running()


class Broken(econsim.Policy):
    """Raises when it is asked."""

    def act(self, see, draws):
        raise ZeroDivisionError(see.agent, draws.integer(1, 6))


def test_a_policy_that_raises_is_told_by_the_run_and_wherever_its_result_is_shown(caplog):
    result = econsim.run("smith1962", {"agents.buyer.policy": f"{__name__}:Broken"}, periods=1)

    for shown in (caplog.text, repr(result), result._repr_html_()):
        assert "11 agents were set aside" in shown
        assert "ZeroDivisionError" in shown


def test_runs_in_several_threads_do_not_disturb_each_other():
    seeds = [1, 2, 3, 4, 5, 6]

    with ThreadPoolExecutor(3) as pool:
        found = [*pool.map(lambda seed: econsim.run("smith1962", seed=seed, periods=2), seeds)]
        trades = [*pool.map(lambda run: len(run.trades), found)]

    alone = [econsim.run("smith1962", seed=seed, periods=2) for seed in seeds]
    assert [run.hash for run in found] == [run.hash for run in alone]
    assert trades == [len(run.trades) for run in alone]


def test_an_interrupt_ends_a_run_at_once_and_leaves_nothing_running():
    code = """
import signal, threading, econsim
econsim.run("smith1962", periods=1)
# As Ctrl-C: once the run is under way, which takes minutes.
threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
try:
    econsim.run("smith1962", periods=100_000)
except KeyboardInterrupt:
    print("interrupted", econsim.run("smith1962", periods=1).hash[:8])
"""
    alone = econsim.run("smith1962", periods=1).hash[:8]

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout.split(), done.stderr) == (["interrupted", alone], "")


def test_the_names_of_the_api_are_what_help_shows():
    import pydoc

    page = pydoc.plain(pydoc.render_doc(econsim))

    assert page.index("econsim.run(") < page.index("PACKAGE CONTENTS")
    assert {"run(", "load(", "join("} <= {line.strip().partition("(")[0] + "(" for line in page.splitlines()}
    assert set(econsim.__all__) <= set(dir(econsim))


def test_importing_econsim_loads_nothing_but_itself():
    code = "import sys; before = set(sys.modules); import econsim; print(*sorted(set(sys.modules) - before))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["econsim"]


def test_a_run_in_memory_loads_neither_nats_nor_what_draws():
    code = "import sys, econsim; econsim.run('smith1962', periods=1); print(*{n.partition('.')[0] for n in sys.modules})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"nats", "faststream", "duckdb", "altair", "vl_convert", "rich"} & set(done.stdout.split())
