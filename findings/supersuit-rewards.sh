#!/usr/bin/env bash
# SuperSuit 3.11.0 with PettingZoo 1.27.0: rewards of agents that are made a vector environment are 32-bit floats.
# Guess: rewards stay what the environment returns, or become Python's floats, as Gymnasium's own vector environments make them.
# Seen: a reward of 16 777 217 becomes 16 777 216. In millionths of a credit that is 16.8 credits: every larger profit loses its last
# digits, and sums of a period drift. Rewards have to be in credits, and the profit that counts has to be read from the ledger.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq SuperSuit==3.11.0 pettingzoo==1.27.0 gymnasium==1.4.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
import gymnasium
import numpy as np
import supersuit
from gymnasium import spaces
from pettingzoo import ParallelEnv

PROFIT = 2**24 + 1
NOTHING = np.zeros(1, np.float32)


class Market(ParallelEnv):
    metadata = {"name": "market"}
    possible_agents = ["buyer", "seller"]
    render_mode = None

    def observation_space(self, agent):
        return SEEN

    def action_space(self, agent):
        return ACTS

    def reset(self, seed=None, options=None):
        self.agents = self.possible_agents[:]
        return dict.fromkeys(self.agents, NOTHING), {each: {} for each in self.agents}

    def step(self, actions):
        same = dict.fromkeys
        return (
            same(self.agents, NOTHING),
            same(self.agents, PROFIT),
            same(self.agents, False),
            same(self.agents, False),
            {each: {} for each in self.agents},
        )


class Alone(gymnasium.Env):
    observation_space, action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        return NOTHING, {}

    def step(self, action):
        return NOTHING, PROFIT, False, False, {}


SEEN, ACTS = Alone.observation_space, Alone.action_space
together = supersuit.pettingzoo_env_to_vec_env_v1(Market())
together.reset()
ours = together.step(np.zeros(2, int))[1]
alone = gymnasium.vector.SyncVectorEnv([Alone])
alone.reset()
theirs = alone.step(np.zeros(1, int))[1]
print("SuperSuit", ours.dtype, int(ours[0]), "· Gymnasium", theirs.dtype, int(theirs[0]))
assert (ours.dtype, int(ours[0])) == (np.float32, PROFIT - 1)
assert (theirs.dtype, int(theirs[0])) == (np.float64, PROFIT)
PY
