#!/usr/bin/env bash
# gymnasium 1.4.0: the wrapper that rescales observations to 0 … 1 turns integer observations into nothing but zeros.
# Guess: numbers rescaled to the range from 0.0 to 1.0 are floats, as the bounds that were asked for.
# Seen: `RescaleObservation` keeps the type of the inner space, also for the factor, which is 0 then: prices 9, 5 and 10 of
# at most 10 become 0, 0 and 0 in a space Box(0, 1, int64). The space contains them, and nothing warns: an agent learns from
# zeros. `DtypeObservation` to float64 inside it helps. Whole credits and order sizes are such observations.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq gymnasium==1.4.0 numpy==2.3.5
"$folder/venv/bin/python" -W error - <<'PY'
import gymnasium
import numpy
from gymnasium.wrappers import DtypeObservation, RescaleObservation


class Market(gymnasium.Env):
    """Shows three prices of at most ten credits."""

    observation_space = gymnasium.spaces.Box(0, 10, (3,), numpy.int64)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return numpy.array([9, 5, 10]), {}


def rescaled(market):
    """Return the prices of a market on a scale from 0 to 1."""
    wrapped = RescaleObservation(market, 0.0, 1.0)
    found, _ = wrapped.reset()
    print(wrapped.observation_space, "->", found)
    assert wrapped.observation_space.contains(found)
    return found.tolist()


print("gymnasium", gymnasium.__version__)
assert rescaled(Market()) == [0, 0, 0]
assert rescaled(DtypeObservation(Market(), numpy.float64)) == [0.9, 0.5, 1.0]
PY
