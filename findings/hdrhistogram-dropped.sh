#!/usr/bin/env bash
# hdrhistogram 0.10.8: latencies above the range of a histogram are not counted, and so make its percentiles better.
# Guess: a value out of range raises, as in the Java original, or counts as the highest value that there is.
# Seen: of 100 calls ten took 5 s, and the histogram goes up to 1 s: it has 90 values, the 99th percentile, the largest and the
# mean are 10 ms. `record_value` says so by returning False, which nobody reads, and nothing in the histogram tells how many were
# left out. The slower a service, the better it looks: the range has to cover the time-out, or the answer has to be counted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq hdrhistogram==0.10.8
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from hdrh.histogram import HdrHistogram

print("hdrhistogram", metadata.version("hdrhistogram"))
calls = [10] * 90 + [5000] * 10
histogram = HdrHistogram(1, 1000, 3)
counted = [histogram.record_value(each) for each in calls]
found = (
    histogram.get_total_count(),
    histogram.get_value_at_percentile(99),
    histogram.get_max_value(),
    histogram.get_mean_value(),
)
print(len(calls), "calls; counted, 99th percentile, largest, mean:", *found, "told by False:", counted.count(False))
assert found == (90, 10, 10, 10), found
assert counted.count(False) == 10

wide = HdrHistogram(1, 10_000, 3)
for each in calls:
    wide.record_value(each)
print("with a range up to 10 s:", wide.get_total_count(), wide.get_value_at_percentile(99), wide.get_mean_value())
assert wide.get_total_count() == 100
assert wide.get_value_at_percentile(99) > 4990
PY
