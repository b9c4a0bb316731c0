#!/usr/bin/env bash
# tdigest 0.5.2.2 with numpy 2.3.5: percentiles of data with repeated values are far from every value that was seen often.
# Guess: an estimate of percentiles is good to a per cent or so; of a thousand equal values and one other, the 90th is the
# equal one.
# Seen: equal values become one point, and the percentiles are drawn as a line between the points: of a thousand prices of 10
# and one of 5000 the 90th percentile is 4007 and the median 15; without the repeats it is near the truth. crick 0.0.8,
# another t-digest, says 10 for both. Latencies in whole milliseconds and prices on a grid are such data.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq tdigest==0.5.2.2 crick==0.0.8 numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

import crick
import numpy
import tdigest

print("tdigest", metadata.version("tdigest"), "crick", metadata.version("crick"))


def estimates(values):
    """Return the median and the 90th percentile by both libraries, and the exact ones."""
    ours, other = tdigest.TDigest(), crick.TDigest()
    ours.batch_update(values)
    other.update(numpy.array(values, dtype=float))
    found = {
        "tdigest": (ours.percentile(50), ours.percentile(90)),
        "crick": (other.quantile(0.5), other.quantile(0.9)),
        "exact": tuple(numpy.percentile(values, [50, 90])),
    }
    for name, pair in found.items():
        print(f"{name:8} median {pair[0]:8.2f}, 90th percentile {pair[1]:8.2f}")
    return found


repeated = estimates([10] * 1000 + [5000])
assert repeated["crick"] == repeated["exact"] == (10, 10), repeated
assert repeated["tdigest"][0] > 14 and repeated["tdigest"][1] > 4000, repeated

distinct = estimates([10 + n / 1000 for n in range(1000)] + [5000])
assert numpy.allclose(distinct["tdigest"], distinct["exact"], rtol=0.01), distinct
PY
