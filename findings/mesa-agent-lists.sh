#!/usr/bin/env bash
# Mesa 3.3.1: what the data collector keeps of a model is a copy, what it keeps of an agent is the agent's own object.
# Guess: a collected value stays as it was when it was collected, for models and agents alike.
# Seen: a list that grows by one a step has 1, 2, 3 items in the model's table, and 3 items at every step in the agents'
# table: their history of holdings or orders is the last state, repeated. Numbers are not affected. An agent's reporter has
# to copy by itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq mesa==3.3.1
"$folder/venv/bin/python" -W ignore - <<'PY'
import mesa


class Trader(mesa.Agent):
    """Keeps its orders."""

    def __init__(self, model):
        super().__init__(model)
        self.orders = []

    def step(self):
        self.orders.append(self.model.steps)


class Market(mesa.Model):
    """Keeps its prices, and has one trader."""

    def __init__(self):
        super().__init__()
        Trader.create_agents(self, 1)
        self.prices = []
        self.datacollector = mesa.DataCollector(
            model_reporters={"prices": "prices"},
            agent_reporters={"orders": "orders", "copied": lambda agent: list(agent.orders)},
        )

    def step(self):
        self.prices.append(self.steps)
        self.agents.do("step")
        self.datacollector.collect(self)


market = Market()
for _ in range(3):
    market.step()
prices = market.datacollector.get_model_vars_dataframe()["prices"].tolist()
agents = market.datacollector.get_agent_vars_dataframe()
orders, copied = agents["orders"].tolist(), agents["copied"].tolist()
print("Mesa", mesa.__version__)
print("model: ", prices)
print("agent: ", orders)
print("copied:", copied)
assert prices == copied == [[1], [1, 2], [1, 2, 3]]
assert orders == [[1, 2, 3]] * 3
PY
