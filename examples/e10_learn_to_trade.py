"""A buyer learns, by a table and numpy alone, to earn more than zi_c: `python examples/e10_learn_to_trade.py`. Needs econsim[gym].

In the market of Smith's first experiment, it learns what to bid by how low the best ask is and how much time is left.
"""

import numpy as np

import econsim
from econsim.envs import MarketEnv

DAY = econsim.load("smith1962").with_(periods=1)
BUYER = "buyer_004"
PRICES = 8
GAPS, TIMES = 6, 4
EPISODES = 200
TEST_SEEDS = range(10_000, 10_050)


def state_of(seen: np.ndarray) -> tuple[int, int]:
    """Return the row of the table: by how much the best ask lies below the value, and how much time is left."""
    _, value, _, _, ask, _, _, left = seen
    gain = (value - ask) / value if value else -1.0
    return int(np.clip(gain * GAPS + 1, 0, GAPS - 1)), int(min(left * TIMES, TIMES - 1))


def learn(env: MarketEnv) -> np.ndarray:
    """Return the worth of each action in each state, learned with chance to try others that fades (Q-learning)."""
    random, worth = np.random.default_rng(1), np.full((GAPS, TIMES, PRICES + 1), 0.5)
    for episode in range(EPISODES):
        seen, _ = env.reset(seed=episode)
        state, ended, chance = state_of(seen), False, 0.5 * (1 - episode / EPISODES)
        while not ended:
            explores = random.random() < chance
            action = random.integers(PRICES + 1) if explores else worth[state].argmax()
            seen, reward, ended, _, _ = env.step(action)
            traded = seen[2] == 0
            after = state_of(seen)
            target = reward if ended or traded else worth[after].max()
            worth[state][action] += 0.1 * (target - worth[state][action])
            state, ended = after, ended or traded
    return worth


def earned(env: MarketEnv, worth: np.ndarray, seed: int) -> float:
    """Return what the learner earns in a day, credits."""
    (seen, _), total, ended = env.reset(seed=seed), 0.0, False
    while not ended:
        seen, reward, ended, _, _ = env.step(worth[state_of(seen)].argmax())
        total += reward
    return total


def earned_by_zi_c(seed: int) -> float:
    """Return what the scenario's own policy earns in the same place on the same day, credits."""
    return econsim.run(DAY, seed=seed).agent(BUYER).profit / 1_000_000


if __name__ == "__main__":
    env = MarketEnv(DAY.definition, BUYER, PRICES)
    table = learn(env)
    learner = [earned(env, table, seed) for seed in TEST_SEEDS]
    random_trader = [earned_by_zi_c(seed) for seed in TEST_SEEDS]
    print(f"the learner earns {np.mean(learner):.2f} credits a day, zi_c {np.mean(random_trader):.2f}")
