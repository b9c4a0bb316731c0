"""A study in process, without a server: what learning traders change in the market of Smith's first experiment, on the same seeds."""

from statistics import mean, stdev

import econsim

RANDOM = econsim.load("smith1962")
LEARNING = RANDOM.with_({"agents.buyer.policy": "zip", "agents.seller.policy": "zip"})


def alpha(market: econsim.LoadedScenario, seed: int) -> float:
    """Return how far the prices of one run stray from the equilibrium price, percent."""
    return econsim.run(market, seed=seed, periods=5).alpha or 0.0


changes = [alpha(LEARNING, seed) - alpha(RANDOM, seed) for seed in range(1, 9)]
error = stdev(changes) / len(changes) ** 0.5
print(f"alpha changes by {mean(changes):.1f} points, standard error {error:.1f}, over 8 seeds")
