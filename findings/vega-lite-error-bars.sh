#!/usr/bin/env bash
# altair 6.3.0, vl-convert 1.9.0 (Vega-Lite 5 and 6): an error bar of extent "ci" is another one each time the same chart is drawn.
# Guess: the 95 % interval of a mean is a function of the data: the one of Student's t, or at least the same on every drawing.
# Seen: `ci` resamples the data at random without a seed, so the figure in the paper is not the one that its source draws again.
# With the six values below it says about 2.5 to 8.7, where Student's t says 0.6 to 10.1: with few runs it is far too narrow;
# and of one value it makes the interval from that value to itself instead of none. `stderr` and `stdev` do not change.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq altair==6.3.0 vl-convert-python==1.9.0
"$folder/venv/bin/python" - <<'PY'
import re
from math import sqrt
from statistics import mean, stdev

import altair
import vl_convert

VALUES = [1, 2, 3, 5, 8, 13]
T_OF_FIVE = 2.571


def drawn(values, aggregate):
    """Return the number that a text of this aggregate shows."""
    data = altair.Data(values=[{"price": value} for value in values])
    chart = altair.Chart(data).mark_text().encode(text=altair.Text("price:Q", aggregate=aggregate))
    return float(re.findall(r">([\d.]+)</text>", vl_convert.vegalite_to_svg(chart.to_json()))[0])


lows = [drawn(VALUES, "ci0") for _ in range(12)]
highs = [drawn(VALUES, "ci1") for _ in range(12)]
half = T_OF_FIVE * stdev(VALUES) / sqrt(len(VALUES))
print("altair", altair.__version__, "vl-convert", vl_convert.__version__)
print("lower ends:", *sorted(set(lows)), "upper ends:", *sorted(set(highs)))
print(f"Student's t: {mean(VALUES) - half:.2f} to {mean(VALUES) + half:.2f}; of one value:", drawn([5], "ci0"), drawn([5], "ci1"))
assert len(set(lows)) > 1 and len(set(highs)) > 1
assert min(lows) > mean(VALUES) - half and max(highs) < mean(VALUES) + half
assert drawn([5], "ci0") == drawn([5], "ci1") == 5
assert len({drawn(VALUES, "stderr") for _ in range(6)}) == 1
PY
