#!/usr/bin/env bash
# opentelemetry-exporter-prometheus 0.66b2 with opentelemetry-sdk 1.45.2: counts that the SDK keeps apart become one series that
# stands twice on the page, or lose what tells them apart.
# Guess: what cannot be told apart as labels is added up, or refused; values of names that fall together are joined, as the
# specification has it.
# Seen: a counter with `seller` 1 in one place and "1" in another is two lines with the same labels, 3 and 4, and so are instruments
# `my.fees` and `my_fees`: who goes by labels keeps one of the two. Of attributes `market.id` and `market_id` on one count the value of
# the first is gone. Nothing warns, and the totals are right with any other exporter. Attributes need one type and one spelling.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq opentelemetry-exporter-prometheus==0.66b2 opentelemetry-sdk==1.45.2 prometheus-client==0.26.0
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

print(*[f"{each} {metadata.version(each)}" for each in ("opentelemetry-exporter-prometheus", "prometheus_client")])
meter = MeterProvider(metric_readers=[PrometheusMetricReader()]).get_meter("economy")
trades = meter.create_counter("trades")
trades.add(3, {"seller": 1})
trades.add(4, {"seller": "1"})
meter.create_counter("my.fees").add(5)
meter.create_counter("my_fees").add(6)
meter.create_counter("offers").add(7, {"market.id": "wheat", "market_id": "north"})

found = {}
for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if not name.startswith("otel_")}
        if sample.name in ("trades_total", "my_fees_total", "offers_total"):
            found.setdefault((sample.name, *labels.items()), []).append(sample.value)
print(*found.items(), sep="\n")
assert found == {
    ("trades_total", ("seller", "1")): [3, 4],
    ("my_fees_total",): [5, 6],
    ("offers_total", ("market_id", "north")): [7],
}
PY
