"""One ABIDES simulation: `PYTHON abides.py CHECKOUT END`; prints a line of JSON, and writes logs to the folder it is in.

CHECKOUT is one of github.com/jpmorganchase/abides-jpmc-public; PYTHON has numpy<2, pandas<2.3, scipy, coloredlogs and psutil.
RMSC04 (1 117 agents) until END, a time of day such as 10:00:00, its logs switched off. Its sizes of orders need `pomegranate` 0.14, which no
longer builds: a stand-in draws from the same mixture with numpy. An order of ABIDES is some 16 messages (wake-ups, data, latency).
"""

import json
import sys
import types
import warnings
from importlib import import_module
from time import process_time
from typing import Any

checkout, end = sys.argv[1:3]
sys.argv = sys.argv[:1]
sys.path[:0] = [f"{checkout}/abides-core", f"{checkout}/abides-markets"]
warnings.simplefilter("ignore")
numpy = import_module("numpy")


class GeneralMixtureModel:
    """What ABIDES uses of pomegranate's class: a mixture, read from its JSON, that can be drawn from."""

    @classmethod
    def from_json(cls, text: str) -> "GeneralMixtureModel":
        """Return the mixture of a description."""
        described, model = json.loads(text), cls()
        model.parts = described["distributions"]
        model.shares = numpy.cumsum(described["weights"]) / sum(described["weights"])
        return model

    def sample(self, random_state: Any) -> float:  # noqa: ANN401 - of numpy
        """Draw once."""
        at = int(numpy.searchsorted(self.shares, random_state.random_sample()))
        part = self.parts[min(at, len(self.parts) - 1)]
        draw = random_state.lognormal if part["name"].startswith("LogNormal") else random_state.normal
        return max(1.0, draw(*part["parameters"]))


sys.modules["pomegranate"] = types.SimpleNamespace(GeneralMixtureModel=GeneralMixtureModel)
rmsc04 = import_module("abides_markets.configs.rmsc04")
exchange = import_module("abides_markets.agents.exchange_agent").ExchangeAgent
order_message = import_module("abides_markets.messages.order").OrderMsg
counts = {"orders": 0}
receive = exchange.receive_message


def counting(agent: object, time: int, sender: int, message: object) -> object:
    """Count an order that reaches the exchange."""
    counts["orders"] += isinstance(message, order_message)
    return receive(agent, time, sender, message)


exchange.receive_message = counting
quiet = {"log_orders": False, "book_logging": False, "exchange_log_orders": False}
config = rmsc04.build_config(seed=1, end_time=end, stdout_log_level="ERROR", **quiet)
started = process_time()
import_module("abides_core.abides").run(config, kernel_seed=1)
print(json.dumps({"cpu_s": process_time() - started, **counts}))
