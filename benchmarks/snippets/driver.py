"""One run in this process, from its first tick: `PYTHON driver.py SCENARIO_FILE [recorded]`; prints a line of JSON.

`recorded` has the canonical hash and the figures too, as `econsim run` takes them; the report is left out. Garbage is collected as often as
the build's command collects it. Runs on every build since 0.1.0: it names nothing of econsim but the in-memory driver, the form of
scenarios, the recorder, and the command's tuning where there is one.
"""

import json
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from time import process_time

from econsim.schemas.scenario import Scenario


def first(*names: str) -> object:
    """Return the first of these modules that the build has; newest name first."""
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


scenario = Scenario.model_validate(tomllib.loads(Path(sys.argv[1]).read_text()))
driver = first("econsim.domain.execution.in_memory", "econsim.runs.in_memory", "econsim.memory")
if tuning := first("econsim.services.gc_tuning", "econsim.collector"):
    tuning.collect_rarely()
recorder = None
if "recorded" in sys.argv:
    recorder = first("econsim.runs.recorder", "econsim.launch.record").Recorder(None)
for event in driver.run(scenario):  # what is loaded or built at the first event is not the driver's
    if event:
        break
started = None
orders = trades = 0
for event in driver.run(scenario):
    if recorder:
        recorder.add(event)
    subject = event.subject
    if started is None and ".ticked" in subject:
        started = process_time()  # the agents are made before: once a run, however long it is
    if ".tick_cleared" in subject:
        # Only what is counted is read: a build may make an event, and its tape of all orders, when somebody looks at it.
        if hasattr(event, "field"):
            orders, trades = orders + event.field("orders"), trades + event.field("trades")
        else:
            orders, trades = orders + event.event.data.orders, trades + event.event.data.trades
if recorder:
    recorder.summary()
print(json.dumps({"cpu_s": process_time() - started, "orders": orders, "trades": trades}))
