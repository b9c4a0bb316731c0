"""`econsim check --twice` tells a policy that repeats from one that does not."""

import pytest
from typer.testing import CliRunner

from econsim.cli import app

SOURCE = """
import itertools
from econsim import Policy

COUNT = itertools.count(1)

class Buyer(Policy):
    def act(self, see, draws):
        yield see.markets["cpu"].quote({price})
"""
FILE = """
name = "own"
clock = { ticks_per_period = 3 }
markets = [{ resource = "cpu" }]
agents = [{ name = "buyer", policy = "twice_policy:Buyer", roles = [{ resource = "cpu", side = "bid", values = [[3]] }] }]
"""


@pytest.mark.parametrize(
    ("price", "code", "said"),
    [("draws.fraction()", 0, "two runs are one"), ("next(COUNT) / 10", 1, "two runs of one seed differ")],
)
def test_two_runs_are_compared(tmp_path, price, code, said):
    (tmp_path / "twice_policy.py").write_text(SOURCE.format(price=price))
    (tmp_path / "own.toml").write_text(FILE)

    done = CliRunner().invoke(app, ["check", str(tmp_path / "own.toml"), "--twice"])

    assert (done.exit_code, said in done.output) == (code, True), done.output
