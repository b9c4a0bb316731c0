"""One run in this process, hash, tally and report left out: `PYTHON driver.py SCENARIO_FILE`; prints a line of JSON.

Runs on every build since 0.1.0: it names nothing of econsim but the in-memory driver and the form of scenarios.
"""

import json
import sys
import tomllib
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import process_time

from econsim.schemas.scenario import Scenario

scenario = Scenario.model_validate(tomllib.loads(Path(sys.argv[1]).read_text()))
for name in (
    "econsim.domain.execution.in_memory",
    "econsim.runs.in_memory",
    "econsim.memory",
):  # newest name first
    with suppress(ImportError):
        driver = import_module(name)
        break
for event in driver.run(scenario):  # what is loaded or built at the first event is not the driver's
    if event:
        break
orders = trades = 0
started = process_time()
# Only what is counted is looked into: a build may make an event when it is read.
for event in driver.run(scenario):
    if event.subject.split(".")[2] == "tick_cleared":
        data = event.event.data
        orders, trades = orders + data.orders, trades + data.trades
print(json.dumps({"cpu_s": process_time() - started, "orders": orders, "trades": trades}))
